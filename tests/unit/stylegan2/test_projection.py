"""An image that the generator made is found again in its latent space."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from cosmop.errors import InputError
from cosmop.stylegan2.exploring import synthesise
from cosmop.stylegan2.exploring_options import ProjectionOptions
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions
from cosmop.stylegan2.projection import (
    learning_rate,
    noise_regularity,
    pixel_pyramid,
    project,
    style_statistics,
)
from cosmop.stylegan2.sampling import sample_images

STEPS = 100


def generator_of(num_classes: int = 0, channels: int = 3) -> Generator:
    torch.manual_seed(0)
    generator = Generator(
        NetworkOptions.model_validate(
            {
                "height": 16, "width": 16, "channel_base": 256, "channel_max": 32, "z_dim": 16,
                "w_dim": 16, "mapping_layers": 2, "image_channels": channels,
                "num_classes": num_classes,
            }
        )
    )  # fmt: skip
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if name.endswith("noise_strength"):
                parameter.fill_(0.05)
            if name.endswith("to_image.weight"):
                parameter.mul_(0.3)  # colours of an untrained network would leave the range
    return generator


def options_of(**given: object) -> ProjectionOptions:
    return ProjectionOptions.model_validate(
        {"steps": STEPS, "samples": 500, "device": "cpu", **given}
    )


def error(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.square(one.astype(float) - other).mean())


@pytest.mark.parametrize("has_style_per_layer", [False, True])
def test_what_the_generator_made_is_recovered_far_better_than_by_the_mean(
    has_style_per_layer: bool,
) -> None:
    generator = generator_of()
    wanted = next(sample_images(generator, [7], device="cpu"))[0]
    options = options_of(has_style_per_layer=has_style_per_layer)
    centre, _ = style_statistics(generator, options)
    ws = centre.expand(1, generator.options.num_ws, -1)

    found = project(generator, wanted, options)

    mean_image = synthesise(generator, ws, found.noises, "cpu")[0]
    assert error(wanted, found.image) < 0.1 * error(wanted, mean_image)
    assert len(found.losses) == STEPS
    assert found.losses[-1] < 0.1 * found.losses[0]
    assert (len(found.ws.unique(dim=0)) > 1) == has_style_per_layer


def test_the_image_is_that_of_the_styles_and_the_noise_that_were_found() -> None:
    generator = generator_of(channels=1)
    wanted = next(sample_images(generator, [3], device="cpu"))[0]

    found = project(generator, wanted, options_of(steps=5))

    assert np.array_equal(
        synthesise(generator, found.ws[None], found.noises, "cpu")[0], found.image
    )
    for noise in found.noises:
        assert float(noise.mean()) == pytest.approx(0, abs=1e-6)
        assert float(noise.square().mean()) == pytest.approx(1, abs=1e-5)


def test_the_same_seed_finds_the_same_and_the_generator_is_left_as_it_was() -> None:
    generator = generator_of()
    before = generator.checksum()
    wanted = next(sample_images(generator, [7], device="cpu"))[0]

    first, again = (project(generator, wanted, options_of(steps=6)) for _ in range(2))
    other = project(generator, wanted, options_of(steps=6, seed=1))
    calm = project(generator, wanted, options_of(steps=6, latent_noise=0.0))

    assert torch.equal(first.ws, again.ws)
    assert np.array_equal(first.losses, again.losses)
    assert not torch.equal(first.ws, other.ws)
    assert not torch.equal(first.ws, calm.ws)
    assert generator.checksum() == before
    assert all(parameter.grad is None for parameter in generator.parameters())
    assert all(parameter.requires_grad for parameter in generator.parameters())


def test_the_features_of_the_caller_decide_what_is_alike() -> None:
    generator = generator_of()
    wanted = next(sample_images(generator, [7], device="cpu"))[0]

    def mean_colour(image_NCHW: Tensor) -> Tensor:
        return image_NCHW.mean((2, 3))

    found = project(generator, wanted, options_of(), features=mean_colour)

    assert np.abs(found.image.mean((0, 1)) - wanted.mean((0, 1))).max() < 3
    assert error(wanted, found.image) > 300  # nothing else was asked for


def test_a_generator_with_classes_starts_from_the_mean_of_the_class() -> None:
    generator = generator_of(num_classes=2)
    centres = [
        style_statistics(generator, options_of(), np.eye(2, dtype=np.float32)[row])[0]
        for row in (0, 1)
    ]
    image = np.zeros((16, 16, 3), np.uint8)

    found = project(generator, image, options_of(steps=1), label=np.eye(2, dtype=np.float32)[1])

    assert torch.allclose(found.ws[0], centres[1])  # the first step's rate is 0
    assert not torch.allclose(centres[0], centres[1])


def test_statistics_are_those_of_the_styles() -> None:
    generator = generator_of()
    z = torch.randn(500, 16, generator=torch.Generator().manual_seed(0))
    w = generator.mapping.style(z).detach().double().numpy()

    centre, spread = style_statistics(generator, options_of())

    assert np.allclose(w.mean(0), centre, atol=1e-5)
    assert spread == pytest.approx(math.sqrt(w.var(0).sum()), rel=1e-4)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((16, 17, 3), np.uint8),
        np.zeros((16, 16, 1), np.uint8),
        np.zeros((16, 16, 3), np.float32),
        np.zeros((16, 16), np.uint8),
    ],
)
def test_other_images_are_refused(image: NDArray[np.uint8]) -> None:
    with pytest.raises(InputError, match=r"size \[16, 16, 3\]") as caught:
        project(generator_of(), image, options_of())

    assert f"{image.dtype} {list(image.shape)}" in str(caught.value)


def slow_regularity(noise_HW: NDArray[np.float64]) -> float:
    """Appendix D, written out pixel by pixel."""
    total = 0.0
    while True:
        rows, columns = noise_HW.shape
        beside = below = 0.0
        for y in range(rows):
            for x in range(columns):
                beside += noise_HW[y, x] * noise_HW[y, x - 1]
                below += noise_HW[y, x] * noise_HW[y - 1, x]
        total += (beside / noise_HW.size) ** 2 + (below / noise_HW.size) ** 2
        if min(rows, columns) <= 8:
            return total
        quarters = [noise_HW[a::2, b::2] for a in (0, 1) for b in (0, 1)]
        noise_HW = sum(quarters) / 4 * 2


def test_the_regulariser_and_its_gradient_agree_with_a_slow_reference(
    chance: np.random.Generator,
) -> None:
    maps = [chance.standard_normal(size) for size in ((4, 4), (32, 24))]
    tensors = [torch.from_numpy(noise)[None, None].requires_grad_() for noise in maps]

    value = noise_regularity(tensors)
    gradients = torch.autograd.grad(value, tensors)

    assert value.item() == pytest.approx(sum(slow_regularity(noise) for noise in maps))
    for noise, gradient in zip(maps, gradients, strict=True):
        for y, x in ((0, 0), (1, 3), (3, 2)):
            change = np.zeros_like(noise)
            change[y, x] = 1e-5
            slope = (slow_regularity(noise + change) - slow_regularity(noise - change)) / 2e-5
            assert float(gradient[0, 0, y, x]) == pytest.approx(slope, rel=1e-5, abs=1e-10)


def test_white_noise_is_regular_and_patterns_are_not() -> None:
    white = torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    blocks = white[..., :32, :32].repeat_interleave(8, 2).repeat_interleave(8, 3)
    stripes = torch.tensor([1.0, -1.0]).repeat(1, 1, 256, 128)

    expected = sum(2 / side**2 for side in (256, 128, 64, 32, 16, 8))  # of independent products
    assert float(noise_regularity([white])) < 3 * expected < 0.15
    assert float(noise_regularity([torch.ones(1, 1, 256, 256)])) > 100  # 2 x 4^k at scale k
    assert float(noise_regularity([blocks])) > 1
    assert float(noise_regularity([stripes])) >= 2


def test_the_pyramids_distance_is_the_mean_squared_difference_over_scales(
    chance: np.random.Generator,
) -> None:
    one, other = (torch.from_numpy(chance.standard_normal((1, 3, 16, 12))) for _ in range(2))
    difference = (one - other).numpy()
    halved = difference.reshape(1, 3, 8, 2, 6, 2).mean((3, 5))
    expected = (np.square(difference).mean() + np.square(halved).mean()) / 2

    distance = (pixel_pyramid(one) - pixel_pyramid(other)).square().sum()

    assert float(distance) == pytest.approx(expected)


def test_the_rate_climbs_stays_and_falls_as_published() -> None:
    options = ProjectionOptions()
    rates = [learning_rate(step, options) for step in range(1000)]

    assert rates[0] == 0
    assert rates[25] == pytest.approx(0.05)
    assert set(np.round(rates[50:750], 12)) == {0.1}
    assert rates[875] == pytest.approx(0.05)
    assert 0 < rates[-1] < 1e-5
