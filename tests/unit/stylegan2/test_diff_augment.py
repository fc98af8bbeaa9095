"""DiffAugment against a slow reference, closed forms and its own statistics."""

import math

import pytest
import torch
from torch import Tensor

from cosmop.errors import InputError
from cosmop.stylegan2.diff_augment import (
    DrawnDiffAugmentation,
    apply_diff_augmentation,
    draw_diff_augmentation,
)
from cosmop.stylegan2.options import DiffAugmentOptions

_OPTIONS = DiffAugmentOptions()


def _random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(shape, generator=_random(9), dtype=dtype) * 2 - 1


def _draw(*shape: int, policy: tuple[str, ...] = _OPTIONS.policy) -> DrawnDiffAugmentation:
    count, channels, height, width = shape
    options = DiffAugmentOptions(policy=policy)
    return draw_diff_augmentation((count, channels, height, width), _random(), options)


def _augmented_slowly(x_CHW: Tensor, how: dict[str, float]) -> Tensor:
    """Pixel by pixel, in the paper's order: brightness, saturation, contrast, move, cut."""
    _, height, width = x_CHW.shape
    coloured = torch.empty_like(x_CHW)
    for row in range(height):
        for column in range(width):
            pixel = x_CHW[:, row, column] + how["brightness"]
            grey = pixel.sum() / len(pixel)
            coloured[:, row, column] = grey + how["saturation"] * (pixel - grey)
    mean = coloured.sum() / coloured.numel()
    y = torch.zeros_like(x_CHW)
    for row in range(height):
        for column in range(width):
            from_row, from_column = row - int(how["shift_y"]), column - int(how["shift_x"])
            is_cut = how["top"] <= row < how["bottom"] and how["left"] <= column < how["right"]
            if 0 <= from_row < height and 0 <= from_column < width and not is_cut:
                y[:, row, column] = mean + how["contrast"] * (
                    coloured[:, from_row, from_column] - mean
                )
    return y


@pytest.mark.parametrize("shape", [(6, 3, 8, 12), (6, 1, 9, 7)])
def test_applying_is_what_the_paper_describes(shape: tuple[int, int, int, int]) -> None:
    x, drawn = _images(*shape, dtype=torch.float64), _draw(*shape)

    ways = [{k: float(v[i]) for k, v in drawn._asdict().items()} for i in range(len(x))]
    expected = torch.stack([_augmented_slowly(i, how) for i, how in zip(x, ways, strict=True)])
    torch.testing.assert_close(apply_diff_augmentation(x, drawn), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_empty_policy_is_the_identity_to_the_bit(channels: int, dtype: torch.dtype) -> None:
    x = _images(4, channels, 8, 12).to(dtype)

    y = apply_diff_augmentation(x, _draw(4, channels, 8, 12, policy=()))
    assert y.dtype == dtype
    assert torch.equal(x, y)


def test_colour_factors_are_uniform_in_the_ranges_of_the_paper() -> None:
    drawn, count = _draw(20_000, 3, 8, 8), 20_000

    for values, lowest, highest in (
        (drawn.brightness, -0.5, 0.5),
        (drawn.saturation, 0.0, 2.0),
        (drawn.contrast, 0.5, 1.5),
    ):
        spread = (highest - lowest) / math.sqrt(12)
        assert values.min() >= lowest
        assert values.max() <= highest
        assert abs(float(values.mean()) - (lowest + highest) / 2) < 5 * spread / math.sqrt(count)
        assert float(values.std()) == pytest.approx(spread, rel=0.02)


def test_shifts_are_all_whole_pixels_up_to_an_eighth_of_the_side_equally_often() -> None:
    drawn, count = _draw(20_000, 3, 16, 32), 20_000

    for shift, reach in ((drawn.shift_y, 2), (drawn.shift_x, 4)):
        values, counts = shift.unique(return_counts=True)
        share = 1 / (2 * reach + 1)
        assert values.tolist() == list(range(-reach, reach + 1))
        bound = 5 * math.sqrt(count * share * (1 - share))
        assert (counts - count * share).abs().max() < bound


@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 10), (7, 12)])
def test_each_pixel_is_cut_as_often_as_its_distance_to_the_edge_says(
    height: int, width: int
) -> None:
    count = 20_000
    kept = apply_diff_augmentation(
        torch.ones(count, 1, height, width), _draw(count, 1, height, width, policy=("cutout",))
    ).mean((0, 1))

    def covered(side: int) -> Tensor:
        cut = round(side / 2)
        starts = torch.arange(side + 1 - cut % 2)[:, None] - cut // 2
        here = torch.arange(side)
        return ((here >= starts) & (here < starts + cut)).double().mean(0)

    expected = 1 - covered(height)[:, None] * covered(width)
    assert torch.equal(expected, expected.flip(0, 1))
    assert (kept - expected).abs().max() < 5 * 0.5 / math.sqrt(count)


def test_parts_outside_the_policy_change_nothing() -> None:
    x = _images(16, 3, 8, 8)
    coloured, moved, cut = (
        apply_diff_augmentation(x, _draw(16, 3, 8, 8, policy=(part,))) for part in _OPTIONS.policy
    )

    assert (coloured != 0).all()
    assert (torch.isin(moved, x) | (moved == 0)).all()
    assert ((cut == x) | (cut == 0)).all()
    assert 0 < (cut == 0).float().mean() < 0.3


def test_a_cut_of_the_whole_side_still_leaves_what_it_does_not_reach() -> None:
    options = DiffAugmentOptions(policy=("cutout",), cutout_share=1.0)
    drawn = draw_diff_augmentation((200, 1, 8, 8), _random(), options)

    kept = apply_diff_augmentation(torch.ones(200, 1, 8, 8), drawn)
    assert 0 < kept.mean() < 1


@pytest.mark.parametrize("policy", [("color",), ("translation",), ("cutout",), _OPTIONS.policy])
@pytest.mark.parametrize("channels", [1, 3])
def test_each_part_is_twice_differentiable(policy: tuple[str, ...], channels: int) -> None:
    options = DiffAugmentOptions(policy=policy, translation_share=0.4)
    drawn = draw_diff_augmentation((2, channels, 3, 4), _random(), options)
    x = _images(2, channels, 3, 4, dtype=torch.float64).requires_grad_()

    assert torch.autograd.gradcheck(lambda a: apply_diff_augmentation(a, drawn), (x,))
    assert torch.autograd.gradgradcheck(
        lambda a: apply_diff_augmentation(a, drawn).square(), (x,), fast_mode=True
    )


def test_equal_seeds_draw_equally_whatever_the_policy() -> None:
    every, some = _draw(8, 3, 8, 8), _draw(8, 3, 8, 8, policy=("translation",))

    assert all(torch.equal(a, b) for a, b in zip(every, _draw(8, 3, 8, 8), strict=True))
    assert torch.equal(every.shift_x, some.shift_x)


def test_unknown_parts_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"'policy' must be among .*\(not colour\)"):
        DiffAugmentOptions.model_validate({"policy": ["colour"]})
