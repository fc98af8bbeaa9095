"""What an image file tells without being looked at: its form, and a thumbnail of 8 × 8 pixels."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cosmop.imaging.decoding import ACCEPTED_FORMATS, upright_rgb
from cosmop.imaging.image_set import ImageSet
from cosmop.progress import track

METADATA = ("width", "height", "aspect", "bytes", "bits_per_pixel", "quantisation_sum")
"""Pixels, their ratio, size of the file, and the sum of all JPEG quantisation tables or 0."""

_SIDE = 8
_DECODED_SIDE = 64  # JPEG is decoded at an eighth where that is still larger

Floats = NDArray[np.float32]


def file_traces(images: ImageSet, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the metadata and the thumbnails of some images.

    Args:
        images: Where they are.
        rows: Which of them, [N].

    Returns:
        Metadata in the order of `METADATA`, [N, 6]; thumbnails 0..255, [N, 192].
    """
    metadata = np.zeros((len(rows), len(METADATA)), np.float32)
    thumbnails = np.zeros((len(rows), 3 * _SIDE**2), np.float32)
    paths = images.manifest["path"].to_numpy()
    for at, row in enumerate(track(rows, "looking for traces of the source", unit="image")):
        content = images.store.read(str(paths[row]))
        image = Image.open(io.BytesIO(content), formats=ACCEPTED_FORMATS)
        metadata[at] = _metadata(image, len(content))
        thumbnails[at] = _thumbnail(image)
    return metadata, thumbnails


def _metadata(image: Image.Image, size_bytes: int) -> list[float]:
    width, height = image.size
    tables: dict[int, list[int]] = getattr(image, "quantization", {})
    quantisation = sum(sum(table) for table in tables.values())
    bits_per_pixel = 8 * size_bytes / (width * height)
    return [width, height, width / height, size_bytes, bits_per_pixel, quantisation]


def _thumbnail(image: Image.Image) -> Floats:
    image.draft("RGB", (_DECODED_SIDE, _DECODED_SIDE))
    small = upright_rgb(image).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).ravel()
