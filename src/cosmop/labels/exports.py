"""Label exports in: Label Studio's JSON, JSON_MIN and CSV, and plain tables, checked row by row."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cosmop.errors import InputError
from cosmop.labels.file_names import FileNames
from cosmop.labels.schema import ANNOTATION_COLUMNS, LabelSchema

Record = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class LabelImport:
    """What an export held.

    Attributes:
        annotations: One row per answer of one annotator: ``image_id``, ``annotator`` (text),
            ``lead_time_s`` (seconds, NaN where unknown), ``created_at`` (text as exported), and one
            boolean column per criterion.
        problems: What could not be used: ``record`` (its number, from 1) and ``problem``.
    """

    annotations: pd.DataFrame
    problems: pd.DataFrame


class _Refusal(Exception):  # noqa: N818  # a value on its way to the problem table
    """One record cannot be used; the message becomes its row."""


@dataclass(frozen=True)
class _Answer:
    choices: tuple[str, ...]
    annotator: str
    lead_time_s: float
    created_at: str


def read_label_export(
    records: Sequence[Record], manifest: pd.DataFrame, schema: LabelSchema
) -> LabelImport:
    """Read the records of a label export, of any format it is known to come in.

    Label Studio's JSON, its JSON_MIN and CSV (rows as dicts), and, where ``schema.table`` is set,
    plain tables, are told apart record by record. A record's image is found by ``image_id``, else
    by file name, see `FileNames`. Cancelled annotations and tasks without one are skipped.

    Args:
        records: The export.
        manifest: ``image_id``, and where known ``path``, ``location``, ``source_path``, ``title``.
        schema: What was asked.

    Raises:
        InputError: No record could be used at all; it quotes the first problem.
    """
    names = FileNames(manifest)
    rows: list[dict[str, Any]] = []
    problems: list[tuple[int, str]] = []
    for number, record in enumerate(records, start=1):
        try:
            image_id = _find_image(record, names, schema)
            answers = list(_answers(record, schema))
        except _Refusal as refusal:
            problems.append((number, str(refusal)))
            continue
        except (AttributeError, KeyError, TypeError):
            problems.append((number, "it is not laid out like a Label Studio export"))
            continue
        for answer in answers:
            if isinstance(answer, str):
                problems.append((number, answer))
            else:
                rows.append(_row(image_id, answer, schema))
    if not rows:
        raise InputError(_nothing_usable(len(records), len(manifest), problems, schema))
    return LabelImport(
        _typed(pd.DataFrame(rows), schema),
        pd.DataFrame(problems, columns=["record", "problem"]).astype(
            {"record": "int64", "problem": "str"}
        ),
    )


def _nothing_usable(
    count: int, images: int, problems: list[tuple[int, str]], schema: LabelSchema
) -> str:
    first = (
        f"; the first problem is in record {problems[0][0]}: {problems[0][1]}" if problems else ""
    )
    return (
        f"The label import wanted answers {list(schema.choices)} about {images} images, but none "
        f"of {count} records could be used{first}; export the labels of this project as Label "
        "Studio JSON, JSON_MIN or CSV, or describe a plain table in the label schema's 'table'."
    )


def _typed(rows: pd.DataFrame, schema: LabelSchema) -> pd.DataFrame:
    kinds = dict.fromkeys(ANNOTATION_COLUMNS, "str") | dict.fromkeys(schema.criteria, "bool")
    return rows.astype(kinds | {"lead_time_s": "float64"})[list(kinds)]


def _row(image_id: str, answer: _Answer, schema: LabelSchema) -> dict[str, Any]:
    held = {name: name in answer.choices for name in schema.criteria}
    return {
        "image_id": image_id,
        "annotator": answer.annotator,
        "lead_time_s": answer.lead_time_s,
        "created_at": answer.created_at,
        **held,
    }


def _find_image(record: Record, names: FileNames, schema: LabelSchema) -> str:
    if not isinstance(record, Mapping):
        raise _Refusal(f"it is {type(record).__name__}, not an object with named fields")
    data = record.get("data") if "annotations" in record else record
    if not isinstance(data, Mapping):
        raise _Refusal("it has annotations but no 'data' that says of which image")
    image_id = _text(data.get("image_id"))
    if image_id:
        if image_id not in names.ids:
            raise _Refusal(f"the image_id {image_id!r} is not in this image set")
        return image_id
    column = schema.table.file_column if schema.table else "file"
    file = _text(data.get("image")) or _text(data.get(column))
    if not file:
        raise _Refusal(f"it names no image: no 'image_id', 'image' or {column!r}")
    found = names.find(file)
    if len(found) == 1:
        return found[0]
    if found:
        raise _Refusal(f"the file {file!r} is the name of {len(found)} images in this image set")
    raise _Refusal(f"the file {file!r} is not in this image set")


def _answers(record: Record, schema: LabelSchema) -> Iterator["_Answer | str"]:
    """Yield the answers of one record, and as text the problem of each that cannot be used."""
    if "annotations" in record:
        for annotation in record["annotations"] or ():
            if not annotation.get("was_cancelled"):
                yield from _label_studio_answer(annotation, schema)
    elif not _is_missing(record.get(schema.control_name)):
        choices = _parse_choices(record[schema.control_name])
        yield _checked(choices, schema) or _answer(choices, record, record.get("annotator"))
    elif schema.table and not _is_missing(record.get(schema.table.label_column)):
        yield from _table_answer(record, schema)
    else:
        where = [schema.control_name] + ([schema.table.label_column] if schema.table else [])
        yield f"it has no answer: no 'annotations' and nothing under {where}"


def _label_studio_answer(annotation: Record, schema: LabelSchema) -> Iterator["_Answer | str"]:
    choices: list[str] = []
    for result in annotation.get("result") or ():
        control = result.get("from_name")
        if control != schema.control_name:
            yield f"the control {control!r} is unknown; wanted {schema.control_name!r}"
            continue
        choices += result.get("value", {}).get("choices", [])
    yield _checked(choices, schema) or _answer(choices, annotation, annotation.get("completed_by"))


def _table_answer(record: Record, schema: LabelSchema) -> Iterator["_Answer | str"]:
    table = schema.table
    if table is None:
        return
    value = _text(record[table.label_column])
    if value not in table.values:
        yield f"the label {value!r} is unknown; wanted one of {list(table.values)}"
        return
    names = table.values[value]
    if names is not None:
        yield _answer(list(names) or [schema.none_choice], record, table.annotator)


def _checked(choices: list[str], schema: LabelSchema) -> str:
    """Return why `choices` are no answer, or nothing."""
    if not choices:
        return "the annotation holds no choice"
    if unknown := [name for name in choices if name not in schema.choices]:
        return f"the label {unknown[0]!r} is unknown; wanted one of {list(schema.choices)}"
    if schema.none_choice in choices and len(set(choices)) > 1:
        return f"{schema.none_choice!r} contradicts {choices}"
    return ""


def _answer(choices: list[str], source: Record, annotator: Any) -> _Answer:
    if isinstance(annotator, Mapping):  # Label Studio Enterprise: {"id", "email", …}
        annotator = annotator.get("email") or annotator.get("id")
    if isinstance(annotator, float) and annotator.is_integer():  # a CSV column with gaps
        annotator = int(annotator)
    try:
        lead_time_s = float(source.get("lead_time") or math.nan)
    except (TypeError, ValueError):
        lead_time_s = math.nan
    who = _text(annotator) or "unknown"
    return _Answer(tuple(choices), who, lead_time_s, _text(source.get("created_at")))


def _parse_choices(value: Any) -> list[str]:
    """Read choices as JSON_MIN and CSV hold them: text, list, ``{"choices": […]}``, or its JSON."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return [value]
    if isinstance(value, Mapping):
        value = value.get("choices", [])
    return [value] if isinstance(value, str) else [str(choice) for choice in value]


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _text(value: Any) -> str:
    return "" if _is_missing(value) else str(value)
