"""Taking files in over processes, which hostile files may kill or hang without loss."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from cosmop.errors import InputError
from cosmop.imaging.intake import IntakeRow, refused
from cosmop.imaging.intake_options import IntakeOptions
from cosmop.imaging.line_process import NotStartedError, ProcessEndedError
from cosmop.imaging.line_processes import LineProcesses
from cosmop.imaging.line_workers import usable_cores
from cosmop.imaging.store import ImageStore

_MODULE = "cosmop.imaging.intake_worker"


class IntakeProcesses:
    """`cosmop.imaging.intake.take_in` in processes beside this one; an async context manager.

    They are started when there is work for them, and killed when the context ends, whatever they
    are doing. One that dies or hangs over a file is replaced, and costs only the row of that file:
    the files that it had are tried again one by one. So a file that hangs does so twice.

    Args:
        store: Where images go.
        options: What is checked and kept.
        workers: Processes at most; 0 is one per core.
        decode_s: Seconds without an answer, after which a process is killed; files are examined
            together only until the first 0.05 s are over.
    """

    def __init__(
        self,
        store: ImageStore,
        options: IntakeOptions,
        *,
        workers: int = 0,
        decode_s: float = 60.0,
    ) -> None:
        first_line = json.dumps((str(store.root.absolute()), options.model_dump_json()))
        self._processes = LineProcesses(
            _MODULE, first_line.encode(), count=workers or usable_cores(), limit_s=decode_s
        )

    async def take_in(self, file: Path, *, owned: bool) -> IntakeRow:
        """Check, measure and store an image file, see `cosmop.imaging.intake.take_in`.

        Any number of calls may wait at once; files that wait are examined a few at a time.

        Raises:
            InputError: The disk is full, the store cannot be written, or no process starts.
        """
        line = json.dumps((str(file.absolute()), owned)).encode()
        try:
            answer = json.loads(await self._processes.ask(line))
        except ProcessEndedError as error:
            return _lost(file, error, owned=owned)
        except NotStartedError as error:
            raise InputError(
                f"Taking images in wants a process beside this one, got one that {error}; read "
                "what it printed, and see that the machine has memory for it."
            ) from error
        if isinstance(answer, list):
            return IntakeRow.from_json(answer)
        raise InputError(answer["error"])

    async def __aenter__(self) -> Self:
        """Start nothing yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill all processes; calls that still wait are cancelled."""
        await self._processes.close()


def _lost(file: Path, error: ProcessEndedError, *, owned: bool) -> IntakeRow:
    if owned:
        file.unlink(missing_ok=True)
    kind = "decoder_hung" if error.has_hung else "decoder_died"
    return refused(kind, f"the process that decoded it {error}")
