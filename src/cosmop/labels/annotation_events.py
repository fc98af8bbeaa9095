"""What a person does to one image while labelling: answer it, skip it, or take that back."""

import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cosmop.errors import InputError
from cosmop.labels.schema import LabelSchema

logger = logging.getLogger(__name__)

Names = Annotated[tuple[str, ...], Field(strict=False)]
_UTC_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"  # all alike, so that text sorts by time


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", protected_namespaces=())


class Suggestion(_Strict):
    """What a classifier took the image for; shown apart from the person's own answer."""

    choices: Names = Field(description="Criteria it says hold, or the none choice.")
    score: float | None = Field(description="How sure it is of all of them, 0 to 1.")
    model_version: str = Field(description="Name of the suggestions' source.")


class AnnotationEvent(_Strict):
    """One line of a log."""

    id: str = Field(min_length=1, max_length=64, description="Made once; a retry repeats it.")
    at: str = Field(pattern=_UTC_TIME, description="When it was written, UTC, ISO 8601.")
    annotator: str = Field(min_length=1, max_length=80)
    image_id: str = Field(min_length=1)
    task_id: int | None = Field(description="Number of the label task, None where there is none.")
    event: Literal["answer", "skip", "undo"]
    choices: Names = Field(description="The answer; empty for skip and undo.")
    suggestion: Suggestion | None = Field(description="What was suggested beside the image.")
    lead_time_s: float | None = Field(ge=0, description="Seconds that the image was looked at.")
    session: str = Field(max_length=64, description="One opening of the page.")
    undoes: str | None = Field(default=None, description="The id of the event an undo takes back.")

    def line(self) -> bytes:
        """Return the event as one line of JSON, ASCII, with its line feed."""
        return json.dumps(self.model_dump(exclude_none=False)).encode("ascii") + b"\n"


def why_unusable(event: AnnotationEvent, schema: LabelSchema) -> str:
    """Return why `event` is no answer, skip or undo about `schema`, or nothing."""
    if event.event == "answer":
        return schema.why_no_answer(event.choices)
    came = list(event.choices)
    return f"{event.event!r} has the choices {came}, wanted none" if came else ""


def split_torn_end(content: bytes) -> tuple[list[bytes], bytes]:
    """Split a log into whole lines, and what a crash left of one that was being written."""
    *lines, rest = content.split(b"\n")
    if not rest or _parsed(rest) is None:
        return lines, rest
    return [*lines, rest], b""


def _parsed(line: bytes) -> AnnotationEvent | None:
    try:
        return AnnotationEvent.model_validate_json(line)
    except ValidationError:
        return None


def parse_events(
    lines: Sequence[bytes], path: Path, schema: LabelSchema | None = None
) -> list[AnnotationEvent]:
    """Read whole lines, each event once.

    Args:
        lines: From `split_torn_end`.
        path: The log, for messages.
        schema: When given, answers are checked against it.

    Raises:
        InputError: A line is no event, or answers what `schema` does not ask; names file and line.
    """
    events: dict[str, AnnotationEvent] = {}
    for number, line in enumerate(lines, start=1):
        try:
            event = AnnotationEvent.model_validate_json(line)
        except ValidationError as error:
            raise InputError(_damaged(path, number, line, error)) from error
        if problem := why_unusable(event, schema) if schema else "":
            raise InputError(
                f"The annotation log wants answers to this project's label schema, but line "
                f"{number} of {path} cannot be used: {problem}; move the file elsewhere, or set "
                "annotation.schema as it was when the answers were given."
            )
        events.setdefault(event.id, event)
    return list(events.values())


def _damaged(path: Path, number: int, line: bytes, error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the line"
    return (
        f"The annotation log wants one event as JSON per line, but line {number} of {path} is "
        f"{line[:80].decode('utf-8', 'backslashreplace')!r} ({where}: {first['msg']}); mend or "
        "remove that line."
    )


def read_events(folder: Path, schema: LabelSchema | None = None) -> list[AnnotationEvent]:
    """Read all logs of a folder without changing them, from the earliest event to the latest.

    A line that is being written, or that a crash has torn, is left out and said.

    Raises:
        InputError: See `parse_events`.
    """
    events: list[AnnotationEvent] = []
    for path in sorted(folder.glob("*.jsonl")):
        lines, torn = split_torn_end(path.read_bytes())
        if torn:
            logger.warning("The last line of %s is torn and is left out: %r", path, torn[:80])
        events += parse_events(lines, path, schema)
    return sorted(events, key=lambda event: event.at)


def standing_events(events: Iterable[AnnotationEvent]) -> list[AnnotationEvent]:
    """Return the answers and skips that nobody took back, in the same order."""
    given = list(events)
    undone = {event.undoes for event in given if event.event == "undo"}
    return [event for event in given if event.event != "undo" and event.id not in undone]


def latest_by_image(events: Iterable[AnnotationEvent]) -> list[AnnotationEvent]:
    """Return each annotator's last standing event about each image, in order of time.

    An image that was answered and later skipped is skipped: the person withdrew the answer.
    """
    latest: dict[tuple[str, str], AnnotationEvent] = {}
    for event in standing_events(events):
        key = (event.annotator, event.image_id)
        latest.pop(key, None)
        latest[key] = event
    return list(latest.values())


def completed_annotation(event: AnnotationEvent, schema: LabelSchema) -> dict[str, Any]:
    """Return a standing event as Label Studio's annotation; a skip is a cancelled one."""
    return {
        "id": event.id,
        "completed_by": event.annotator,
        "was_cancelled": event.event == "skip",
        "ground_truth": False,
        "lead_time": event.lead_time_s,
        "created_at": event.at,
        "result": [schema.label_studio_result(event.choices)] if event.choices else [],
    }
