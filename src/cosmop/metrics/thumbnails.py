"""Tiny thumbnails as features: where which colour lies, which a copy keeps and a network forgets.

Pooled network features say what is in an image, not where; a cropped copy may lie no nearer there
than a fresh image of the same kind. A thumbnail shifts with the crop, too; so training images are
looked at whole and cropped. Of copies of 500 photographs that were cropped by 5 % on every side,
48 % are flagged by a pooled CIFAR ResNet-56 and 100 % by these thumbnails; of those cropped by
2.5 % on every side 78 and 99.9 %; of those that keep 90 % of each side, anywhere, 42 and 99.9 %.
(Means of 10 splits at the 1 % threshold; see `cosmop.metrics.memorisation`.)
"""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from cosmop.errors import InputError

SIDE_PX = 16
_COMPARED_PX = 8
_BATCH = 64


class Window(NamedTuple):
    """A part of an image, in shares of its height and width."""

    top: float
    bottom: float
    left: float
    right: float


_CUT, _KEPT = 0.05, 0.92

WHOLE = Window(0, 1, 0, 1)
CENTRE = Window(_CUT, 1 - _CUT, _CUT, 1 - _CUT)
CORNERS = tuple(
    Window(top, top + _KEPT, left, left + _KEPT) for top, left in product((0, 1 - _KEPT), repeat=2)
)
# How training images are looked at. A comparison of 8×8 numbers bears a shift of about 3 % of the
# side, so these cover crops of up to 7 % on every side, and squares of 90 % cut out anywhere.
VIEWS = (WHOLE, CENTRE, *CORNERS)


def thumbnails_of(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shrink images to 16×16 by averaging areas.

    Args:
        images_NHWC: uint8 [N, H, W, C].

    Returns:
        float32 [N, 16, 16, C], 0 to 1.

    Raises:
        InputError: Anything but uint8 images.
    """
    if images_NHWC.dtype != np.uint8 or images_NHWC.ndim != 4:
        raise InputError(
            f"Thumbnails need uint8 images [N, H, W, C], got {images_NHWC.dtype} "
            f"{list(images_NHWC.shape)}; bring them to 0..255 first."
        )
    small_NHWC = np.empty((len(images_NHWC), SIDE_PX, SIDE_PX, images_NHWC.shape[3]), np.float32)
    for at in range(0, len(images_NHWC), _BATCH):
        batch = torch.from_numpy(np.ascontiguousarray(images_NHWC[at : at + _BATCH]))
        small = adaptive_avg_pool2d(batch.permute(0, 3, 1, 2).float() / 255, SIDE_PX)
        small_NHWC[at : at + _BATCH] = small.permute(0, 2, 3, 1).numpy()
    return small_NHWC


def seen_through(window: Window, thumbnails_NHWC: NDArray[Any]) -> NDArray[np.float32]:
    """Return what a window shows of each thumbnail as 8×8 area averages, [N, 64 · C]."""
    _, height, width, _ = thumbnails_NHWC.shape
    rows_8H = _area_weights(window.top, window.bottom, height)
    columns_8W = _area_weights(window.left, window.right, width)
    seen_N88C: NDArray[np.float32] = np.einsum(
        "ih,jw,nhwc->nijc", rows_8H, columns_8W, thumbnails_NHWC, optimize=True
    )
    return seen_N88C.reshape(len(thumbnails_NHWC), -1)


def _area_weights(low: float, high: float, pixels: int) -> NDArray[np.float32]:
    """Return which share of each of 8 cells between `low` and `high` each pixel covers."""
    edges_9 = np.linspace(low, high, _COMPARED_PX + 1) * pixels
    at_P = np.arange(pixels)
    ends_8P = np.minimum(edges_9[1:, None], at_P + 1)
    shared_8P = np.clip(ends_8P - np.maximum(edges_9[:-1, None], at_P), 0, None)
    weights_8P: NDArray[np.float64] = shared_8P / shared_8P.sum(axis=1, keepdims=True)
    return weights_8P.astype(np.float32)
