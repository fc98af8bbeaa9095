"""Image files as they may be handed on: upright, and without anything that is not picture.

A camera's file tells where it was taken, when, with which device, and often holds a small copy of
the picture before it was cut. All of it goes; what colours need stays.
"""

import io
from dataclasses import dataclass

from PIL import Image

from cosmop.exporting.jpeg_segments import strip_jpeg
from cosmop.exporting.png_chunks import strip_png
from cosmop.imaging.decoding import ACCEPTED_FORMATS, read_orientation, turn_upright

_JPEG_QUALITY = 95
_STRIPPERS = {"jpg": strip_jpeg, "png": strip_png}
_JPEG_MODES = ("L", "RGB", "CMYK")


@dataclass(frozen=True)
class CleanImage:
    """A file to hand on.

    Attributes:
        content: Its bytes.
        extension: ``"jpg"`` or ``"png"``.
        width: Pixels.
        height: Pixels.
        is_encoded_again: Whether its pixels were decoded and encoded anew.
    """

    content: bytes
    extension: str
    width: int
    height: int
    is_encoded_again: bool


def clean_image(content: bytes, extension: str) -> CleanImage:
    """Turn an image file upright and take out what is not picture.

    JPEG and PNG files that lie upright keep their compressed pixels to the bit: only segments are
    left out. A JPEG on its side is turned and encoded again (quality 95, full colour resolution), a
    PNG on its side is turned without loss. WebP becomes PNG, without loss, because few readers of
    data sets know WebP.

    Args:
        content: A file of the store.
        extension: Of its format: ``"jpg"``, ``"png"`` or ``"webp"``.

    Raises:
        ValueError: The bytes are no such image.
    """
    try:
        with Image.open(io.BytesIO(content), formats=ACCEPTED_FORMATS) as image:
            orientation = read_orientation(image)
            strip = _STRIPPERS.get(extension)
            if strip is not None and orientation == 1:
                return CleanImage(strip(content), extension, *image.size, is_encoded_again=False)
            return _encode(turn_upright(_loaded(image), orientation), extension)
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _loaded(image: Image.Image) -> Image.Image:
    image.load()
    return image


def _encode(image: Image.Image, extension: str) -> CleanImage:
    """Encode `image` with its colour profile and nothing else."""
    buffer = io.BytesIO()
    profile = image.info.get("icc_profile")
    bare = image.copy()
    bare.info = {key: value for key, value in image.info.items() if key == "transparency"}
    if extension == "jpg" and image.mode in _JPEG_MODES:
        bare.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0, icc_profile=profile)
    else:
        extension = "png"
        bare.save(buffer, "PNG", icc_profile=profile)
    return CleanImage(buffer.getvalue(), extension, *image.size, is_encoded_again=True)
