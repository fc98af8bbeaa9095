"""Hashing over processes, which may die without loss.

Threads were measured to reach 1.4 times the speed of one on two cores, since much of the work on a
small image is Python's own; processes reach 1.9.
"""

import json
import logging
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TextIO, cast

from cosmop.errors import InputError
from cosmop.imaging.hash_rows import HashingOptions, HashRow, bad_row
from cosmop.imaging.line_workers import how_it_ended, worker_command, worker_environment

logger = logging.getLogger(__name__)


def hash_in_processes(
    chunks: Sequence[Sequence[Path]], options: HashingOptions, count: int
) -> Iterator[list[HashRow]]:
    """Hash lists of files in `count` processes.

    A process that dies is replaced, and its files are tried again one by one; a file that kills a
    process all by itself becomes a row with that reason.

    Yields:
        The rows of each list, in order.

    Raises:
        InputError: A process does not start.
    """
    workers = [_Worker(options) for _ in range(count)]
    idle: SimpleQueue[_Worker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def hash_one_list(files: Sequence[Path]) -> list[HashRow]:
        worker = idle.get()
        try:
            return worker.hash_surely(files)
        finally:
            idle.put(worker)

    threads = ThreadPoolExecutor(count)
    try:
        yield from threads.map(hash_one_list, chunks)
    finally:
        for worker in workers:
            worker.stop()
        threads.shutdown(cancel_futures=True)
        for worker in workers:
            worker.close()


class _Worker:
    """One process, replaced when it dies."""

    def __init__(self, options: HashingOptions) -> None:
        self._options = options.model_dump_json()
        self._is_stopped = False
        self._start()

    def hash_surely(self, files: Sequence[Path]) -> list[HashRow]:
        """Return a row for each file, whatever happens to the process; none once stopped."""
        if self._is_stopped:
            return []
        self._wait_until_ready()
        answer = self._ask(json.dumps([str(file) for file in files]))
        if answer:
            return [HashRow(*row) for row in json.loads(answer)]
        cause = self.close()
        self._start()
        if len(files) == 1:
            return [bad_row(f"the process that decoded it {cause}")]
        if not self._is_stopped:
            logger.warning(
                "A process that hashes images %s, perhaps for lack of memory; its %d images are "
                "tried again one by one, and nothing is lost.",
                cause,
                len(files),
            )
        return [row for file in files for row in self.hash_surely([file])]

    def stop(self) -> None:
        """Kill the process, whatever it is doing, and hash no more."""
        self._is_stopped = True
        self._process.kill()

    def close(self) -> str:
        """End the process and say how it ended."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()
        return how_it_ended(self._process.returncode)

    def _start(self) -> None:
        # In a session of its own: Ctrl-C reaches this process alone, which then stops the others.
        self._process = subprocess.Popen(  # noqa: S603  our own module
            worker_command("cosmop.imaging.hash_worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=worker_environment(),
            encoding="utf-8",
            start_new_session=True,
        )
        self._input = cast(TextIO, self._process.stdin)
        self._output = cast(TextIO, self._process.stdout)
        self._is_ready = False
        self._tell(self._options)

    def _wait_until_ready(self) -> None:
        if self._is_ready or self._read() or self._is_stopped:
            self._is_ready = True
            return
        raise InputError(
            f"Hashing wants a process beside this one, got one that {self.close()} before it "
            "began; read what it printed, or set preprocessing.hashing.workers to 1."
        )

    def _ask(self, message: str) -> str:
        self._tell(message)
        return self._read()

    def _tell(self, message: str) -> None:
        with suppress(BrokenPipeError):  # it died; reading will tell
            self._input.write(message + "\n")
            self._input.flush()

    def _read(self) -> str:
        return self._output.readline()
