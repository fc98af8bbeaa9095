"""A contender in processes of its own, with the most memory they held together."""

import json
import subprocess
import threading
from typing import Any, Self

import psutil  # type: ignore[import-untyped]


def run_watched(command: list[str], job: dict[str, Any]) -> dict[str, Any]:
    """Give `job` to a command as JSON; return the JSON of its last line, and ``peak_memory_mb``.

    Raises:
        RuntimeError: It failed; with the end of what it said.
    """
    with (
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        _PeakMemory(process.pid) as memory,
    ):
        printed, errors = process.communicate(json.dumps(job))
    if process.returncode:
        raise RuntimeError(f"{command} failed:\n{errors[-3000:]}")
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return result | {"peak_memory_mb": memory.peak_mb}


class _PeakMemory(threading.Thread):
    """The proportional set size of a process and its children, four times a second."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(process)
        self._ends = threading.Event()
        self.peak_mb = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self.join()

    def run(self) -> None:
        while not self._ends.wait(0.25):
            self.peak_mb = max(self.peak_mb, round(self._memory() / 1e6))

    def _memory(self) -> int:
        total = 0
        try:
            for process in (self._process, *self._process.children(recursive=True)):
                full = process.memory_full_info()
                total += getattr(full, "pss", full.rss)
        except psutil.Error:  # a process has just ended
            return 0
        return total
