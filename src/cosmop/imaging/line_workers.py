"""Processes that are told JSON lines and answer each with one: starting them, and being one.

Each is started afresh, never forked from a process that may hold threads and locks, and imports
nothing of the program that it serves. Its first line of input holds what all others share. It ends
when its input does, so it never outlives who started it.
"""

import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

# Its arithmetic is on a few kilobytes: threads would only wait for one another, and each reserves
# memory.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# What a picture took is kept for the next one, up to 64 MiB, where glibc manages the memory: to ask
# the system for it each time costs 5 % of taking a file in.
_KEPT_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(16 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


def usable_cores() -> int:
    """Cores this process may use; a container often has fewer than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_command(module: str) -> list[str]:
    """Return the command that runs `module` as a worker."""
    return [sys.executable, "-P", "-m", module]


def worker_environment() -> dict[str, str]:
    """Return the environment of a worker: it finds the modules that this process finds."""
    path = os.pathsep.join(filter(None, sys.path))
    return _KEPT_MEMORY | os.environ | _ONE_THREAD | {"PYTHONPATH": path}


def how_it_ended(code: int) -> str:
    """Say how a process with this exit code ended."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"


def answer_lines(prepare: Callable[[str], Callable[[Any], object]]) -> None:
    """Be a worker: answer the first line by ``true``, every further one as the task decides.

    Args:
        prepare: Takes the first line and returns the task, which takes each line's content and
            returns what JSON can hold.
    """

    def prepare_one(line: str) -> Callable[[list[Any]], list[object]]:
        task = prepare(line)
        return lambda contents: [task(contents[0])]

    answer_some_lines(prepare_one)


def answer_some_lines(prepare: Callable[[str], Callable[[list[Any]], list[object]]]) -> None:
    """Be a worker as `answer_lines`, whose task may answer several lines at once.

    Args:
        prepare: Its task takes the contents of all lines that wait, and returns the answers of the
            first of them, one at least.
    """
    with suppress(BrokenPipeError, KeyboardInterrupt):
        first_line = sys.stdin.buffer.readline()
        if not _is_whole(first_line):
            return
        task = prepare(first_line.decode())
        _answer([True])
        waiting: list[Any] = []
        while waiting or (waiting := _next_lines()):
            answers = task(waiting)
            _answer(answers)
            del waiting[: len(answers)]


def _next_lines() -> list[Any]:
    """Return the contents of the lines that lie ready, of one at least; of none at the end."""
    stream = cast(io.BufferedReader, sys.stdin.buffer)
    count = stream.peek().count(b"\n") or 1
    lines = [stream.readline() for _ in range(count)]
    return [json.loads(line) for line in lines if _is_whole(line)]


def _is_whole(line: bytes) -> bool:
    """Tell whether a line has its end: who dies tells half a line, or none."""
    return line.endswith(b"\n")


def _answer(messages: list[object]) -> None:
    sys.stdout.write("".join(json.dumps(message) + "\n" for message in messages))
    sys.stdout.flush()
