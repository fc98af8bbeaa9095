"""Augmentation of constant strength: draw apart from apply (DiffAugment, Zhao et al. 2020)."""

from typing import NamedTuple

import torch
from torch import Tensor

from cosmop.stylegan2.options import DIFF_TRANSFORMS, DiffAugmentOptions


class DrawnDiffAugmentation(NamedTuple):
    """One transform per image, all float32 [N].

    `brightness` is added; `saturation` scales the distance from grey, `contrast` that from the
    image's mean. The image moves by `shift_x`, `shift_y` whole pixels; the rectangle from `left`,
    `top` to `right`, `bottom` (in pixels, ends not included) is blanked.
    """

    brightness: Tensor
    saturation: Tensor
    contrast: Tensor
    shift_x: Tensor
    shift_y: Tensor
    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor


def draw_diff_augmentation(
    shape_NCHW: tuple[int, int, int, int],
    random: torch.Generator,
    options: DiffAugmentOptions,
) -> DrawnDiffAugmentation:
    """Draw a transform for each image of a batch; parts that are not in the policy are neutral.

    Ranges are the paper's: brightness ±0.5 (half the range is 1), saturation 0 to 2, contrast 0.5
    to 1.5, whole-pixel shifts, a blank rectangle centred anywhere in the image.
    """
    num_images, _, height, width = shape_NCHW
    numbers = torch.rand(7, num_images, device=random.device, generator=random)
    colour, moves, cuts = (float(part in options.policy) for part in DIFF_TRANSFORMS)
    reach_x, reach_y = (round(side * options.translation_share) for side in (width, height))
    cut_width, cut_height = (round(side * options.cutout_share) for side in (width, height))
    left = _cut_start(numbers[5], width, cut_width)
    top = _cut_start(numbers[6], height, cut_height)
    return DrawnDiffAugmentation(
        brightness=(numbers[0] - 0.5) * colour,
        saturation=1 + (numbers[1] * 2 - 1) * colour,
        contrast=1 + (numbers[2] - 0.5) * colour,
        shift_x=((numbers[3] * (2 * reach_x + 1)).floor() - reach_x) * moves,
        shift_y=((numbers[4] * (2 * reach_y + 1)).floor() - reach_y) * moves,
        left=left,
        top=top,
        right=left + cut_width * cuts,
        bottom=top + cut_height * cuts,
    )


def _cut_start(uniform_N: Tensor, side: int, cut: int) -> Tensor:
    """Return the first blanked pixel, which may lie outside: both edges are hit equally often."""
    centres = side + 1 - cut % 2  # an even cut is centred between pixels, outer edges included
    return (uniform_N * centres).floor() - cut // 2


def apply_diff_augmentation(x_NCHW: Tensor, drawn: DrawnDiffAugmentation) -> Tensor:
    """Return the transformed images, in the dtype of `x_NCHW`: draws nothing, waits for nothing.

    Linear in `x_NCHW` up to the brightness and differentiable any number of times.
    """
    x = x_NCHW + _wide(drawn.brightness, x_NCHW)
    grey = x.mean(1, keepdim=True)
    x = grey.lerp(x, _wide(drawn.saturation, x))
    mean = x.mean((1, 2, 3), keepdim=True)
    return _moved_and_cut(mean.lerp(x, _wide(drawn.contrast, x)), drawn)


def _wide(values_N: Tensor, x_NCHW: Tensor) -> Tensor:
    return values_N.to(x_NCHW.dtype)[:, None, None, None]


def _moved_and_cut(x_NCHW: Tensor, drawn: DrawnDiffAugmentation) -> Tensor:
    """Take each pixel from where it was before the shift; outside and in the cut it is 0."""
    channels, height, width = x_NCHW.shape[1:]
    column, was_in_columns, cut_columns = _axis(drawn.shift_x, drawn.left, drawn.right, width)
    row, was_in_rows, cut_rows = _axis(drawn.shift_y, drawn.top, drawn.bottom, height)
    was_inside = was_in_rows[:, :, None] & was_in_columns[:, None, :]
    is_cut = cut_rows[:, :, None] & cut_columns[:, None, :]
    place = (row[:, :, None] * width + column[:, None, :]).flatten(1)[:, None]
    taken = x_NCHW.flatten(2).gather(2, place.expand(-1, channels, -1)).view(x_NCHW.shape)
    return torch.where((was_inside & ~is_cut)[:, None], taken, 0.0)


def _axis(
    shift_N: Tensor, start_N: Tensor, end_N: Tensor, side: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return, each [N, side]: clamped source positions, whether they were inside, who is cut."""
    here = torch.arange(side, device=shift_N.device)
    before = here - shift_N.long()[:, None]
    is_cut = (here >= start_N[:, None]) & (here < end_N[:, None])
    return before.clamp(0, side - 1), (before >= 0) & (before < side), is_cut
