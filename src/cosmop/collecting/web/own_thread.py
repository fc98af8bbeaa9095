"""An event loop of one's own, whoever calls and whatever loop runs there already."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

T = TypeVar("T")

_LoopAndTask = tuple[asyncio.AbstractEventLoop, "asyncio.Task[Any] | None"]

_SECONDS_BETWEEN_LOOKS = 0.5  # Windows hears Ctrl-C only between two waits


def run_in_own_thread(begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run what `begin` returns in the event loop of a new thread, and wait for it.

    Works in ordinary code, in a thread, and in a notebook, whose thread runs a loop already. If
    the wait is interrupted (Ctrl-C), the task is cancelled, ends its contexts, and then the
    interruption goes on.
    """
    started: Future[_LoopAndTask] = Future()

    async def main() -> T:
        started.set_result((asyncio.get_running_loop(), asyncio.current_task()))
        return await begin()

    with ThreadPoolExecutor(1, thread_name_prefix="download") as thread:
        finished = thread.submit(asyncio.run, main())
        try:
            while not finished.done():
                wait([finished], timeout=_SECONDS_BETWEEN_LOOKS)
        except BaseException:
            loop, task = started.result()
            if task is not None and not finished.done():
                loop.call_soon_threadsafe(task.cancel)
            raise
        return finished.result()
