"""Tiny thumbnails as features: where which colour lies, which a copy keeps and a network forgets.

Pooled network features say what is in an image, not where; a copy cropped by 5 % may lie no nearer
there than a fresh image of the same kind. Of 150 photographs among 500, at the 1 % threshold, all
that were re-encoded or mirrored are flagged, whatever the features; of those cropped by 2.5 % on
every side, 55 % with a pooled CIFAR ResNet-56, 94 % with a random ResNet-18 and 99 % with these
thumbnails; by 5 % on every side 25, 40 and 90 %. (One split; of the thumbnails the mean of 10.)
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from cosmop.errors import InputError

SIDE_PX = 8

_BATCH = 64


def thumbnails_of(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shrink images to 8×8 by averaging areas.

    Args:
        images_NHWC: uint8 [N, H, W, C].

    Returns:
        float32 [N, 8, 8, C], 0 to 1.

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
