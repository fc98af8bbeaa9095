"""The log of answers: one file per annotator, one line per event, never rewritten."""

import hashlib
import logging
import math
import os
import re
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pandas as pd

from cosmop.errors import InputError
from cosmop.file_locks import lock_whole_file
from cosmop.labels.annotation_events import (
    AnnotationEvent,
    completed_annotation,
    latest_by_image,
    parse_events,
    read_events,
    split_torn_end,
)
from cosmop.labels.answer_table import Answer, answer_table
from cosmop.labels.schema import LabelSchema

logger = logging.getLogger(__name__)

_LONGEST_SLUG = 40
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)  # Windows only


def annotations_from_log(folder: Path, schema: LabelSchema) -> pd.DataFrame:
    """Read the answers of all annotators.

    Of one annotator only the last event about an image counts; what was undone does not, and an
    image whose last event is a skip has no answer. The files are not changed.

    Args:
        folder: Holds the logs, ``*.jsonl``; may be empty or missing.
        schema: What was asked.

    Returns:
        One row per image and annotator, the earliest answer first: ``image_id``, ``annotator``,
        ``lead_time_s`` (seconds, NaN where unknown), ``created_at`` (ISO 8601, UTC), and one
        boolean column per criterion.

    Raises:
        InputError: A line is no event, or holds choices that the schema does not know; names file,
            line and value.
    """
    latest = latest_by_image(read_events(folder, schema))
    answers = ((event.image_id, _answer(event)) for event in latest if event.event == "answer")
    return answer_table(answers, schema)


def _answer(event: AnnotationEvent) -> Answer:
    seconds = math.nan if event.lead_time_s is None else event.lead_time_s
    return Answer(event.choices, event.annotator, seconds, event.at)


def export_label_studio(
    folder: Path, label_tasks: dict[str, Any], schema: LabelSchema
) -> list[dict[str, Any]]:
    """Return all answers and skips as Label Studio's JSON export, in order of the tasks.

    Answers about images that are no longer among the tasks come last.

    Raises:
        InputError: See `annotations_from_log`.
    """
    given: dict[str, list[dict[str, Any]]] = {}
    for event in latest_by_image(read_events(folder, schema)):
        given.setdefault(event.image_id, []).append(completed_annotation(event, schema))
    records = [
        {**task, "annotations": given.pop(str(task["data"]["image_id"]))}
        for task in label_tasks["tasks"]
        if str(task["data"]["image_id"]) in given
    ]
    return records + [
        {"data": {"image_id": image_id}, "annotations": annotations}
        for image_id, annotations in given.items()
    ]


def log_file_name(annotator: str) -> str:
    """Return a file name for a person's name: safe on any disk, and different for each name."""
    plain = unicodedata.normalize("NFKD", annotator).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_SLUG]
    if slug != annotator:
        slug = f"{slug}-{hashlib.sha256(annotator.encode()).hexdigest()[:8]}".lstrip("-")
    return f"answers-{slug}.jsonl"


class AnnotationLog:
    """One annotator's log, open for writing by this process alone.

    A line that a crash has torn is moved to a file beside the log, and nothing else is touched.

    Args:
        folder: Holds the logs; made if it is missing.
        annotator: Whose answers these are.

    Attributes:
        events: All events so far, the earliest first.
        repair: What was set aside, as a sentence; empty when the log was whole.

    Raises:
        InputError: Another process writes to this log, or a line in it is no event.
    """

    def __init__(self, folder: Path, annotator: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.annotator = annotator
        self.path = folder / log_file_name(annotator)
        self._file = os.open(self.path, _FLAGS, 0o644)
        try:
            self._lock()
            _sync_folder(folder)
            self.repair = self._repair()
            lines, _ = split_torn_end(self.path.read_bytes())
            self.events = parse_events(lines, self.path)
        except BaseException:
            self.close()
            raise
        self._ids = {event.id for event in self.events}

    def _lock(self) -> None:
        try:
            lock_whole_file(self._file)
        except OSError as error:
            raise InputError(
                f"The annotation log of {self.annotator!r} can be written by one server at a time, "
                f"but another one holds {self.path}; label in the page that is already open, end "
                "the other server, or give another name with --annotator."
            ) from error

    def _repair(self) -> str:
        """Set a torn last line aside, or end a whole one that lacks its line feed."""
        content = self.path.read_bytes()
        _, torn = split_torn_end(content)
        if content and not torn and not content.endswith(b"\n"):
            self._append(b"\n")
        if not torn:
            return ""
        aside = self.path.with_suffix(".torn")
        with aside.open("ab") as kept:
            kept.write(torn + b"\n")
            kept.flush()
            os.fsync(kept.fileno())
        os.ftruncate(self._file, len(content) - len(torn))
        os.fsync(self._file)
        sentence = f"The last line of {self.path} was torn and is kept in {aside}"
        logger.warning("%s; no other answer is affected", sentence)
        return sentence

    def write(self, event: AnnotationEvent) -> bool:
        """Append `event`; when this returns it is on the disk.

        An event whose id is already in the log is not written again. Times never run backwards in
        a log, whatever the clock does.

        Returns:
            Whether a line was written.

        Raises:
            OSError: It could not be written, and the log is as it was before.
        """
        if event.id in self._ids:
            return False
        if self.events and event.at < self.events[-1].at:
            event = event.model_copy(update={"at": self.events[-1].at})
        self._append(event.line())
        self.events.append(event)
        self._ids.add(event.id)
        return True

    def _append(self, line: bytes) -> None:
        end = os.fstat(self._file).st_size
        self._check_still_there()
        try:
            while line:  # a write may end early, in the middle of the line
                line = line[os.write(self._file, line) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, end)
            raise

    def _check_still_there(self) -> None:
        """Refuse to write into a file that lost its name: the answers would vanish with it."""
        if not (self.path.exists() and os.path.samestat(self.path.stat(), os.fstat(self._file))):
            raise FileNotFoundError(f"{self.path} was moved or replaced while it was in use")

    def close(self) -> None:
        """Let other processes write to this log."""
        with suppress(OSError):
            os.close(self._file)
        self._file = -1  # the number may soon be another file's

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, where the system has such a thing."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def utc_now() -> str:
    """Return the time in UTC as logs hold it, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
