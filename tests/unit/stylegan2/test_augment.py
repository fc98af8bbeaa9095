"""The augmentation against whole-pixel truth, a slow reference and its own statistics."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cosmop.errors import InputError
from cosmop.stylegan2.augment import DrawnAugmentation, apply_augmentation, draw_augmentation
from cosmop.stylegan2.options import BGC_TRANSFORMS, AugmentationOptions

_OPTIONS = AugmentationOptions()


def _random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(shape, generator=_random(9), dtype=dtype) * 2 - 1


def _grey_colour(count: int) -> Tensor:
    return torch.tensor([[[1 / 3, 1 / 3, 1 / 3, 0]]]).expand(count, -1, -1)


def _moved(source: list[list[float]], count: int = 1) -> DrawnAugmentation:
    colour = torch.eye(3, 4).expand(count, -1, -1)
    return DrawnAugmentation(torch.tensor(source).expand(count, -1, -1), colour)


def _drawn_for(x: Tensor, strength: Tensor | float, seed: int = 0) -> DrawnAugmentation:
    num_images, channels, height, width = x.shape
    shape = (num_images, channels, height, width)
    return draw_augmentation(shape, strength, _random(seed), _OPTIONS)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_strength_zero_is_the_identity_to_the_bit(channels: int, dtype: torch.dtype) -> None:
    x = _images(5, channels, 8, 12).to(dtype)

    for strength in (0.0, torch.zeros(())):
        y = apply_augmentation(x, _drawn_for(x, strength))
        assert y.dtype == dtype
        assert torch.equal(x, y)


def test_a_strength_in_a_tensor_draws_what_a_number_draws() -> None:
    x = _images(64, 3, 8, 12)

    for strength in (0.0, 0.25, 1.0):
        expected = _drawn_for(x, strength)
        came = _drawn_for(x, torch.tensor(strength))
        assert torch.equal(expected.source, came.source)
        assert torch.equal(expected.colour, came.colour)


def _keys(distance: float) -> float:
    """Keys (1981), equation 15, as written there."""
    s = abs(distance)
    if s < 1:
        return 1.5 * s**3 - 2.5 * s**2 + 1
    return -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2 if s < 2 else 0.0


def _mirrored_index(index: int, side: int) -> int:
    while not 0 <= index < side:
        index = -index if index < 0 else 2 * (side - 1) - index
    return index


def _warped_slowly(x_CHW: Tensor, source: list[list[float]]) -> Tensor:
    _, height, width = x_CHW.shape
    y = torch.zeros_like(x_CHW)
    for c, row, column in torch.cartesian_prod(*map(torch.arange, y.shape)).tolist():
        place = (column - (width - 1) / 2, row - (height - 1) / 2, 1)
        from_x, from_y = (sum(m * p for m, p in zip(line, place, strict=True)) for line in source)
        from_x, from_y = from_x + (width - 1) / 2, from_y + (height - 1) / 2
        for i in range(math.floor(from_y) - 1, math.floor(from_y) + 3):
            for j in range(math.floor(from_x) - 1, math.floor(from_x) + 3):
                pixel = x_CHW[c, _mirrored_index(i, height), _mirrored_index(j, width)]
                y[c, row, column] += pixel * _keys(from_y - i) * _keys(from_x - j)
    return y


@pytest.mark.parametrize("shape", [(4, 3, 5, 8), (4, 1, 8, 5)])
def test_the_warp_is_cubic_interpolation_of_the_mirrored_image(
    shape: tuple[int, int, int, int],
) -> None:
    x = _images(*shape, dtype=torch.float64)
    source = _drawn_for(x, 1.0).source.double() * 1.5  # reaches several mirror images away

    expected = torch.stack([_warped_slowly(i, m.tolist()) for i, m in zip(x, source, strict=True)])
    colour = _grey_colour(4) if shape[1] == 1 else torch.eye(3, 4).expand(4, -1, -1)
    came = apply_augmentation(x, DrawnAugmentation(source, colour))
    torch.testing.assert_close(came, expected, atol=1e-12, rtol=0)


def test_turned_and_shifted_waves_come_out_far_closer_than_by_bilinear_interpolation() -> None:
    side, waves, random = 48, 40, _random(1)
    angle, phase, turn = (torch.rand(waves, generator=random).double() * math.tau for _ in "apt")
    frequency = torch.rand(waves, generator=random).double().sqrt() / 4  # half of Nyquist's 1/2
    across, down = frequency * angle.cos(), frequency * angle.sin()

    def drawn_wave(x: Tensor, y: Tensor) -> Tensor:
        along = x * across[:, None, None] + y * down[:, None, None]
        return torch.cos(math.tau * along + phase[:, None, None])[:, None]

    row, column = torch.meshgrid(*2 * [torch.arange(side).double() - (side - 1) / 2], indexing="ij")
    cosine, sine, shift = turn.cos(), turn.sin(), phase / math.tau
    source = torch.stack([cosine, -sine, shift, sine, cosine, -shift], 1).view(-1, 2, 3)
    from_x, from_y = (
        torch.einsum("nk,khw->nhw", source[:, i], torch.stack([column, row, torch.ones_like(row)]))
        for i in (0, 1)
    )
    ideal, x = drawn_wave(from_x, from_y), drawn_wave(column, row)
    grid = torch.stack([from_x, from_y], -1) * 2 / (side - 1)
    bilinear = F.grid_sample(x, grid, align_corners=True)
    cubic = apply_augmentation(x, DrawnAugmentation(source, _grey_colour(waves)))

    centre = (row**2 + column**2 < (side / 2 - 4) ** 2).expand_as(ideal)
    error, bilinear_error = ((y - ideal)[centre].square().mean() for y in (cubic, bilinear))
    assert error.sqrt() < 0.04 * ideal.std()
    assert error.sqrt() < bilinear_error.sqrt() / 2.5


@pytest.mark.parametrize("part", ["scale", "rotation", "anisotropy", "fractional_translation"])
def test_geometry_keeps_area_or_angle_as_its_name_says(part: str) -> None:
    drawn = draw_augmentation(
        (256, 3, 16, 16), 1.0, _random(), AugmentationOptions(transforms=(part,))
    )
    linear, shift = drawn.source[:, :, :2], drawn.source[:, :, 2]
    gram = linear.transpose(1, 2) @ linear
    identity = torch.eye(2).expand_as(gram)

    preserves_area = torch.allclose(torch.linalg.det(linear), torch.ones(256), atol=1e-5)
    assert preserves_area == (part != "scale")
    assert torch.allclose(gram, identity, atol=1e-5) == (part not in ("scale", "anisotropy"))
    assert (shift.abs().max() > 0) == (part == "fractional_translation")


def test_scale_doubles_what_lies_within_half_the_distance() -> None:
    drawn = draw_augmentation(
        (4000, 3, 16, 16), 1.0, _random(), AugmentationOptions(transforms=("scale",))
    )
    log_scale = -drawn.source[:, 0, 0].log2()

    assert abs(float(log_scale.mean())) < 0.02
    assert abs(float(log_scale.std()) - 0.2) < 0.01


def test_the_strength_is_the_share_of_images_that_are_changed() -> None:
    neutral = {"flip": 1 / 2, "luma_flip": 1 / 2, "quarter_turn": 1 / 4}
    for part in set(BGC_TRANSFORMS) - {"integer_translation"}:  # may draw 0 of 4 pixels
        _assert_share((part,), 0.3 * (1 - neutral.get(part, 0)))


def test_transforms_are_chosen_independently_of_each_other() -> None:
    _assert_share(("rotation", "anisotropy", "brightness", "hue"), 1 - 0.7**4)


def _assert_share(parts: tuple[str, ...], expected: float) -> None:
    options = AugmentationOptions(transforms=parts)
    drawn = draw_augmentation((4000, 3, 16, 16), torch.tensor(0.3), _random(), options)
    geometry_changed = (drawn.source - torch.eye(2, 3)).abs().amax((1, 2)) > 0
    colour_changed = (drawn.colour - torch.eye(3, 4)).abs().amax((1, 2)) > 0

    share = (geometry_changed | colour_changed).float().mean()
    assert abs(float(share) - expected) < 5 * math.sqrt(expected * (1 - expected) / 4000)


def test_hue_and_saturation_leave_grey_alone() -> None:
    options = AugmentationOptions(transforms=("hue", "saturation"))
    grey = _images(16, 1, 4, 4).expand(-1, 3, -1, -1)

    came = apply_augmentation(grey, draw_augmentation((16, 3, 4, 4), 1.0, _random(), options))
    torch.testing.assert_close(came, grey.contiguous(), atol=2e-6, rtol=0)


def test_luma_flip_negates_grey_and_hue_keeps_the_length_of_a_colour() -> None:
    flips, turns = (
        draw_augmentation((64, 3, 4, 4), 1.0, _random(), AugmentationOptions(transforms=(part,)))
        for part in ("luma_flip", "hue")
    )
    grey = flips.colour[:, :, :3] @ torch.full((3, 1), 0.5)
    colours = _images(64, 3, 5)

    assert set(grey.flatten().round(decimals=4).tolist()) == {-0.5, 0.5}
    rotated = turns.colour[:, :, :3] @ colours
    torch.testing.assert_close(rotated.norm(dim=1), colours.norm(dim=1))


def test_contrast_and_brightness_act_on_greyscale_images() -> None:
    options = AugmentationOptions(transforms=("brightness", "contrast"))
    drawn = draw_augmentation((8, 1, 4, 4), 1.0, _random(), options)
    x = _images(8, 1, 4, 4)

    contrast, bright = drawn.colour[:, 0, :3].sum(1), drawn.colour[:, 0, 3]
    expected = x * contrast[:, None, None, None] + bright[:, None, None, None]
    torch.testing.assert_close(apply_augmentation(x, drawn), expected)


def test_equal_seeds_draw_equally_and_applying_draws_nothing() -> None:
    x = _images(4, 3, 8, 8)
    first, second = (draw_augmentation((4, 3, 8, 8), 0.7, _random(3), _OPTIONS) for _ in range(2))

    assert torch.equal(first.source, second.source)
    assert torch.equal(apply_augmentation(x, first), apply_augmentation(x, second))
    assert torch.equal(apply_augmentation(x, first), apply_augmentation(x, first))


@pytest.mark.parametrize("part", BGC_TRANSFORMS)
def test_each_transform_is_twice_differentiable(part: str) -> None:
    options = AugmentationOptions(transforms=(part,))
    _assert_twice_differentiable(draw_augmentation((2, 3, 3, 4), 1.0, _random(), options), 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_all_transforms_together_are_linear_and_twice_differentiable(channels: int) -> None:
    x = _images(2, channels, 3, 4, dtype=torch.float64)
    drawn = _drawn_for(x, 1.0)
    offset = apply_augmentation(torch.zeros_like(x), drawn)

    doubled = apply_augmentation(2 * x, drawn) - offset
    torch.testing.assert_close(doubled, 2 * (apply_augmentation(x, drawn) - offset))
    _assert_twice_differentiable(drawn, channels)


def _assert_twice_differentiable(drawn: DrawnAugmentation, channels: int) -> None:
    x = _images(2, channels, 3, 4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: apply_augmentation(a, drawn), (x,))
    assert torch.autograd.gradgradcheck(
        lambda a: apply_augmentation(a, drawn).square(), (x,), fast_mode=True
    )


def test_unknown_transforms_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"'transforms' must be among .*\(not rotate90\)"):
        AugmentationOptions.model_validate({"transforms": ["flip", "rotate90"]})
