"""A run and a judge that follow a script: real networks, states and files, and a known truth.

Called with a folder it trains there again and again, each time killed some file operations later
and resumed, and prints which resumed runs lack anything that a run left behind that nobody killed.

python -m tests.unit.generation.scripted FOLDER 1     (every moment: two minutes)
"""

import copy
import hashlib
import json
import logging
import math
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cosmop.datasets.snapshots import SnapshotSet, Workspaces
from cosmop.pipelines.generation.training import train_with_judge
from cosmop.stylegan2.controller import ControlOptions
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions
from cosmop.stylegan2.state import TrainingState, copied
from cosmop.stylegan2.trainer import Snapshot

NETWORK = NetworkOptions(
    height=8, width=8, channel_base=32, channel_max=4, z_dim=4, w_dim=4, mapping_layers=1
)
Script = Mapping[int, Sequence[float]]

# One collapse, one restart that finds a better snapshot and collapses, one that reaches the end.
TWO_RESTARTS: Script = {
    0: [90, 20, 10, 40, 50, 60, 0, 0],
    1: [0, 0, 0, 12, 8, 30, 31, 32],
    2: [0, 0, 0, 0, 0, 9, 7, 11],
}
CHANGING_FILES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link"}


class ScriptedRun:
    """Every thousand images moves all weights by the noise of that number times the rate."""

    fingerprint = "scripted"
    remark = ""

    def __init__(self, total_kimg: int = 7) -> None:
        self._total_kimg = total_kimg
        self.kimg, self.attempt = 0, 0

    def snapshots(self, resume: TrainingState | None = None) -> Iterator[Snapshot]:
        torch.manual_seed(1)
        generator = Generator(NETWORK).eval().requires_grad_(requires_grad=False)
        scalars = {"images": -1000, "rate_factor": 1.0, "gamma_factor": 1.0}
        if resume is not None:
            generator.load_state_dict(resume.part("generator"))
            scalars = {name: resume.number(name) for name in scalars}
        self.attempt = round(-math.log2(scalars["rate_factor"]))
        for kimg in range(round(scalars["images"]) // 1000 + 1, self._total_kimg + 1):
            self.kimg = kimg
            move(generator, kimg, scalars["rate_factor"])
            state = TrainingState(
                copied("generator", generator.state_dict()), scalars | {"images": 1000 * kimg}
            )
            yield Snapshot(kimg, copy.deepcopy(generator), {"augmentation_strength": 0.1}, state)


def move(generator: Generator, kimg: int, rate: float) -> None:
    random = torch.Generator().manual_seed(kimg)
    for weight in generator.parameters():
        weight.add_(torch.randn(weight.shape, generator=random), alpha=0.1 * rate)


class ScriptedJudge:
    """Gives each snapshot the distance that the script has for its attempt and kimg."""

    fingerprint = "scripted"
    seeds = tuple(range(4))

    def __init__(self, run: ScriptedRun, script: Script) -> None:
        self._run, self._script = run, script

    def measure(self, images_NHWC: NDArray[np.uint8]) -> dict[str, Any]:
        value = self._script[self._run.attempt][self._run.kimg]
        return {"name": "fd_script", "distance": {"value": value, "low": value, "high": value,
                "n": len(images_NHWC)}}  # fmt: skip


def train(folder: Path, script: Script, **control: Any) -> SnapshotSet:
    run = ScriptedRun()
    workspaces = Workspaces(folder)
    options = ControlOptions.model_validate(control)
    return train_with_judge(run, ScriptedJudge(run, script), workspaces, options)  # type: ignore[arg-type]


def content(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in sight."""
    files = (path for path in folder.glob("*/[!.]*/**/*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def _killed_at(moment: int, folder: Path) -> bool:
    """Train in a process of its own that kills itself at its `moment`-th file operation."""
    child = os.fork()
    if child == 0:
        seen = 0

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            is_change = event in CHANGING_FILES or (event == "open" and "w" in str(arguments[1]))
            if is_change and str(arguments[0]).startswith(str(folder)):
                seen += 1
                if seen == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        train(folder, TWO_RESTARTS)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def main(root: Path, every: int) -> None:
    logging.getLogger("cosmop").setLevel(logging.ERROR)
    torch.set_num_threads(1)  # a process that has threads may not fork
    train(root / "straight", TWO_RESTARTS)
    expected = content(root / "straight")
    moment, different = 1, []
    while _killed_at(moment, root / str(moment)):
        train(root / str(moment), TWO_RESTARTS)
        # A state more may be left, when the kill came before the last deletion.
        if not expected.items() <= content(root / str(moment)).items():
            different.append(moment)
        moment += every
    sys.stdout.write(json.dumps({"killed_at": moment - every, "different": different}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
