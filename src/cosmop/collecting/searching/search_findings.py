"""What a search found: one table of candidates, and one log row per query and source."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cosmop.collecting.candidates import CANDIDATE_COLUMNS
from cosmop.collecting.searching.search_answers import Answer, Question
from cosmop.errors import InputError

logger = logging.getLogger(__name__)

LOG_COLUMNS = (
    *("query", "language", "source", "status", "results", "new", "seconds", "reason", "how"),
    "evidence",
)


@dataclass(frozen=True)
class SearchResult:
    """What the sources named.

    Attributes:
        candidates: One row per image, see `cosmop.collecting.candidates.CANDIDATE_COLUMNS`, each
            canonical location once.
        log: One row per query and source: query, language, source, status (ok, no_results,
            consent, blocked, layout_changed, timeout, failed), results (before de-duplication),
            new (no other question named them before), seconds, reason (why there are not more),
            how, and the file below ``pages`` in the work folder where a page that was not
            understood is kept.
    """

    candidates: pd.DataFrame
    log: pd.DataFrame


class Findings:
    """Gathers answers, whatever order they come in, and puts them in the order of `sources`."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._order = {source: place for place, source in enumerate(sources)}
        self._entries: list[tuple[Question, Answer, list[pd.DataFrame], int]] = []

    def add(
        self, question: Question, answer: Answer, frames: Sequence[pd.DataFrame], results: int
    ) -> None:
        """Add the answer to a question, with its images as frames of candidates."""
        self._entries.append((question, answer, [f for f in frames if len(f)], results))

    def result(self) -> SearchResult:
        """Return all of it.

        Raises:
            InputError: Not one image was named.
        """
        self._entries.sort(key=lambda entry: (self._order[entry[0].source], entry[0].number))
        candidates, new = self._each_once()
        log = self._log(new)
        failed = log[~log["status"].isin(["ok", "no_results"])]
        for (source, status, reason), alike in failed.groupby(["source", "status", "reason"]):
            logger.warning("%s: %d queries ended as %s (%s)", source, len(alike), status, reason)
        if candidates.empty:
            raise InputError(_nothing(log, failed if len(failed) else log))
        logger.info("%d different images were named by %d questions", len(candidates), len(log))
        return SearchResult(candidates, log)

    def _each_once(self) -> tuple[pd.DataFrame, list[int]]:
        """Return each location once, and how many each question was the first to name."""
        frames = [frame for _, _, frames, _ in self._entries for frame in frames]
        if not frames:
            return pd.DataFrame(columns=list(CANDIDATE_COLUMNS)), [0] * len(self._entries)
        table = pd.concat(frames, ignore_index=True)
        is_first = ~table["candidate_id"].duplicated()
        new, start = [], 0
        for _, _, parts, _ in self._entries:
            end = start + sum(map(len, parts))
            new.append(int(is_first[start:end].sum()))
            start = end
        return table[is_first].reset_index(drop=True), new

    def _log(self, new: Sequence[int]) -> pd.DataFrame:
        rows = [
            {
                "query": question.query,
                "language": question.language,
                "source": question.source,
                "status": answer.outcome.status,
                "results": results,
                "new": count,
                "seconds": round(answer.seconds, 3),
                "reason": answer.outcome.reason,
                "how": answer.how,
                "evidence": answer.outcome.evidence,
            }
            for (question, answer, _, results), count in zip(self._entries, new, strict=True)
        ]
        return pd.DataFrame(rows, columns=list(LOG_COLUMNS))


def _nothing(log: pd.DataFrame, worst: pd.DataFrame) -> str:
    example = worst.iloc[0]
    return (
        f"The search wants at least one image, but {len(log)} questions to "
        f"{sorted(set(log['source']))} gave none, the first of them {example['query']!r} with "
        f"{example['status']} ({example['reason'] or 'no reason given'}); try other queries or "
        "sources."
    )
