"""A collapse goes back to the exact best weights, softened, twice at most, kills or no kills."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cosmop.datasets.snapshots import SnapshotSet, Workspaces
from cosmop.pipelines.generation.training import curve_of, train_with_judge
from cosmop.stylegan2.controller import ControlOptions
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import TrainingOptions
from cosmop.stylegan2.trainer import Snapshot, TrainingDivergedError, TrainingRun, TrainingState
from tests.unit.generation.scripted import (
    NETWORK,
    TWO_RESTARTS,
    Script,
    ScriptedJudge,
    ScriptedRun,
    content,
    move,
    train,
)

PROJECT = Path(__file__).parents[3]


def weights_after(*moves: tuple[int, float]) -> str:
    """Return the checksum of a generator after kimg 0 and these moves of (kimg, rate)."""
    torch.manual_seed(1)
    generator = Generator(NETWORK).requires_grad_(requires_grad=False)
    for kimg, rate in ((0, 1), *moves):
        move(generator, kimg, rate)
    return generator.checksum()


def places(snapshots: SnapshotSet) -> list[tuple[int, float]]:
    return [(snapshot.attempt, snapshot.kimg) for snapshot in snapshots]


def states_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*/state-*"))


def factors_in(folder: Path) -> list[tuple[float, float]]:
    states = [json.loads(path.read_text()) for path in sorted(folder.glob("*/state-*/state.json"))]
    return [(state["rate_factor"], state["gamma_factor"]) for state in states]


def test_each_restart_goes_on_from_the_best_weights_with_softer_factors(tmp_path: Path) -> None:
    snapshots = train(tmp_path, TWO_RESTARTS)

    assert places(snapshots) == (
        [(0, k) for k in range(6)] + [(1, k) for k in (3, 4, 5, 6, 7)] + [(2, k) for k in (5, 6, 7)]
    )
    second_best = ((1, 1), (2, 1), (3, 0.5), (4, 0.5))
    assert snapshots[6].generator().checksum() == weights_after((1, 1), (2, 1), (3, 0.5))
    assert snapshots[8].generator().checksum() == weights_after(*second_best, (5, 0.5))
    assert snapshots[11].generator().checksum() == weights_after(*second_best, (5, 0.25))
    assert states_in(tmp_path) == ["state-2-000006000", "state-2-000007000"]  # the best, the newest
    assert factors_in(tmp_path) == [(0.25, 4), (0.25, 4)]


def test_a_second_restart_from_the_same_best_is_twice_as_soft_and_the_third_collapse_stops(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script: Script = {number: [90, 20, 10, 40, 50, 60, 0, 0] for number in range(3)}

    snapshots = train(tmp_path, script)
    curve = curve_of(snapshots)

    assert places(snapshots)[-3:] == [(2, 3), (2, 4), (2, 5)]
    expected = weights_after((1, 1), (2, 1), (3, 0.25))
    assert snapshots[-3].generator().checksum() == expected
    assert curve[curve["is_best"]][["attempt", "kimg", "value"]].to_numpy().tolist() == [[0, 2, 10]]
    assert curve["decision"].tolist()[3:6] == ["wait", "wait", "roll_back"]
    assert curve["decision"].iloc[-1] == "stop"
    assert "training stops after 2 of 2 restarts" in caplog.records[-1].message


def test_a_run_that_was_stopped_stays_stopped_and_one_more_restart_may_be_granted(
    tmp_path: Path,
) -> None:
    script: Script = {number: [90, 20, 10, 40, 50, 60, 0, 0] for number in range(3)}
    train(tmp_path, script)
    before = content(tmp_path)

    train(tmp_path, script)
    assert content(tmp_path) == before
    granted = train(tmp_path, {**script, 3: [0, 0, 0, 9, 8, 7, 6, 5]}, restarts=3)
    assert places(granted)[-1] == (3, 7)


def test_the_original_study_keeps_its_best_snapshot(tmp_path: Path) -> None:
    script: Script = {number: [207.25, 46.06, 127.72] for number in range(3)}

    snapshots = train(tmp_path, script, spike_kimg=0.5)
    curve = curve_of(snapshots)

    assert places(snapshots) == [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2)]
    assert curve.loc[curve["is_best"], "value"].tolist() == [46.06]
    assert snapshots[1].generator().checksum() == weights_after((1, 1))


class DivergingRun(ScriptedRun):
    """Breaks behind its third snapshot unless the rates are a quarter."""

    def snapshots(self, resume: TrainingState | None = None) -> Any:
        for snapshot in super().snapshots(resume):
            if snapshot.kimg > 2 and self.attempt < 2:
                raise TrainingDivergedError("The loss of step 3 is not finite.")
            yield snapshot


def test_a_loss_that_is_not_finite_goes_back_too_and_is_raised_when_no_restart_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script: Script = {0: [9, 8, 7], 2: [0, 0, 0, 6, 5, 4, 3, 2]}

    def diverge(folder: str, **control: Any) -> SnapshotSet:
        run: Any = DivergingRun()
        judge: Any = ScriptedJudge(run, script)
        options = ControlOptions.model_validate(control)
        return train_with_judge(run, judge, Workspaces(tmp_path / folder), options)

    assert places(diverge("twice"))[2:4] == [(0, 2), (2, 3)]
    assert caplog.text.count("The loss of step 3 is not finite") == 2
    with pytest.raises(TrainingDivergedError, match="step 3"):
        diverge("once", restarts=1)


def damage(folder: Path, pattern: str) -> None:
    (path,) = folder.glob(f"*/{pattern}")
    path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize(
    "pattern",
    [
        "state-2-000007000/state.safetensors",
        "state-2-000007000/state.json",
        "state-2-000007000/checksums.json",
        "images-2-000007000/generator/model.safetensors",
        "images-2-000007000/statistics.json",
        "images-2-000007000/grid.png",
    ],
)
def test_a_truncated_file_costs_a_warning_and_its_snapshot_is_made_again(
    tmp_path: Path, pattern: str, caplog: pytest.LogCaptureFixture
) -> None:
    train(tmp_path, TWO_RESTARTS)
    before = content(tmp_path)
    caplog.clear()
    damage(tmp_path, pattern)

    train(tmp_path, TWO_RESTARTS)

    assert content(tmp_path) == before
    (warning,) = [record.message for record in caplog.records if "damaged" in record.message]
    assert pattern.split("/", maxsplit=1)[0] in warning


def test_without_its_best_state_a_collapsed_run_stops_and_keeps_its_snapshots(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collapsed: Script = {0: TWO_RESTARTS[0]}
    with pytest.raises(KeyError):  # the script ends when the second attempt begins
        train(tmp_path, collapsed)
    damage(tmp_path, "state-0-000002000/state.safetensors")

    snapshots = train(tmp_path, collapsed)

    assert places(snapshots) == [(0, kimg) for kimg in range(6)]
    assert "The best snapshot's state is lost, so training stops." in caplog.text


def test_a_real_run_goes_on_as_it_would_from_its_softened_best_state(tmp_path: Path) -> None:
    training = TrainingOptions.model_validate(
        {
            "batch_size": 8, "total_kimg": 0.04, "snapshot_kimg": 0.008, "device": "cpu",
            "r1_interval": 2, "augmentation": None,
        }
    )  # fmt: skip
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    run = TrainingRun(images, NETWORK, training)
    straight: list[Snapshot] = list(run.snapshots())
    distances = iter([90, 10, 30, 40, 50, 9, 8, 7, 6, 5])
    judge: Any = ScriptedJudge(ScriptedRun(), {0: [0]})
    judge.measure = lambda images_NHWC: {
        "distance": dict.fromkeys(("value", "low", "high", "n"), next(distances))
    }

    snapshots = train_with_judge(run, judge, Workspaces(tmp_path), ControlOptions())

    expected = list(run.snapshots(straight[1].state.softened()))[-1].state
    assert places(snapshots)[-1] == (1, 0.04)
    (newest,) = tmp_path.glob("*/state-1-000000040")
    assert json.loads((newest / "state.json").read_text()) == expected.scalars
    kept = load_file(newest / "state.safetensors")
    assert all(torch.equal(tensor, kept[name]) for name, tensor in expected.tensors.items())


def test_a_run_killed_at_any_file_operation_resumes_to_the_same_files(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.generation.scripted", str(tmp_path), "17"],
        cwd=PROJECT, env={"PYTHONPATH": "src:.", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    came = json.loads(done.stdout)
    assert came["killed_at"] > 100
    assert came["different"] == []


def test_progress_is_logged_with_what_is_out_of_the_ordinary_as_warnings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    train(tmp_path, TWO_RESTARTS)

    levels = [one.levelno for one in caplog.records if one.name.startswith("cosmop")]
    assert levels.count(logging.WARNING) == 7  # of them two restarts
    assert "The distance is 7 at 6 kimg, the best so far." in caplog.text
