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
    reach_x, reach_y = (int(side * options.translation_share) for side in (width, height))
    cut_width, cut_height = (int(side * options.cutout_share) * cuts for side in (width, height))
    centre_x, centre_y = (numbers[5] * width).floor(), (numbers[6] * height).floor()
    left, top = centre_x - cut_width // 2, centre_y - cut_height // 2
    return DrawnDiffAugmentation(
        brightness=(numbers[0] - 0.5) * colour,
        saturation=1 + (numbers[1] * 2 - 1) * colour,
        contrast=1 + (numbers[2] - 0.5) * colour,
        shift_x=((numbers[3] * (2 * reach_x + 1)).floor() - reach_x) * moves,
        shift_y=((numbers[4] * (2 * reach_y + 1)).floor() - reach_y) * moves,
        left=left,
        top=top,
        right=left + cut_width,
        bottom=top + cut_height,
    )


def apply_diff_augmentation(x_NCHW: Tensor, drawn: DrawnDiffAugmentation) -> Tensor:
    """Return the transformed images: linear in `x_NCHW` but for the brightness, nothing drawn."""
    x = x_NCHW + _wide(drawn.brightness)
    grey = x.mean(1, keepdim=True)
    x = grey.lerp(x, _wide(drawn.saturation).to(x.dtype))
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean.lerp(x, _wide(drawn.contrast).to(x.dtype))
    return _cut(_moved(x, drawn), drawn)


def _wide(values_N: Tensor) -> Tensor:
    return values_N[:, None, None, None]


def _moved(x_NCHW: Tensor, drawn: DrawnDiffAugmentation) -> Tensor:
    """Take each pixel from where it was before the shift; black, 0, comes in from outside."""
    num_images, channels, height, width = x_NCHW.shape
    column, column_inside = _source(drawn.shift_x, width)
    row, row_inside = _source(drawn.shift_y, height)
    inside = row_inside[:, :, None] & column_inside[:, None, :]
    place = (row[:, :, None] * width + column[:, None, :]).view(num_images, 1, -1)
    taken = x_NCHW.flatten(2).gather(2, place.expand(-1, channels, -1))
    return taken.view(x_NCHW.shape) * inside[:, None].to(x_NCHW.dtype)


def _source(shift_N: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return source positions [N, side], int64 and clamped, and whether they were inside."""
    position = torch.arange(side, device=shift_N.device) - shift_N.long()[:, None]
    return position.clamp(0, side - 1), (position >= 0) & (position < side)


def _cut(x_NCHW: Tensor, drawn: DrawnDiffAugmentation) -> Tensor:
    height, width = x_NCHW.shape[2:]
    column = torch.arange(width, device=x_NCHW.device)
    row = torch.arange(height, device=x_NCHW.device)
    across = (column >= drawn.left[:, None]) & (column < drawn.right[:, None])
    down = (row >= drawn.top[:, None]) & (row < drawn.bottom[:, None])
    kept = ~(down[:, :, None] & across[:, None, :])
    return x_NCHW * kept[:, None].to(x_NCHW.dtype)
