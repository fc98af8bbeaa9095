"""One process that answers lines, as an event loop sees it; what it is told, see `line_workers`."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from cosmop.imaging.line_workers import how_it_ended, worker_command, worker_environment

_START_S = 60.0


class ProcessEndedError(Exception):
    """A process ended over a line; the message says how, after "the process that decoded it".

    Attributes:
        has_hung: It was killed because it took too long.
    """

    def __init__(self, how: str, *, has_hung: bool = False) -> None:
        super().__init__(how)
        self.has_hung = has_hung


class NotStartedError(Exception):
    """A process ended before it answered its first line."""


def _new_future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False)
class Question:
    """A line to tell, without its end, and where the answer goes.

    Attributes:
        is_suspect: A process ended while it had this question among others: it is asked alone.
    """

    line: bytes
    is_suspect: bool = False
    answer: asyncio.Future[bytes] = field(default_factory=_new_future)

    def fail(self, error: Exception) -> None:
        """Let the asker have an error."""
        if not self.answer.done():
            self.answer.set_exception(error)


class LineProcess(asyncio.SubprocessProtocol):
    """A process with the questions that it was told; the first of them are in work.

    Args:
        limit_s: A process that needs longer for one answer is killed.
        on_change: Called when it is ready, when it has answered, and when it has ended.

    Attributes:
        questions: Told, not answered yet.
        is_ready: It has answered its first line.
        ended: How it ended, once it has.
    """

    def __init__(self, limit_s: float, on_change: Callable[["LineProcess"], None]) -> None:
        self.questions: deque[Question] = deque()
        self.is_ready = False
        self.ended: asyncio.Future[ProcessEndedError] = _new_future()
        self._limit_s = limit_s
        self._on_change = on_change
        self._transport: asyncio.SubprocessTransport | None = None
        self._input: asyncio.WriteTransport | None = None
        self._first_line = b""
        self._unread = b""
        self._timer: asyncio.TimerHandle | None = None
        self._has_hung = False

    async def start(self, module: str, first_line: bytes) -> None:
        """Start `module` as a worker and tell it its first line."""
        # In a session of its own: Ctrl-C reaches this program alone, which then stops the others.
        self._first_line = first_line
        await asyncio.get_running_loop().subprocess_exec(
            lambda: self,
            *worker_command(module),
            stderr=None,
            env=worker_environment(),
            start_new_session=True,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell it its first line."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._input = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        self._input.write(self._first_line + b"\n")
        self._watch(_START_S)

    def tell(self, question: Question) -> None:
        """Tell it one more question; it need not have answered the one before."""
        if not self.questions:
            self._watch(self._limit_s)
        self.questions.append(question)
        cast(asyncio.WriteTransport, self._input).write(question.line + b"\n")

    def kill(self) -> None:
        """End it, whatever it is doing."""
        if self._transport is not None:
            with suppress(ProcessLookupError):
                self._transport.kill()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002  it has one output
        """Hand out the answers that are complete."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._take(line)
        if lines:
            self._on_change(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the code says more
        """Say how it ended; all that it answered has been read."""
        self._watch(None)
        transport = cast(asyncio.SubprocessTransport, self._transport)
        code = transport.get_returncode()
        transport.close()
        how = f"took longer than {self._limit_s:g} s" if self._has_hung else how_it_ended(code or 0)
        self.ended.set_result(ProcessEndedError(how, has_hung=self._has_hung))
        self._on_change(self)

    def _take(self, line: bytes) -> None:
        if not self.is_ready:
            self.is_ready = True
        elif self.questions:
            answer = self.questions.popleft().answer
            if not answer.done():
                answer.set_result(line)
        self._watch(self._limit_s if self.questions else None)

    def _watch(self, limit_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = None if limit_s is None else loop.call_later(limit_s, self._give_up)

    def _give_up(self) -> None:
        self._has_hung = True
        self.kill()
