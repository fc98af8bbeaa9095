"""An event loop of one's own, whoever calls and whatever loop runs there already."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import wait
from typing import Any, Self, TypeVar

T = TypeVar("T")

_SECONDS_BETWEEN_LOOKS = 0.5  # Windows hears Ctrl-C only between two waits


class OwnThread:
    """An event loop in a new thread, for ordinary code; a context manager.

    Works in a thread, and in a notebook, whose thread runs a loop already. Several threads may
    have their work done here at once.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._is_closing = asyncio.Event()
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` in the loop and wait for it.

        If the wait is interrupted (Ctrl-C), the work is cancelled and the interruption goes on;
        `close` then waits until the work has ended its contexts.
        """
        try:
            done = asyncio.run_coroutine_threadsafe(work, self._loop)
            while not done.done():
                wait([done], timeout=_SECONDS_BETWEEN_LOOKS)
        except BaseException:  # also where it was handed over, and we were not yet told
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(_cancel, work)
            raise
        return done.result()

    def close(self) -> None:
        """Wait for all work, and end the thread; a second time does nothing."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._is_closing.set)
            self._thread.join()

    def _live(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_closed())

    async def _until_closed(self) -> None:
        await self._is_closing.wait()
        work = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*work, return_exceptions=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _cancel(work: Coroutine[Any, Any, Any]) -> None:
    """Cancel the task that does `work`; what nobody has begun ends without a word."""
    tasks = [task for task in asyncio.all_tasks() if task.get_coro() is work]
    for task in tasks:
        task.cancel()
    if not tasks:
        work.close()
