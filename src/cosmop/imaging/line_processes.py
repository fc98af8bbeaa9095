"""Several processes that answer lines; one that dies or hangs is replaced."""

import asyncio
from collections import deque

from cosmop.imaging.line_process import (
    LineProcess,
    NotStartedError,
    ProcessEndedError,
    Question,
)

# A process may answer several lines at once; as many lie ready then, so that none waits for us.
_DEPTH = 16


class LineProcesses:
    """Processes that are started when there is work for them.

    Args:
        module: What runs in them, see `cosmop.imaging.line_workers.answer_lines`.
        first_line: What all lines share.
        count: Processes at most.
        limit_s: A process that needs longer for one answer is killed.
    """

    def __init__(self, module: str, first_line: bytes, *, count: int, limit_s: float) -> None:
        self._module = module
        self._first_line = first_line
        self._count = count
        self._limit_s = limit_s
        self._waiting: deque[Question] = deque()
        self._processes: list[LineProcess] = []
        self._starts: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def ask(self, line: bytes) -> bytes:
        """Have one process answer `line`.

        Raises:
            ProcessEndedError: It died or hung over this line, and over no other.
            NotStartedError: No process could be started.
            RuntimeError: They are closed.
        """
        if self._is_closed:
            raise RuntimeError("These processes are closed; make new ones.")
        question = Question(line)
        self._waiting.append(question)
        self._hand_out()
        return await question.answer

    async def close(self) -> None:
        """Kill all processes, whatever they are doing, and whoever waits for them."""
        self._is_closed = True
        told = (question for process in self._processes for question in process.questions)
        for question in (*self._waiting, *told):
            question.answer.cancel()
        self._waiting.clear()
        await asyncio.gather(*self._starts, return_exceptions=True)
        processes = list(self._processes)
        for process in processes:
            process.kill()
        for process in processes:
            await process.ended

    def _hand_out(self) -> None:
        while self._waiting and (process := self._freest(self._waiting[0])):
            question = self._waiting.popleft()
            if not question.answer.done():  # nobody waits for it any more
                process.tell(question)
        asked = len(self._waiting) + sum(len(process.questions) for process in self._processes)
        if len(self._processes) < min(asked, self._count) and not self._is_closed:
            self._start_one()

    def _freest(self, question: Question) -> LineProcess | None:
        depth = 1 if question.is_suspect else _DEPTH
        free = (
            process
            for process in self._processes
            if process.is_ready
            and len(process.questions) < depth
            and not any(told.is_suspect for told in process.questions)
        )
        return min(free, key=lambda process: len(process.questions), default=None)

    def _start_one(self) -> None:
        process = LineProcess(self._limit_s, self._changed)
        self._processes.append(process)
        start = asyncio.create_task(self._start(process))
        self._starts.add(start)
        start.add_done_callback(self._starts.discard)

    async def _start(self, process: LineProcess) -> None:
        try:
            await process.start(self._module, self._first_line)
        except OSError as error:
            self._processes.remove(process)
            self._fail_waiting(f"could not be started: {error}")

    def _changed(self, process: LineProcess) -> None:
        if process.ended.done():
            self._replace(process, process.ended.result())
        self._hand_out()

    def _replace(self, process: LineProcess, error: ProcessEndedError) -> None:
        self._processes.remove(process)
        if not process.is_ready:
            self._fail_waiting(f"{error} before it began")
        if len(process.questions) == 1:
            process.questions.popleft().fail(error)
        for question in process.questions:  # over which of them it ended, it could not say
            question.is_suspect = True
        self._waiting.extendleft(reversed(process.questions))

    def _fail_waiting(self, how: str) -> None:
        for question in self._waiting:
            question.fail(NotStartedError(how))
        self._waiting.clear()
