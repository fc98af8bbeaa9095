"""What must be the same on a CUDA device as on the CPU."""

import numpy as np
import pytest
import torch

from cosmop.stylegan2 import ops
from cosmop.stylegan2.generator import build_generator
from cosmop.stylegan2.options import NetworkOptions, TrainingOptions
from cosmop.stylegan2.sampling import sample_images
from cosmop.stylegan2.trainer import TrainingRun

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

SMALL = NetworkOptions(
    height=16, width=16, channel_base=256, channel_max=16, z_dim=16, w_dim=16, mapping_layers=2
)


def test_a_seed_is_the_same_image_on_both_devices(chance: np.random.Generator) -> None:
    images = chance.integers(0, 256, (16, 16, 16, 3), dtype=np.uint8)
    training = TrainingOptions(batch_size=8, total_kimg=0.008, snapshot_kimg=0.008, device="cpu")
    generator = next(TrainingRun(images, SMALL, training).snapshots()).generator
    again = build_generator(generator.describe())
    again.load_state_dict(generator.state_dict())

    cpu, cuda = (
        next(sample_images(network, [1, 2, 3], device=device)).astype(int)
        for network, device in ((generator, "cpu"), (again, "cuda"))
    )

    assert np.abs(cpu - cuda).max() <= 1


def test_training_on_a_device_moves_the_weights_and_stays_finite(
    chance: np.random.Generator,
) -> None:
    images = chance.integers(0, 256, (32, 16, 16, 3), dtype=np.uint8)
    training = TrainingOptions(batch_size=8, total_kimg=0.16, snapshot_kimg=0.16, device="cuda")

    first, last = TrainingRun(images, SMALL, training).snapshots()

    before, after = first.generator.state_dict(), last.generator.state_dict()
    assert all(torch.isfinite(value).all() for value in after.values())
    assert any(not torch.equal(before[name].cpu(), after[name].cpu()) for name in after)


@pytest.mark.parametrize("acceleration", ["eager", "compile", "cuda_graphs"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_training_is_nearly_the_same_in_each_precision_and_acceleration(
    acceleration: str, precision: str, chance: np.random.Generator
) -> None:
    images = chance.integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    common = {"batch_size": 8, "total_kimg": 0.16, "snapshot_kimg": 0.16, "learning_rate": 1e-9}

    def statistics(**others: str) -> dict[str, float]:
        training = TrainingOptions.model_validate({**common, "device": "cuda", **others})
        return list(TrainingRun(images, SMALL, training).snapshots())[-1].statistics

    expected = statistics(precision="float32", acceleration="eager")
    came = statistics(precision=precision, acceleration=acceleration)
    for name in ("generator_loss", "discriminator_loss", "r1_penalty", "path_length"):
        assert came[name] == pytest.approx(expected[name], rel=0.03), name


@pytest.mark.parametrize("size", [(4, 4), (16, 12)])
def test_filters_on_a_device_are_those_of_the_cpu(size: tuple[int, int]) -> None:
    x, filter_44 = torch.randn(2, 3, *size), ops.binomial_filter()
    for one in (
        lambda x, f: ops.blur(x, f, padding=2, gain=4),
        ops.downsample,
        ops.upsample,
    ):
        torch.testing.assert_close(one(x.cuda(), filter_44.cuda()).cpu(), one(x, filter_44))
