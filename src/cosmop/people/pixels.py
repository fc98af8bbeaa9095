"""Pixels for training: all in memory when they fit, else read from disk batch by batch."""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cosmop.imaging.image_set import ImageSet
from cosmop.people.reading import read_ahead, read_fitted

_LOG = logging.getLogger(__name__)


class Pixels(Protocol):
    """Something that gives the pixels of images by number."""

    def __len__(self) -> int:
        """Return the number of images."""

    def take(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the images of these numbers, uint8 [n, H, W, 3]."""


@dataclass(frozen=True)
class ArrayPixels:
    """Pixels in memory, uint8 [N, H, W, 3]."""

    images: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the images of these numbers, uint8 [n, H, W, 3]."""
        return self.images[indices]


@dataclass(frozen=True)
class StreamedPixels:
    """Pixels decoded when they are asked for."""

    images: ImageSet
    size: tuple[int, int]
    fit: str

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the images of these numbers, uint8 [n, H, W, 3]."""
        pixels = np.empty((len(indices), *self.size, 3), dtype=np.uint8)
        read = partial(read_fitted, self.images, self.size, self.fit)
        for place, image in enumerate(read_ahead(read, indices.tolist())):
            pixels[place] = image
        return pixels


@dataclass(frozen=True)
class LabelledPixels:
    """Images to learn from or to measure on.

    Attributes:
        pixels: Where the pixels come from.
        labels: bool [N], of all images.
        rows: int64 [n], which of the images this part holds.
    """

    pixels: Pixels
    labels: NDArray[np.bool_]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def part_labels(self) -> NDArray[np.bool_]:
        """The labels of this part, bool [n]."""
        return self.labels[self.rows]

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return images of this part by their number within it, uint8 [b, H, W, 3]."""
        return self.pixels.take(self.rows[indices])


def load_pixels(images: ImageSet, size: tuple[int, int], fit: str, memory_limit_mb: int) -> Pixels:
    """Return the pixels of `images` at `size` (height, width), in memory if the limit allows."""
    needed_mb = len(images) * size[0] * size[1] * 3 / 2**20
    streamed = StreamedPixels(images, size, fit)
    if needed_mb <= memory_limit_mb:
        return ArrayPixels(streamed.take(np.arange(len(images))))
    _LOG.info("%d images need %.0f MB of pixels: reading by batch.", len(images), needed_mb)
    return streamed
