"""Processes that are told JSON lines and answer each with one: starting them, and being one.

Each is started afresh, never forked from a process that may hold threads and locks, and imports
nothing of the program that it serves. Its first line of input holds what all others share. It ends
when its input does, so it never outlives who started it.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

# Its arithmetic is on a few kilobytes: threads would only wait for one another, and each reserves
# memory.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


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
    return os.environ | _ONE_THREAD | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def how_it_ended(code: int) -> str:
    """Say how a process with this exit code ended."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"


def answer_lines(prepare: Callable[[str], Callable[[Any], object]]) -> None:
    """Be a worker: answer the first line by ``true``, every further one as the task decides.

    Args:
        prepare: Takes the first line and returns the task, which takes each line's content and
            returns what JSON can hold.
    """
    with suppress(BrokenPipeError, KeyboardInterrupt):
        task = prepare(sys.stdin.readline())
        _answer(True)
        for line in sys.stdin:
            _answer(task(json.loads(line)))


def _answer(message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
