"""Lanes of a search: what must be asked one after the other, beside other lanes."""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from queue import SimpleQueue

from cosmop.collecting.candidates import Outcome
from cosmop.collecting.searching.search_answers import Answer, AnswerJournal, Question

Ask = Callable[[Question], Outcome]
Answered = tuple[Question, Answer]

_GRACE_S = 1.0  # for the question that is being asked when the search is ended
_LONGEST_END_S = 20.0  # for a browser that is just starting, or hangs


@dataclass(frozen=True)
class Lane:
    """Questions to one means of asking: a browser, an API, the posts.

    Attributes:
        questions: In the order in which they are asked.
        opened: Opens the means on a stack that closes it, and returns how to ask and its name;
            is called in the lane's own thread, and only if there is a question left to ask. The
            stack may be closed by another thread while a question is being asked.
    """

    questions: Sequence[Question]
    opened: Callable[[ExitStack], tuple[Ask, str]]


class _Means:
    """What a lane asks by: opened when it is first needed, and closed from any thread."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._stack = ExitStack()
        self._access = threading.Lock()
        self._opened: tuple[Ask, str] | None = None

    def opened(self) -> tuple[Ask, str]:
        with self._access:
            self._opened = self._opened or self._lane.opened(self._stack)
            return self._opened

    def close(self) -> None:
        with self._access:
            self._stack.close()


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
) -> Generator[Answered]:
    """Yield the answers of all lanes as they come; each lane runs in a thread of its own.

    When the generator is closed or fails, as by Ctrl-C, a question that is being asked is broken
    off after a moment: its means are closed. Whoever does not hear of it is left alone.
    """
    inbox: SimpleQueue[Answered | Exception | None] = SimpleQueue()
    stop = threading.Event()

    def run(lane: Lane, means: _Means) -> None:
        try:
            with closing(means):
                for answered in _ask_lane(lane, means, journal, give_up_after, stop):
                    inbox.put(answered)
        except Exception as error:  # noqa: BLE001 - raised again where the lanes are asked
            inbox.put(error)
        else:
            inbox.put(None)

    running = {_started(run, lane, means := _Means(lane)): means for lane in lanes}
    try:
        yield from _until_all_ended(inbox, len(lanes))
    finally:
        stop.set()
        _break_off(running)


def _started(target: Callable[..., object], *given: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=given, name="search", daemon=True)
    thread.start()
    return thread


def _break_off(running: Mapping[threading.Thread, _Means]) -> None:
    """Wait for lanes that are about to end, then close what the others ask by."""
    _join(running, _GRACE_S)
    asking = [means for thread, means in running.items() if thread.is_alive()]
    _join([_started(means.close) for means in asking], _LONGEST_END_S)
    _join(running, _GRACE_S)


def _join(threads: Iterable[threading.Thread], seconds: float) -> None:
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))


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
    lane: Lane,
    means: _Means,
    journal: AnswerJournal,
    give_up_after: int,
    stop: threading.Event,
) -> Iterator[Answered]:
    failures = _Failures(give_up_after)
    for question in lane.questions:
        answer = journal.get(question)
        if answer is None and (refusal := failures.refusal(question)):
            answer = Answer(refusal, 0.0, "")
        if answer is None:
            ask, how = means.opened()
            if stop.is_set():
                return
            answer = _answer(question, ask, how)
            journal.add(question, answer)
            failures.note(question.source, answer.outcome)
        yield question, answer


def _answer(question: Question, ask: Ask, how: str) -> Answer:
    start = time.monotonic()
    outcome = ask(question)
    return Answer(outcome, time.monotonic() - start, how)
