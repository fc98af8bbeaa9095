"""How networks of the literature bring images to their own size, each exactly in its own way.

Shape suffixes: N batch, C channels, H W pixels.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

_SIZES_KEPT = 32


def resize_tf1(images_NHWC: Tensor, side_px: int) -> Tensor:
    """Resize to a square as TensorFlow 1's ``resize_bilinear(align_corners=False)`` did.

    Output pixel i reads at i × in / out: no half-pixel centres and no antialiasing. This is the
    resize inside the 2015 Inception, so the published FID is defined with it.

    Args:
        images_NHWC: [N, H, W, C] of any real type.
        side_px: Height and width of the result.

    Returns:
        float32 [N, C, side, side], in channels-last memory.
    """
    height, width = images_NHWC.shape[1:3]
    left, right, share = _tf1_positions(width, side_px, images_NHWC.device)
    top, bottom, share_down = _tf1_positions(height, side_px, images_NHWC.device)
    if height > 2 * side_px:  # most rows are never read
        rows = torch.cat([top, bottom])
        images_NHWC = images_NHWC[:, rows]
        top = torch.arange(side_px, device=images_NHWC.device)
        bottom = top + side_px
    x_NHWC = images_NHWC.to(torch.float32)
    x_NHWC = _between(x_NHWC.index_select(2, left), x_NHWC.index_select(2, right), share)
    x_NHWC = _between(
        x_NHWC.index_select(1, top), x_NHWC.index_select(1, bottom), share_down[:, None]
    )
    return x_NHWC.permute(0, 3, 1, 2)


def resize_clean(images_NHWC: Tensor, side_px: int) -> Tensor:
    """Resize to a square by antialiased bicubic interpolation, clipped to 0..255, not rounded.

    This is the "clean" resize (Parmar et al. 2022, arXiv 2104.11222): Pillow's bicubic filter on
    each channel in floating point.

    Args:
        images_NHWC: [N, H, W, C], 0..255, of any real type.
        side_px: Height and width of the result.

    Returns:
        float32 [N, C, side, side], 0..255.
    """
    x_NCHW = images_NHWC.permute(0, 3, 1, 2).to(torch.float32)
    size = (side_px, side_px)
    resized = F.interpolate(x_NCHW, size, mode="bicubic", antialias=True)
    return resized.clamp_(0, 255)


def resize_as_pillow(images_NHWC: Tensor, side_px: int) -> Tensor:
    """Resize uint8 images to a square as Pillow's bicubic does, to one grey level.

    Pillow rounds and clips to 0..255 after the columns and again after the rows.

    Args:
        images_NHWC: uint8 [N, H, W, C].
        side_px: Height and width of the result.

    Returns:
        float32 [N, C, side, side], whole numbers in 0..255.
    """
    x_NCHW = images_NHWC.permute(0, 3, 1, 2).to(torch.float32)
    for size in ((x_NCHW.shape[2], side_px), (side_px, side_px)):
        x_NCHW = F.interpolate(x_NCHW, size, mode="bicubic", antialias=True)
        x_NCHW = x_NCHW.round_().clamp_(0, 255)
    return x_NCHW


def _between(lower: Tensor, upper: Tensor, share: Tensor) -> Tensor:
    return (upper - lower).mul_(share[:, None]).add_(lower)


@lru_cache(maxsize=_SIZES_KEPT)
def _tf1_positions(
    given_px: int, wanted_px: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Return which two given pixels each wanted one lies between, and how near to the second."""
    position = torch.arange(wanted_px, dtype=torch.float32) * (given_px / wanted_px)
    lower = position.floor().long().clamp_max(given_px - 1)
    upper = (lower + 1).clamp_max(given_px - 1)
    share = position - lower
    return lower.to(device), upper.to(device), share.to(device)
