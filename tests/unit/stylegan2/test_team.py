"""Several processes train what one would, and survive the death of one of them."""

import os
import signal
import time
from contextlib import suppress

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest
import torch
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.stylegan2.discriminator import minibatch_deviation
from cosmop.stylegan2.launching import TeamRun, training_run
from cosmop.stylegan2.options import AugmentationOptions, NetworkOptions, TrainingOptions
from cosmop.stylegan2.team import Team
from cosmop.stylegan2.trainer import Snapshot, TrainingRun

_NETWORK = NetworkOptions(
    height=8, width=8, channel_base=32, channel_max=4, z_dim=4, w_dim=4, mapping_layers=1
)


def _training(processes: int, **others: object) -> TrainingOptions:
    given = {
        "batch_size": 16,
        "total_kimg": 0.32,
        "snapshot_kimg": 0.16,
        "device": "cpu",
        "processes": processes,
        "precision": "float32",
        "augmentation": AugmentationOptions(strength_start=0.5, ada_kimg=1),
        **others,
    }
    return TrainingOptions.model_validate(given)


def _images() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)


def _run(processes: int, **others: object) -> TrainingRun:
    return training_run(_images(), _NETWORK, _training(processes, **others))


@pytest.mark.parametrize(("count", "group", "size"), [(16, 4, 2), (24, 2, 3), (8, 1, 4)])
def test_shares_are_whole_minibatch_groups_and_together_the_batch(
    count: int, group: int, size: int
) -> None:
    x_NCHW = torch.randn(count, 2, 3, 3)
    extra_N = minibatch_deviation(x_NCHW, group)[:, -1, 0, 0]
    shares = [Team(rank, size).share(torch.arange(count), group) for rank in range(size)]

    assert sorted(torch.cat(shares).tolist()) == list(range(count))
    for share in shares:
        its_own = minibatch_deviation(x_NCHW[share], group)[:, -1, 0, 0]
        torch.testing.assert_close(its_own, extra_N[share])


@pytest.fixture(scope="module")
def alone() -> list[Snapshot]:
    return list(_run(1).snapshots())


@pytest.mark.slow  # starts two processes that import torch
def test_two_processes_have_the_gradients_of_one() -> None:
    # Weights hardly move, so that Adam, which divides by tiny gradients, cannot blow rounding up.
    still = {"learning_rate": 1e-9, "augmentation": AugmentationOptions(strength_start=0.5)}
    alone, together = (list(_run(number, **still).snapshots())[-1] for number in (1, 2))

    moments = [name for name in alone.state.tensors if name.endswith(("exp_avg", "exp_avg_sq"))]
    assert len(moments) > 50
    for name in moments:
        expected, came = alone.state.tensors[name], together.state.tensors[name]
        torch.testing.assert_close(
            came, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()), msg=name
        )
    for name in alone.statistics.keys() - {"seconds_per_kimg"}:
        expected_number = alone.statistics[name]
        assert together.statistics[name] == pytest.approx(expected_number, rel=1e-4), name


@pytest.mark.slow  # starts two processes twice over
def test_two_processes_have_the_loss_curve_of_one_and_resume_from_its_state(
    alone: list[Snapshot],
) -> None:
    assert isinstance(_run(2), TeamRun)
    together = list(_run(2).snapshots())
    (resumed,) = _run(2).snapshots(resume=alone[1].state)

    assert [one.kimg for one in together] == [one.kimg for one in alone] == [0, 0.16, 0.32]
    for came in (together[-1], resumed):
        for name in ("generator_loss", "discriminator_loss", "r1_penalty", "path_length"):
            assert came.statistics[name] == pytest.approx(alone[-1].statistics[name], rel=0.03)


@pytest.mark.slow  # starts two processes twice over
def test_when_one_process_is_killed_all_go_on_from_the_newest_snapshot() -> None:
    run = _run(2, total_kimg=4.8, precision="bfloat16")
    came = []
    for snapshot in run.snapshots():
        came.append(snapshot.kimg)
        assert snapshot.generator.synthesis.levels[-1].half_type == torch.bfloat16
        if snapshot.kimg == 0.16:
            os.kill(_worker(), signal.SIGKILL)

    assert came == pytest.approx([0.16 * step for step in range(31)])


def _worker() -> int:
    """Return the number of one of our processes that train."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                command = process.cmdline()
                if "cosmop.stylegan2.worker" in command and "torch.distributed.run" not in command:
                    return process.pid
    raise TimeoutError("no worker was found")


@pytest.mark.slow  # starts two processes
def test_what_a_process_refuses_is_one_sentence_to_the_caller(alone: list[Snapshot]) -> None:
    with pytest.raises(InputError, match=r"seed is 1 and was 0"):
        list(_run(2, seed=1).snapshots(resume=alone[1].state))


def test_a_batch_that_processes_cannot_share_is_refused() -> None:
    with pytest.raises(InputError, match="multiple of 6, so that 3 processes share it"):
        _training(3)
    with pytest.raises(InputError, match="minibatch_group 4, got 12 for 2 processes"):
        _run(2, batch_size=12)
