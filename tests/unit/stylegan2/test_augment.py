"""The augmentation against whole-pixel truth, colour arithmetic and its own statistics."""

import math

import pytest
import torch
from torch import Tensor

from cosmop.errors import InputError
from cosmop.stylegan2.augment import DrawnAugmentation, apply_augmentation, draw_augmentation
from cosmop.stylegan2.options import AugmentationOptions

_OPTIONS = AugmentationOptions()


def _random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(shape, generator=_random(9), dtype=dtype) * 2 - 1


def _moved(source: list[list[float]], count: int = 1) -> DrawnAugmentation:
    colour = torch.eye(3, 4).expand(count, -1, -1)
    return DrawnAugmentation(torch.tensor(source).expand(count, -1, -1), colour)


def test_strength_zero_is_the_identity_to_the_bit() -> None:
    x = _images(5, 3, 8, 12)

    drawn = draw_augmentation((5, 3, 8, 12), 0.0, _random(), _OPTIONS)
    assert torch.equal(x, apply_augmentation(x, drawn))


def test_mirroring_and_quarter_turns_are_exact() -> None:
    x = _images(1, 3, 8, 8)
    mirror, turn = [[-1.0, 0, 0], [0, 1, 0]], [[0.0, 1, 0], [-1, 0, 0]]

    assert torch.equal(x.flip(3), apply_augmentation(x, _moved(mirror)))
    assert torch.equal(x.rot90(-1, (2, 3)), apply_augmentation(x, _moved(turn)))


def test_whole_pixel_translation_is_exact_and_mirrors_at_the_edge() -> None:
    x = _images(1, 3, 6, 7)
    expected = torch.cat([x[..., 2:3], x[..., 1:2], x[..., :-2]], 3)

    assert torch.equal(expected, apply_augmentation(x, _moved([[1.0, 0, -2], [0, 1, 0]])))


def test_drawn_blits_only_permute_pixels_or_mirror_them_in() -> None:
    options = AugmentationOptions(transforms=("flip", "quarter_turn", "integer_translation"))
    x = _images(64, 1, 16, 16)

    y = apply_augmentation(x, draw_augmentation((64, 1, 16, 16), 1.0, _random(), options))
    for before, after in zip(x, y, strict=True):
        assert torch.isin(after, before).all()


def test_all_eight_positions_of_a_square_are_drawn_equally_often() -> None:
    options = AugmentationOptions(transforms=("flip", "quarter_turn"))
    drawn = draw_augmentation((8000, 3, 8, 8), 1.0, _random(), options)

    _, counts = drawn.source.flatten(1).round().unique(dim=0, return_counts=True)
    assert len(counts) == 8
    assert (counts - 1000).abs().max() < 5 * math.sqrt(1000 * 7 / 8)  # five standard deviations


def test_rectangles_are_turned_by_half_turns_only() -> None:
    options = AugmentationOptions(transforms=("quarter_turn",))
    drawn = draw_augmentation((64, 3, 8, 16), 1.0, _random(), options)

    assert drawn.source[:, 0, 1].abs().max() == 0
    assert set(drawn.source[:, 0, 0].tolist()) == {-1.0, 1.0}


def test_fractional_positions_reproduce_a_smooth_image() -> None:
    columns = torch.arange(32, dtype=torch.float64) - 15.5
    x = torch.cos(columns * 0.3).expand(1, 3, 32, 32)
    expected = torch.cos((columns - 0.4) * 0.3).expand(1, 3, 32, 32)

    y = apply_augmentation(x, _moved([[1.0, 0, -0.4], [0, 1, 0]]))
    # The error of Keys' kernel is of third order: 0.3 ** 3 times a constant below 0.1.
    torch.testing.assert_close(y[..., 4:-4], expected[..., 4:-4], atol=2.7e-3, rtol=0)


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
    for part in ("brightness", "rotation", "scale", "fractional_translation"):
        options = AugmentationOptions(transforms=(part,))
        drawn = draw_augmentation((4000, 3, 16, 16), 0.3, _random(), options)
        geometry_changed = (drawn.source - torch.eye(2, 3)).abs().amax((1, 2)) > 0
        colour_changed = (drawn.colour - torch.eye(3, 4)).abs().amax((1, 2)) > 0

        share = (geometry_changed | colour_changed).float().mean()
        assert abs(float(share) - 0.3) < 5 * math.sqrt(0.3 * 0.7 / 4000)


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


def test_the_augmentation_is_linear_up_to_its_offset_and_twice_differentiable() -> None:
    drawn = draw_augmentation((2, 3, 4, 5), 1.0, _random(), _OPTIONS)
    x = _images(2, 3, 4, 5, dtype=torch.float64).requires_grad_()
    offset = apply_augmentation(torch.zeros_like(x), drawn)

    doubled = apply_augmentation(2 * x, drawn) - offset
    torch.testing.assert_close(doubled, 2 * (apply_augmentation(x, drawn) - offset))
    assert torch.autograd.gradcheck(lambda a: apply_augmentation(a, drawn), (x,))
    assert torch.autograd.gradgradcheck(lambda a: apply_augmentation(a, drawn).square(), (x,))


def test_unknown_transforms_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"'transforms' must be among .*\(not rotate90\)"):
        AugmentationOptions.model_validate({"transforms": ["flip", "rotate90"]})
