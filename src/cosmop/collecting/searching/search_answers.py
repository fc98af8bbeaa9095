"""Answers of a search on disk as they come, so that a search that was killed asks nothing twice."""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from cosmop.collecting.candidates import FoundImage, Outcome
from cosmop.collecting.json_lines import FolderLock, JsonLines
from cosmop.config import Options

logger = logging.getLogger(__name__)

_EMPTY = asdict(FoundImage(""))
_KNOWN = {field.name for field in fields(FoundImage)}
_REUSED = ("ok", "no_results")  # what was refused or failed is worth another question


@dataclass(frozen=True)
class Question:
    """One query to one source.

    Attributes:
        source: Name of the provider, or posts.
        query: The words.
        language: A code, or empty.
        limit: Images wanted at most.
        number: Place of the query in its table.
        provider: Its definition; None for posts.
    """

    source: str
    query: str
    language: str
    limit: int
    number: int = 0
    provider: Any = None

    @property
    def key(self) -> str:
        """A digest of everything that the answer depends on; empty for posts.

        Posts have an archive of their own, and are paid for.
        """
        if not isinstance(self.provider, Options):
            return ""
        parts = [self.provider.model_dump(mode="json"), self.query, self.language, self.limit]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Answer:
    """What a question gave.

    Attributes:
        outcome: Status, images, reason.
        seconds: That it took.
        how: By which means it was asked.
    """

    outcome: Outcome
    seconds: float
    how: str


class AnswerJournal:
    """The answers of one search in ``answers.jsonl``; several threads may use it.

    Answers that an interrupted search left are found again if they are not too old. `finish`
    removes the file: the next search asks anew.

    Args:
        work: Folder of the file; one process at a time works there.
        reuse_hours: Age of answers that are still used.
        clock: Seconds since 1970.

    Raises:
        InputError: Another process works in the folder.
    """

    def __init__(
        self, work: Path, reuse_hours: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._oldest = clock() - reuse_hours * 3600
        self._access = threading.Lock()
        self._turn = FolderLock(work)
        self._lines = JsonLines(work / "answers.jsonl")
        self._rows = {row["key"]: row for row in self._lines.rows if self._is_usable(row)}
        self._lines.rows.clear()
        if self._rows:
            logger.info("%d answers of an interrupted search are used again", len(self._rows))

    def _is_usable(self, row: dict[str, Any]) -> bool:
        at = row.get("at")
        is_recent = isinstance(at, int | float) and self._oldest <= at <= self._clock() + 60
        if not is_recent or row.get("status") not in _REUSED or type(row.get("key")) is not str:
            return False
        found = row.get("found")
        return isinstance(found, list) and all(map(_is_image, found))

    def get(self, question: Question) -> Answer | None:
        """Return the answer that an interrupted search left; None if there is none."""
        row = self._rows.get(question.key) if question.key else None
        if row is None:
            return None
        images = tuple(
            FoundImage(**{name: value for name, value in image.items() if name in _KNOWN})
            for image in row["found"]
        )
        outcome = Outcome(row["status"], images, row.get("reason", ""), row.get("evidence", ""))
        return Answer(outcome, 0.0, f"{row.get('how', '')}, before the interruption")

    def add(self, question: Question, answer: Answer) -> None:
        """Write an answer; it is on disk when this returns.

        Raises:
            InputError: It cannot be written.
        """
        if not question.key:
            return
        outcome = answer.outcome
        row = {
            "key": question.key,
            **{"source": question.source, "query": question.query, "language": question.language},
            **{"limit": question.limit, "at": self._clock(), "seconds": answer.seconds},
            **{"status": outcome.status, "reason": outcome.reason, "how": answer.how},
            "evidence": outcome.evidence,
            "found": [_told(image) for image in outcome.found],
        }
        with self._access:
            self._lines.append(row)
            self._lines.rows.clear()  # the table of candidates holds them already

    def finish(self) -> None:
        """Remove the file, for the search is over."""
        self._lines.close()
        self._lines.file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._turn.close()


def _is_image(told: object) -> bool:
    """Tell whether `told` is what `_told` wrote."""
    if not isinstance(told, dict) or "location" not in told:
        return False
    return all(type(told[name]) is type(_EMPTY[name]) for name in told.keys() & _KNOWN)


def _told(image: FoundImage) -> dict[str, Any]:
    """Return what an image says, without what is empty."""
    return {name: value for name, value in asdict(image).items() if value != _EMPTY[name]}
