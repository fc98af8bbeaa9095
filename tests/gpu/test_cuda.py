"""What must be the same on a CUDA device as on the CPU."""

import numpy as np
import pytest
import torch

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
