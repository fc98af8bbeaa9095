"""One seed is one image."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions
from cosmop.stylegan2.sampling import sample_images, to_uint8


def _generator(num_classes: int = 0) -> Generator:
    torch.manual_seed(0)
    generator = Generator(
        NetworkOptions(
            height=16, width=16, channel_base=64, channel_max=8, z_dim=8, w_dim=8,
            mapping_layers=1, num_classes=num_classes,
        )
    )  # fmt: skip
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.constant_(parameter, 0.5)
    return generator


def _sampled(batch_size: int, seeds: list[int], truncation: float = 1.0) -> NDArray[np.uint8]:
    batches = sample_images(
        _generator(), seeds, truncation=truncation, batch_size=batch_size, device="cpu"
    )
    return np.concatenate(list(batches))


def test_images_do_not_depend_on_the_batch_they_come_in() -> None:
    seeds = [3, 1, 4, 15, 9, 2, 6]
    together, apart = _sampled(7, seeds), _sampled(2, seeds)

    assert together.shape == (7, 16, 16, 3)
    assert np.abs(together.astype(int) - apart).max() <= 1  # one level for rounding
    assert np.array_equal(together[2], _sampled(7, seeds)[2])


def test_other_seeds_and_truncations_give_other_images() -> None:
    one, other = _sampled(2, [1, 2])

    assert not np.array_equal(one, other)
    assert not np.array_equal(one, _sampled(1, [1], truncation=0.5)[0])


def test_bytes_are_clamped_and_centred() -> None:
    image = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).view(1, 1, 1, 5)

    assert to_uint8(image).ravel().tolist() == [0, 0, 128, 255, 255]


def test_labels_choose_the_class() -> None:
    labels = np.eye(2)[[0, 1]]
    (images,) = sample_images(_generator(2), [5, 5], labels=labels, device="cpu")

    assert not np.array_equal(images[0], images[1])


def test_labels_for_other_seeds_are_refused() -> None:
    with pytest.raises(InputError, match="each of 3 seeds, got 2"):
        list(sample_images(_generator(2), [1, 2, 3], labels=np.eye(2), device="cpu"))


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(InputError, match="least seed -1"):
        list(sample_images(_generator(), [-1], device="cpu"))
