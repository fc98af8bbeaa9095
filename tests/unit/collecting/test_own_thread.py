import asyncio
import contextlib
import signal
import threading
import time
import warnings

import pytest

from cosmop.collecting.web.own_thread import OwnThread


def ctrl_c():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


async def double(number):
    await asyncio.sleep(0.01)
    return 2 * number


async def fail():
    raise TimeoutError("the work's own")


def test_work_gives_its_result_or_its_error_and_leaves_nothing():
    before = set(threading.enumerate())
    with OwnThread("test") as thread:
        assert [thread.run(double(number)) for number in range(3)] == [0, 2, 4]
        with pytest.raises(TimeoutError, match="the work's own"):
            thread.run(fail())
    thread.close()

    assert set(threading.enumerate()) <= before


def test_it_works_where_a_loop_runs_already():
    async def main():
        with OwnThread("test") as thread:
            return thread.run(double(4))

    assert asyncio.run(main()) == 8


def test_several_threads_have_their_work_done_at_once():
    met, results = asyncio.Barrier(4), []

    async def meet():
        return await met.wait()

    with OwnThread("test") as thread:
        askers = [
            threading.Thread(target=lambda: results.append(thread.run(meet()))) for _ in range(4)
        ]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()

    assert sorted(results) == [0, 1, 2, 3]


def test_an_interrupted_wait_lets_the_work_end_its_contexts():
    done = []

    @contextlib.asynccontextmanager
    async def slow_to_leave():
        try:
            yield
        finally:
            await asyncio.sleep(0.2)
            done.append("left")

    async def work():
        async with slow_to_leave():
            await asyncio.sleep(0.3)  # by now the caller waits
            threading.Thread(target=ctrl_c).start()
            await asyncio.sleep(60)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), OwnThread("test") as thread:
        thread.run(work())

    assert done == ["left"]
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("is_handed_over", [True, False])
def test_an_interruption_while_work_is_handed_over_cancels_it(monkeypatch, is_handed_over):
    hand_over, begun, ended = asyncio.run_coroutine_threadsafe, threading.Event(), []

    def interrupted(work, loop):
        if is_handed_over:
            hand_over(work, loop)
            begun.wait(20)
        raise KeyboardInterrupt

    async def work():
        try:
            begun.set()
            await asyncio.Event().wait()  # for ever
        except asyncio.CancelledError:
            ended.append("cancelled")

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", interrupted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as: was never awaited
        with pytest.raises(KeyboardInterrupt), OwnThread("test") as thread:
            thread.run(work())

    assert ended == ["cancelled"] * is_handed_over


def test_work_that_was_left_behind_is_waited_for():
    done = []

    async def behind():
        await asyncio.sleep(0.1)
        done.append("behind")

    async def work():
        return asyncio.create_task(behind())

    with OwnThread("test") as thread:
        task = thread.run(work())

    assert (done, task.done()) == (["behind"], True)
