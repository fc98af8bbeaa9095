import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from cosmop.people.augmentation import (
    DrawnAugmentation,
    apply_affine,
    apply_colour,
    apply_jpeg,
    draw_augmentation,
)
from cosmop.people.options import AugmentationOptions, TrainingOptions


def drawn(linear=((1, 0), (0, 1)), shift=(0, 0), colour=(1, 1, 1), quality=100, count=1):
    return DrawnAugmentation(
        linear=torch.tensor(linear, dtype=torch.float32).repeat(count, 1, 1),
        shift=torch.tensor([shift], dtype=torch.float32).repeat(count, 1),
        brightness=torch.full((count,), float(colour[0])),
        contrast=torch.full((count,), float(colour[1])),
        saturation=torch.full((count,), float(colour[2])),
        jpeg_quality=torch.full((count,), quality),
    )


def picture(height=12, width=16, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_drawing_nothing_changes_nothing():
    x = picture()
    plan = draw_augmentation(1, AugmentationOptions(flip=False), torch.Generator().manual_seed(0))

    torch.testing.assert_close(apply_colour(apply_affine(x, plan), plan), x)
    assert plan.jpeg_quality.tolist() == [100]


def test_a_mirror_is_a_flip():
    torch.testing.assert_close(apply_affine(picture(), drawn(((-1, 0), (0, 1)))), picture().flip(3))


def test_a_quarter_turn_of_a_wide_image_keeps_its_pixels_square():
    x = picture(12, 16)
    turned = apply_affine(x, drawn(((0, -1), (1, 0))))

    # the middle 12×12 pixels turn as they are; a turn in shares of the sides would squeeze them
    middle = (slice(None), slice(None), slice(None), slice(2, 14))
    torch.testing.assert_close(turned[middle], torch.rot90(x[middle], 1, (2, 3)))


def test_a_shift_of_a_quarter_moves_by_a_quarter_of_the_side():
    x = picture(12, 16)
    moved = apply_affine(x, drawn(shift=(0.5, 0)))  # half of half the width: 4 pixels

    torch.testing.assert_close(moved[:, :, :, :12], x[:, :, :, 4:])


def test_brightness_contrast_and_saturation_do_what_their_names_say():
    x = picture() * 0.5
    grey = (x * torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(1, keepdim=True)

    torch.testing.assert_close(apply_colour(x, drawn(colour=(1.5, 1, 1))), 1.5 * x)
    torch.testing.assert_close(apply_colour(x, drawn(colour=(1, 1, 0))), grey.expand(1, 3, -1, -1))
    flat = apply_colour(x, drawn(colour=(1, 0, 1)))
    torch.testing.assert_close(flat, grey.mean().expand_as(flat))


def test_jpeg_is_the_codecs_own_at_the_drawn_quality():
    image = (picture(32, 32) * 255).to(torch.uint8).permute(0, 2, 3, 1)
    ours = apply_jpeg(image, drawn(quality=40))[0].numpy().astype(int)

    buffer = io.BytesIO()
    Image.fromarray(image[0].numpy()).save(buffer, "JPEG", quality=40)
    expected = np.asarray(Image.open(buffer)).astype(int)
    np.testing.assert_array_equal(ours, expected)
    assert torch.equal(apply_jpeg(image, drawn(quality=100)), image)


def test_draws_stay_within_their_limits_and_reach_most_of_them():
    options = AugmentationOptions(
        flip=True,
        rotation_degrees=20,
        shift_share=0.1,
        zoom_share=0.2,
        colour_share=0.3,
        jpeg_quality_min=60,
    )
    plan = draw_augmentation(2000, options, torch.Generator().manual_seed(0))

    scale = torch.linalg.det(plan.linear).abs().sqrt()
    angle = torch.rad2deg(torch.atan2(plan.linear[:, 1, 1], plan.linear[:, 0, 1])) - 90
    assert 0.8 <= scale.min() < 0.81
    assert 1.19 < scale.max() <= 1.2001
    assert 19 < angle.abs().max() < 20.001
    assert 0.19 < plan.shift.abs().max() <= 0.2
    assert 0.7 <= plan.brightness.min() < 0.71
    assert plan.jpeg_quality.unique().tolist() == list(range(60, 101))
    assert (torch.linalg.det(plan.linear) < 0).float().mean() == pytest.approx(0.5, abs=0.05)


def test_a_crop_never_leaves_the_image():
    options = AugmentationOptions(crop_side_min=0.5)
    plan = draw_augmentation(2000, options, torch.Generator().manual_seed(0))

    corner = plan.linear.abs().sum(2) + plan.shift.abs()
    assert corner.max() <= 1 + 1e-6
    assert math.isclose(plan.linear.abs()[:, 0, 0].min(), 0.5, abs_tol=0.01)


def test_the_same_generator_draws_the_same():
    options = TrainingOptions().augmentation
    first, again = (
        draw_augmentation(5, options, torch.Generator().manual_seed(3)) for _ in range(2)
    )

    assert torch.equal(first.linear, again.linear)
    assert torch.equal(first.jpeg_quality, again.jpeg_quality)
