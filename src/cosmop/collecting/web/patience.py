"""How long one answer is waited for, and how much of it is taken."""

import asyncio
import math
from types import TracebackType
from typing import Self

from cosmop.collecting.web.fetch_errors import FetchError, FetchLimits


class Patience:
    """A context in which one answer must come: first its headers in time, then a body at a pace.

    One timer of the event loop, moved when the phase changes; a server that sends one byte per
    second keeps no time limit per read from passing, but it does not move this one.

    Raises:
        FetchError: On leaving, of kind ``timeout`` or ``too_slow``, when the time was over.
    """

    def __init__(self, limits: FetchLimits, left_s: float) -> None:
        self._limits = limits
        self._window_s = limits.rate_window_s if limits.min_bytes_per_s else math.inf
        self._needed = limits.min_bytes_per_s * limits.rate_window_s
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._end = self._start + left_s
        self._timer = asyncio.timeout_at(min(self._start + limits.headers_s, self._end))
        self._window_end = 0.0
        self._in_window = 0
        self._received = 0

    @property
    def used_s(self) -> float:
        """Seconds since the context was made."""
        return self._loop.time() - self._start

    def begin_body(self) -> None:
        """Stop waiting for headers; from now on the pace counts."""
        self._window_end = self._loop.time() + self._window_s
        self._timer.reschedule(min(self._window_end, self._end))

    def count(self, received: int) -> None:
        """Count bytes of the body.

        A window that has its bytes passes; the next one then has its whole time.

        Raises:
            FetchError: Of kind ``too_long``.
        """
        self._received += received
        if self._received > self._limits.max_bytes:
            raise too_long(self._limits)
        if self._loop.time() >= self._window_end:
            self._window_end += self._window_s
            self._in_window = 0
        had_enough = self._in_window >= self._needed
        self._in_window += received
        if self._in_window >= self._needed and not had_enough:
            self._timer.reschedule(min(self._window_end + self._window_s, self._end))

    async def __aenter__(self) -> Self:
        await self._timer.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._timer.__aexit__(kind, error, traceback)
        except TimeoutError as late:
            raise self._in_words() from late

    def _in_words(self) -> FetchError:
        if self._loop.time() >= self._end:
            return FetchError("timeout", f"took longer than {self._limits.total_s:g} s")
        if not self._window_end:
            return FetchError("timeout", "no answer in time")
        least = self._limits.min_bytes_per_s
        return FetchError("too_slow", f"slower than {least:g} bytes per second")


def too_long(limits: FetchLimits) -> FetchError:
    """Return the failure of a body that is larger than `limits` allow."""
    return FetchError("too_long", f"longer than {limits.max_bytes} bytes")
