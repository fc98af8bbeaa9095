"""One record of a label export: which image it is about, and what it answers."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from cosmop.labels.answer_table import Answer
from cosmop.labels.file_names import FileNames
from cosmop.labels.schema import LabelSchema

Record = Mapping[str, Any]


class Refusal(Exception):  # noqa: N818  # a value on its way to the problem table
    """One record cannot be used; the message becomes its row."""


class DroppedOut(Refusal):
    """One record is about an image that the study has put aside since."""


def find_image(record: Record, names: FileNames, dropped: FileNames, schema: LabelSchema) -> str:
    """Return the id of the image that `record` is about.

    Raises:
        Refusal: It names none, or not just one; `DroppedOut` when it was in the study once.
    """
    if not isinstance(record, Mapping):
        raise Refusal(f"it is {type(record).__name__}, not an object with named fields")
    data = record.get("data") if "annotations" in record else record
    if not isinstance(data, Mapping):
        raise Refusal("it has annotations but no 'data' that says of which image")
    image_id = _text(data.get("image_id"))
    column = schema.table.file_column if schema.table else "file"
    file = _text(data.get("image")) or _text(data.get(column))
    if not image_id and not file:
        raise Refusal(f"it names no image: no 'image_id', 'image' or {column!r}")
    what = f"the image_id {image_id!r}" if image_id else f"the file {file!r}"
    found = names.matches(image_id, file)
    if len(found) == 1:
        return found[0]
    if found:
        raise Refusal(f"{what} is the name of {len(found)} images in this image set")
    if dropped.matches(image_id, file):
        raise DroppedOut(f"{what} dropped out of the study before the labelling")
    raise Refusal(f"{what} is not in this image set")


def read_answers(record: Record, schema: LabelSchema) -> Iterator["Answer | str"]:
    """Yield the answers of one record, and as text the problem of each that cannot be used."""
    if "annotations" in record:
        for annotation in record["annotations"] or ():
            if not annotation.get("was_cancelled"):
                yield from _label_studio_answer(annotation, schema)
    elif _is_unanswered(record, schema):
        return
    elif not _is_missing(record.get(schema.control_name)):
        choices = _parse_choices(record[schema.control_name])
        yield schema.why_no_answer(choices) or _answer(choices, record, record.get("annotator"))
    elif schema.table and not _is_missing(record.get(schema.table.label_column)):
        yield from _table_answer(record, schema)
    else:
        where = [schema.control_name] + ([schema.table.label_column] if schema.table else [])
        yield f"it has no answer: no 'annotations' and nothing under {where}"


def _is_unanswered(record: Record, schema: LabelSchema) -> bool:
    """Tell whether a row has places for an answer and all of them are empty."""
    places = {"annotation_id", schema.control_name}
    places |= {schema.table.label_column} if schema.table else set()
    held = [record[place] for place in places if place in record]
    return bool(held) and all(_is_missing(value) for value in held)


def _label_studio_answer(annotation: Record, schema: LabelSchema) -> Iterator["Answer | str"]:
    choices: list[str] = []
    for result in annotation.get("result") or ():
        control = result.get("from_name")
        if control != schema.control_name:
            yield f"the control {control!r} is unknown; wanted {schema.control_name!r}"
            continue
        choices += result.get("value", {}).get("choices", [])
    annotator = annotation.get("completed_by")
    yield schema.why_no_answer(choices) or _answer(choices, annotation, annotator)


def _table_answer(record: Record, schema: LabelSchema) -> Iterator["Answer | str"]:
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


def _answer(choices: list[str], source: Record, annotator: Any) -> Answer:
    if isinstance(annotator, Mapping):  # Label Studio Enterprise: {"id", "email", …}
        annotator = annotator.get("email") or annotator.get("id")
    if isinstance(annotator, float) and annotator.is_integer():  # a CSV column with gaps
        annotator = int(annotator)
    who = _text(annotator) or "unknown"
    lead_time_s = _seconds(source.get("lead_time"))
    return Answer(tuple(choices), who, lead_time_s, _text(source.get("created_at")))


def _seconds(value: Any) -> float:
    """Read a lead time; NaN for what is no length of time."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return math.nan
    return seconds if 0 < seconds < math.inf else math.nan


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
