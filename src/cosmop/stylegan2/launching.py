"""Training in one process or in several: the same run to whoever asks for its snapshots."""

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.stylegan2.options import NetworkOptions, TrainingOptions
from cosmop.stylegan2.spool import Spool, SpooledSnapshot, Task
from cosmop.stylegan2.trainer import Snapshot, TrainingDivergedError, TrainingRun, TrainingState
from cosmop.stylegan2.transfer import StartingWeights

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_TO_STOP = 20
_RESTARTS = 3


def training_run(
    images_NHWC: NDArray[np.uint8],
    network: NetworkOptions,
    training: TrainingOptions,
    labels: NDArray[np.generic] | None = None,
) -> TrainingRun:
    """Return the run in as many processes as ``training.processes`` says; see `TrainingRun`.

    It begins with the weights in the file ``training.resume_from``, if there is one.

    Raises:
        InputError: what `TrainingRun` or `StartingWeights.from_official_pickle` refuse.
    """
    weights = None
    if training.resume_from is not None:
        weights = StartingWeights.from_official_pickle(Path(training.resume_from))
    kind = TrainingRun if training.processes == 1 else TeamRun
    return kind(images_NHWC, network, training, labels, weights=weights)


class TeamRun(TrainingRun):
    """A training whose batches are shared by several processes, started by torchrun.

    A process that dies takes the others with it; all are started again, and go on from the newest
    snapshot, at most three times.
    """

    def snapshots(self, resume: TrainingState | None = None) -> Iterator[Snapshot]:
        """Train, yielding what `TrainingRun.snapshots` yields, up to rounding.

        Raises:
            InputError: as `TrainingRun.snapshots` does.
            TrainingDivergedError: likewise.
            RuntimeError: the processes died again and again.
        """
        with tempfile.TemporaryDirectory(prefix="cosmop-") as folder:
            spool = Spool(Path(folder))
            images_NHWC, labels = self._images
            network, training = self._network, self._training
            spool.put_task(Task(images_NHWC, labels, network, training, self._weights, resume))
            seen = -1
            for attempt in range(_RESTARTS + 1):
                process = subprocess.Popen(  # noqa: S603  our own module
                    self._command(folder), env=self._environment()
                )
                try:
                    for spooled in _appearing(spool, process, behind=seen):
                        seen = spooled.images
                        yield self._loaded(spooled)
                finally:
                    _stop(process)
                if process.returncode == 0:
                    return
                _raise_failure(spool)
                logger.warning(
                    "A training process ended with exit code %d; all start again from image %d "
                    "(restart %d of %d).",
                    *(process.returncode, max(seen, 0), attempt + 1, _RESTARTS),
                )
            raise RuntimeError(
                f"The training processes wanted to reach {training.total_kimg} kimg and died "
                f"{_RESTARTS + 1} times; see their messages above, and start the same command "
                "again to go on."
            )

    def _loaded(self, spooled: SpooledSnapshot) -> Snapshot:
        generator, statistics, state = spooled.load()
        self._set_precision(generator)
        return Snapshot(state.kimg, generator, statistics, state)

    def _command(self, folder: str) -> list[str]:
        return [
            sys.executable,
            *("-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", str(self._training.processes)),
            *("-m", "cosmop.stylegan2.worker", folder),
        ]

    def _environment(self) -> dict[str, str]:
        threads = max(1, (os.cpu_count() or 1) // self._training.processes)
        return {"OMP_NUM_THREADS": str(threads), **os.environ}


def _appearing(
    spool: Spool, process: "subprocess.Popen[bytes]", behind: int
) -> Iterator[SpooledSnapshot]:
    """Yield the snapshots of more than `behind` images as they come, until the process ends."""
    is_over = False
    while not is_over:
        is_over = process.poll() is not None
        for spooled in spool.snapshots():
            if spooled.images > behind:
                behind = spooled.images
                yield spooled
        time.sleep(0 if is_over else _SECONDS_BETWEEN_LOOKS)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _raise_failure(spool: Spool) -> None:
    """Raise what the processes noted as the reason why they cannot go on, if they did."""
    failure = spool.failure()
    if failure is not None:
        known = {"InputError": InputError, "TrainingDivergedError": TrainingDivergedError}
        raise known[str(failure["kind"])](failure["message"])
