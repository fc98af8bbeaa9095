"""One of the processes that `torchrun` starts: ``python -m cosmop.stylegan2.worker SPOOL``."""

import os
import sys
from pathlib import Path

import torch

from cosmop.errors import InputError
from cosmop.stylegan2.finiteness import TrainingDivergedError
from cosmop.stylegan2.spool import Spool
from cosmop.stylegan2.team import Team
from cosmop.stylegan2.trainer import TrainingRun


def main() -> None:
    """Train this process's share; the first process writes the snapshots."""
    spool = Spool(Path(sys.argv[1]))
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if rank > 0:
        os.environ["TQDM_DISABLE"] = "1"
    task = spool.task()
    on_cuda = task.training.device.startswith("cuda") or (
        task.training.device == "auto" and torch.cuda.is_available()
    )
    if on_cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if on_cuda else "gloo")
    try:
        run = TrainingRun(
            task.images,
            task.network,
            task.training,
            task.labels,
            weights=task.weights,
            team=Team(rank, size),
        )
        for snapshot in run.snapshots(task.resume):
            if rank == 0:
                spool.put_snapshot(snapshot.generator, snapshot.statistics, snapshot.state)
    except (InputError, TrainingDivergedError) as error:
        if rank == 0 or spool.failure() is None:
            spool.put_failure(type(error).__name__, str(error))
        raise SystemExit(1) from error
    finally:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
