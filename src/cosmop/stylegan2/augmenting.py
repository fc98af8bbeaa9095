"""The chosen augmentation, whichever it is: drawn first, applied later."""

import torch
from torch import Tensor

from cosmop.stylegan2.augment import DrawnAugmentation, apply_augmentation, draw_augmentation
from cosmop.stylegan2.diff_augment import (
    DrawnDiffAugmentation,
    apply_diff_augmentation,
    draw_diff_augmentation,
)
from cosmop.stylegan2.options import AugmentationOptions, DiffAugmentOptions

Drawn = DrawnAugmentation | DrawnDiffAugmentation | None


def drawn_for(
    shape_NCHW: tuple[int, int, int, int],
    strength: Tensor,
    random: torch.Generator,
    options: AugmentationOptions | DiffAugmentOptions | None,
) -> Drawn:
    """Draw one transform for each image; `strength` (0-d) is used by adaptive augmentation."""
    if isinstance(options, AugmentationOptions):
        return draw_augmentation(shape_NCHW, strength, random, options)
    if isinstance(options, DiffAugmentOptions):
        return draw_diff_augmentation(shape_NCHW, random, options)
    return None


def is_known_idle(
    strength: Tensor, options: AugmentationOptions | DiffAugmentOptions | None
) -> bool:
    """Say whether adaptive augmentation changes nothing, where looking costs nothing.

    Strength 0 draws the identity, which gives back each image to the last bit. On a device the
    answer is always no: reading the strength would stall it.
    """
    is_adaptive = isinstance(options, AugmentationOptions)
    return is_adaptive and strength.device.type == "cpu" and strength.item() == 0


def augmented(x_NCHW: Tensor, drawn: Drawn) -> Tensor:
    """Return the transformed images: twice differentiable, nothing drawn."""
    if isinstance(drawn, DrawnAugmentation):
        return apply_augmentation(x_NCHW, drawn)
    if isinstance(drawn, DrawnDiffAugmentation):
        return apply_diff_augmentation(x_NCHW, drawn)
    return x_NCHW
