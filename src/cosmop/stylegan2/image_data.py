"""Training images that lie whole in the device's memory, in an order that needs no state."""

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cosmop.errors import InputError

_FEWEST_IMAGES = 8
_HELD_OUT = 0x4E1D  # sets this choice apart from the data order, which has the same seed


class ResidentImages:
    """A set of uint8 images [N, H, W, C] and its endless shuffled order.

    The order is a function of the seed and the position alone, so a position is all that a
    resumed run needs to know. With `mirror`, each image also comes left-right reversed. Images
    that are `held_out` [N] never come in the order.
    """

    def __init__(
        self,
        images_NHWC: NDArray[np.uint8],
        labels_NK: NDArray[np.generic] | None,
        *,
        mirror: bool,
        seed: int,
        device: torch.device,
        held_out: NDArray[np.bool_] | None = None,
    ) -> None:
        kept = np.ones(len(images_NHWC), dtype=bool) if held_out is None else ~held_out
        self._images = torch.from_numpy(np.ascontiguousarray(images_NHWC[kept])).to(device)
        self._held_out = torch.from_numpy(np.ascontiguousarray(images_NHWC[~kept])).to(device)
        labels = None if labels_NK is None else torch.from_numpy(labels_NK.astype(np.float32))
        self._labels = None if labels is None else labels[kept].to(device)
        self._held_out_labels = None if labels is None else labels[~kept].to(device)
        self._mirror = mirror
        self._seed = seed
        self._device = device
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    @property
    def num_held_out(self) -> int:
        """How many images are held out."""
        return len(self._held_out)

    @property
    def _epoch_length(self) -> int:
        return len(self._images) * (2 if self._mirror else 1)

    def indices(self, position: int, count: int) -> NDArray[np.int64]:
        """Return the places of images number `position` and following in the endless order.

        A place of N or more means the mirrored image of place minus N.
        """
        parts: list[NDArray[np.int64]] = []
        while count > 0:
            epoch, start = divmod(position, self._epoch_length)
            if epoch != self._epoch:
                random = np.random.default_rng([self._seed, epoch])
                self._epoch, self._order = epoch, random.permutation(self._epoch_length)
            parts.append(self._order[start : start + count])
            position, count = position + len(parts[-1]), count - len(parts[-1])
        return np.concatenate(parts)

    def batch(self, position: int, count: int) -> tuple[Tensor, Tensor | None]:
        """Return images [count, C, H, W] in [-1, 1] and one-hot labels, from `position` on."""
        places = torch.from_numpy(self.indices(position, count)).to(self._device)
        chosen = places % len(self._images)
        x_NCHW = _scaled(self._images[chosen])
        if self._mirror:
            is_mirrored = (places >= len(self._images))[:, None, None, None]
            x_NCHW = torch.where(is_mirrored, x_NCHW.flip(3), x_NCHW)
        return x_NCHW, None if self._labels is None else self._labels[chosen]

    def held_out_batch(self, start: int, count: int) -> tuple[Tensor, Tensor | None]:
        """Return held-out images [count, C, H, W] in [-1, 1] and their labels."""
        rows = slice(start, start + count)
        labels = None if self._held_out_labels is None else self._held_out_labels[rows]
        return _scaled(self._held_out[rows]), labels

    def draw_labels(self, count: int, random: torch.Generator) -> Tensor | None:
        """Draw one-hot labels [count, classes] as often as they come in the set."""
        if self._labels is None:
            return None
        chosen = torch.randint(len(self._labels), (count,), device=self._device, generator=random)
        return self._labels[chosen]


def _scaled(images_NHWC: Tensor) -> Tensor:
    """Turn uint8 [N, H, W, C] into float32 [N, C, H, W] in [-1, 1]."""
    return images_NHWC.float().div_(127.5).sub_(1).permute(0, 3, 1, 2)


def draw_held_out(num_images: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Choose a `share` of the images at random; return a mask [N]."""
    chosen = np.random.default_rng([seed, _HELD_OUT]).permutation(num_images)
    held_out = np.zeros(num_images, dtype=bool)
    held_out[chosen[: round(share * num_images)]] = True
    return held_out


def data_checksum(images_NHWC: NDArray[np.uint8], labels_NK: NDArray[np.generic] | None) -> str:
    """SHA-256 over the shape and bytes of images and labels."""
    digest = hashlib.sha256(str(images_NHWC.shape).encode())
    digest.update(np.ascontiguousarray(images_NHWC).data)
    if labels_NK is not None:
        digest.update(np.array(labels_NK, dtype=np.float32, order="C").tobytes())
    return digest.hexdigest()


def check_images(
    images_NHWC: NDArray[np.uint8],
    wanted: tuple[int, int, int],
    batch_size: int,
    *,
    num_held_out: int = 0,
) -> None:
    """Refuse a training set that does not fit networks for `wanted` (height, width, channels).

    Raises:
        InputError: not uint8, another shape, fewer than 8 images or fewer than a batch.
    """
    expected = f"uint8 images of shape [N, {wanted[0]}, {wanted[1]}, {wanted[2]}]"
    if images_NHWC.dtype != np.uint8 or images_NHWC.shape[1:] != wanted:
        raise InputError(
            f"StyleGAN2 training wants {expected}, got {images_NHWC.dtype} of shape "
            f"{list(images_NHWC.shape)}; resize the images or change the network's size."
        )
    fewest = max(_FEWEST_IMAGES, batch_size)
    left = len(images_NHWC) - num_held_out
    if left < fewest:
        raise InputError(
            f"StyleGAN2 training wants at least {fewest} images with a batch size of {batch_size}, "
            f"got {left} (and {num_held_out} held out); collect more images, hold fewer out or "
            "make the batch smaller."
        )


def check_labels(labels_NK: NDArray[np.generic] | None, num_images: int, num_classes: int) -> None:
    """Refuse labels that are not one row of `num_classes` numbers per image.

    Raises:
        InputError: labels missing, unexpected or of another shape.
    """
    wanted = (num_images, num_classes) if num_classes else None
    came = None if labels_NK is None else labels_NK.shape
    if came != wanted:
        raise InputError(
            f"StyleGAN2 training with {num_classes} classes wants labels of shape {wanted}, got "
            f"{came}; give one-hot labels for each image or change the number of classes."
        )
