"""Label exports in: Label Studio's JSON, JSON_MIN and CSV, and plain tables, checked row by row."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd
from pydantic import Field

from cosmop.config import Options
from cosmop.errors import InputError
from cosmop.labels.answer_table import Answer, answer_table
from cosmop.labels.export_records import (
    DroppedOut,
    Record,
    Refusal,
    find_image,
    read_answers,
)
from cosmop.labels.file_names import FileNames
from cosmop.labels.schema import LabelSchema


class ImportOptions(Options):
    """How much of an export may be unusable before it is taken for that of another project."""

    max_problem_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Largest share of an export's records that may be unusable. Records about "
        "images that dropped out of the study do not count.",
    )


@dataclass(frozen=True, eq=False)
class LabelImport:
    """What an export held.

    Attributes:
        annotations: One row per answer of one annotator: ``image_id``, ``annotator`` (text),
            ``lead_time_s`` (seconds, NaN where unknown), ``created_at`` (text as exported), and one
            boolean column per criterion.
        problems: What could not be used, or contradicts itself: ``record`` (its number, from 1) and
            ``problem``.
        records: How many there were.
        refused: The numbers of those that gave no answer because they could not be used.
    """

    annotations: pd.DataFrame
    problems: pd.DataFrame
    records: int = 0
    refused: tuple[int, ...] = ()


@dataclass
class _Collected:
    """What has been read so far."""

    answers: list[tuple[str, Answer]] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    given: dict[tuple[str, str, str], tuple[int, frozenset[str]]] = field(default_factory=dict)

    def refuse(self, number: int, problem: str) -> None:
        self.problems.append((number, problem))
        if number not in self.refused[-1:]:
            self.refused.append(number)

    def take_all(self, number: int, image_id: str, answers: Sequence[Answer | str]) -> None:
        """Add what one record holds; it is refused when none of it is an answer."""
        usable = [answer for answer in answers if isinstance(answer, Answer)]
        problems = [answer for answer in answers if isinstance(answer, str)]
        for answer in usable:
            self.take(number, image_id, answer)
        for problem in problems:
            if usable:
                self.problems.append((number, problem))
            else:
                self.refuse(number, problem)

    def take(self, number: int, image_id: str, answer: Answer) -> None:
        """Add an answer; tell when it contradicts one of the same annotator and time."""
        self.answers.append((image_id, answer))
        key = (image_id, answer.annotator, answer.created_at)
        first, choices = self.given.get(key, (number, frozenset(answer.choices)))
        if choices != frozenset(answer.choices):
            self.problems.append(
                (
                    number,
                    f"annotator {answer.annotator!r} answers {list(answer.choices)} about "
                    f"{image_id!r}, which contradicts {sorted(choices)} in record {first}; "
                    "the last of them counts",
                )
            )
        self.given[key] = (number, frozenset(answer.choices))


def read_label_export(
    records: Sequence[Record],
    manifest: pd.DataFrame,
    schema: LabelSchema,
    dropped: pd.DataFrame | None = None,
) -> LabelImport:
    """Read the records of a label export, of any format it is known to come in.

    Label Studio's JSON, its JSON_MIN and CSV (rows as dicts), and, where ``schema.table`` is set,
    plain tables, are told apart record by record. A record's image is found by ``image_id``, else
    by file name, see `FileNames`. Cancelled annotations and tasks without one are skipped.

    Args:
        records: The export.
        manifest: ``image_id``, and where known ``path``, ``location``, ``source_path``, ``title``.
        schema: What was asked.
        dropped: The same columns for images that were in the study once; labels about them are told
            and left out, and are no sign of another project's file.
    """
    names = FileNames(manifest)
    dropped_names = FileNames(manifest.head(0) if dropped is None else dropped)
    read = _Collected()
    for number, record in enumerate(records, start=1):
        try:
            image_id = find_image(record, names, dropped_names, schema)
            answers = list(read_answers(record, schema))
        except DroppedOut as dropped_out:
            read.problems.append((number, str(dropped_out)))
        except Refusal as refusal:
            read.refuse(number, str(refusal))
        except (AttributeError, KeyError, TypeError):
            read.refuse(number, "it is not laid out like a Label Studio export")
        else:
            read.take_all(number, image_id, answers)
    return LabelImport(
        answer_table(read.answers, schema),
        problem_table(read.problems),
        len(records),
        tuple(read.refused),
    )


def problem_table(problems: Sequence[tuple[int, str]]) -> pd.DataFrame:
    """Return numbers and sentences as the columns ``record`` and ``problem``."""
    table = pd.DataFrame(list(problems), columns=["record", "problem"])
    return table.astype({"record": "int64", "problem": "str"})


def check_problem_share(
    read: LabelImport, images: int, schema: LabelSchema, options: ImportOptions
) -> None:
    """Refuse an export of which too much cannot be used: it belongs to another project.

    Args:
        read: The export.
        images: How many images it should be about.
        schema: What was asked.
        options: How much is too much.

    Raises:
        InputError: Quotes the first record that could not be used.
    """
    if not read.refused or len(read.refused) <= options.max_problem_share * read.records:
        return
    first = read.problems.set_index("record")["problem"].loc[[read.refused[0]]].iloc[0]
    raise InputError(
        f"The label import wanted answers {list(schema.choices)} about {images} images, but "
        f"{len(read.refused)} of {read.records} records could not be used, more than "
        f"{options.max_problem_share:.0%} (annotation.import.max_problem_share); the first is "
        f"record {read.refused[0]}: {first}; export the labels of this project as Label Studio "
        "JSON, JSON_MIN or CSV, or describe a plain table in the label schema's 'table'."
    )
