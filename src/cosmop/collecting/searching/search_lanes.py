"""Lanes of a search: what must be asked one after the other, beside other lanes."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue

from cosmop.collecting.candidates import Outcome
from cosmop.collecting.searching.search_answers import Answer, AnswerJournal, Question

Ask = Callable[[Question], Outcome]
Answered = tuple[Question, Answer]


@dataclass(frozen=True)
class Lane:
    """Questions to one means of asking: a browser, an API, the posts.

    Attributes:
        questions: In the order in which they are asked.
        opened: Opens the means on a stack that closes it, and returns how to ask and its name;
            is called in the lane's own thread, and only if there is a question left to ask.
    """

    questions: Sequence[Question]
    opened: Callable[[ExitStack], tuple[Ask, str]]


class _Failures:
    """Counts what a source refuses or fails in a row."""

    def __init__(self, give_up_after: int) -> None:
        self._most = give_up_after
        self._in_a_row: dict[str, list[Outcome]] = {}

    def note(self, source: str, outcome: Outcome) -> None:
        if outcome.status in ("ok", "no_results"):
            self._in_a_row.pop(source, None)
        else:
            self._in_a_row.setdefault(source, []).append(outcome)

    def refusal(self, question: Question) -> Outcome | None:
        """Return the outcome of a question that is not to be asked; None if it is."""
        row = self._in_a_row.get(question.source, [])
        if question.provider is None or len(row) < self._most:
            return None
        reason = f"not asked, because {len(row)} questions in a row failed ({row[-1].reason})"
        return Outcome(row[-1].status, reason=reason)


def ask_lanes(
    lanes: Sequence[Lane], journal: AnswerJournal, give_up_after: int
) -> Iterator[Answered]:
    """Yield the answers of all lanes as they come; each lane runs in a thread of its own.

    When the iterator is closed or fails, every lane ends after the question it is asking.
    """
    inbox: SimpleQueue[Answered | Exception | None] = SimpleQueue()
    stop = threading.Event()

    def run(lane: Lane) -> None:
        try:
            for answered in _ask_lane(lane, journal, give_up_after, stop):
                inbox.put(answered)
        except Exception as error:  # noqa: BLE001 - raised again where the lanes are asked
            inbox.put(error)
        else:
            inbox.put(None)

    with ThreadPoolExecutor(max(1, len(lanes)), "search") as threads:
        try:
            for lane in lanes:
                threads.submit(run, lane)
            yield from _until_all_ended(inbox, len(lanes))
        finally:
            stop.set()


def _until_all_ended(
    inbox: "SimpleQueue[Answered | Exception | None]", running: int
) -> Iterator[Answered]:
    while running:
        item = inbox.get()
        if isinstance(item, Exception):
            raise item
        if item is None:
            running -= 1
        else:
            yield item


def _ask_lane(
    lane: Lane, journal: AnswerJournal, give_up_after: int, stop: threading.Event
) -> Iterator[Answered]:
    failures = _Failures(give_up_after)
    with ExitStack() as stack:
        means: tuple[Ask, str] | None = None
        for question in lane.questions:
            if stop.is_set():
                return
            answer = journal.get(question)
            if answer is None and (refusal := failures.refusal(question)):
                answer = Answer(refusal, 0.0, "")
            if answer is None:
                means = means or lane.opened(stack)
                answer = _answer(question, *means)
                journal.add(question, answer)
                failures.note(question.source, answer.outcome)
            yield question, answer


def _answer(question: Question, ask: Ask, how: str) -> Answer:
    start = time.monotonic()
    outcome = ask(question)
    return Answer(outcome, time.monotonic() - start, how)
