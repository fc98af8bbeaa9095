"""Decoding an image file to grey as cheaply as its hash allows.

The decoder may shrink a JPEG while it decodes; then little is left but the entropy decoding. Of a
progressive JPEG at an eighth of its size, the first scan alone is enough: it holds the mean of each
8×8 block, in a tenth of the bytes.
"""

import functools
import io
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeGuard

from PIL import Image, features
from PIL import __version__ as pillow_version
from PIL.JpegImagePlugin import JpegImageFile

from cosmop.imaging.decoding import (
    ACCEPTED_FORMATS,
    flatten_rgb,
    has_transparency,
    read_orientation,
)
from cosmop.imaging.progressive_jpeg import (
    END_OF_IMAGE,
    END_OF_SCAN,
    START_OF_SCAN,
    without_details,
)

_BLOCK = 8
_PIECE = 1 << 14
_LIBRARIES = {"PNG": "zlib", "WEBP": "webp"}


Box = tuple[float, float, float, float]


class DecodedGrey(NamedTuple):
    """A grey image as stored, not yet upright: turning 32×32 pixels later costs nothing.

    Attributes:
        image: Mode ``"L"``.
        box: The part that is the picture. Its right and lower edges are fractions of a pixel where
            a JPEG was decoded at 1/8 and its sides are no multiples of 8; to take the whole
            instead stretches the picture by up to 1 %, and costs half a bit of the hash.
        orientation: EXIF orientation, 1 to 8.
        decoder: Libraries with their versions, and how much was decoded.
    """

    image: Image.Image
    box: Box | None
    orientation: int
    decoder: str


def decode_grey(file: Path, min_side_px: int | None) -> DecodedGrey:
    """Decode an image file to grey; transparency is laid on white.

    Args:
        file: JPEG, PNG or WebP; of an animation the first frame counts.
        min_side_px: A JPEG is decoded at 1/2, 1/4 or 1/8 of its size, as long as both sides keep
            this length; None decodes everything.

    Raises:
        OSError: The file is missing, is no image, or ends too early.
    """
    with file.open("rb") as stream, Image.open(stream, formats=ACCEPTED_FORMATS) as image:
        beginning = _first_scan(image, stream, min_side_px)
        if beginning is None:
            return _decode(image, min_side_px)
    with Image.open(io.BytesIO(beginning), formats=("JPEG",)) as image:
        decoded = _decode(image, min_side_px)
    return decoded._replace(decoder=f"{decoded.decoder}, first scan")


class DecodedPicture(NamedTuple):
    """An image with its colours, and its grey levels, as stored, both of one decode.

    Attributes:
        picture: Mode YCbCr (most JPEGs), RGB, L or CMYK; scaled as `grey` is.
        grey: What a hash is taken of.
    """

    picture: Image.Image
    grey: DecodedGrey


def decode_picture(image: Image.Image, content: bytes, min_side_px: int | None) -> DecodedPicture:
    """Decode an opened image once, to its end, for grey levels and colours.

    The grey levels are those of `decode_grey`, except that a progressive JPEG counts to its end:
    who takes a file in wants to know that it is whole. At an eighth of its size, scans of details
    are passed over, see `cosmop.imaging.progressive_jpeg.without_details`.

    Args:
        image: Opened, not loaded yet.
        content: What it was opened from.
        min_side_px: As of `decode_grey`.

    Raises:
        OSError: The image ends too early.
    """
    if _is_progressive(image) and _is_eighth(image, min_side_px):
        coarse = without_details(content)
        if coarse and (decoded := _try_coarse(coarse, min_side_px)):
            return decoded._replace(grey=decoded.grey._replace(orientation=read_orientation(image)))
    return _decode_colours(image, min_side_px)


def _try_coarse(coarse: bytes, min_side_px: int | None) -> DecodedPicture | None:
    """Decode a file without its details; where that fails, the whole file says why."""
    try:
        with Image.open(io.BytesIO(coarse), formats=("JPEG",)) as image:
            return _decode_colours(image, min_side_px)
    except Exception:  # noqa: BLE001  # hostile bytes make decoders raise anything
        return None


def _decode_colours(image: Image.Image, min_side_px: int | None) -> DecodedPicture:
    full_size, draft = image.size, None
    if min_side_px is not None:
        draft = image.draft(_colours(image), (min_side_px, min_side_px))
    extent = _extent(image.size == full_size, min_side_px)
    if _is_progressive(image):
        extent += ", all scans"
    picture = _flat(image)
    grey = picture if picture.mode == "L" else _luma(picture)
    box = draft and draft[1]
    decoder = f"{_library(image.format)}, {extent}"
    return DecodedPicture(picture, DecodedGrey(grey, box, read_orientation(image), decoder))


def _colours(image: Image.Image) -> str:
    """Colours to ask of the decoder: brightness apart, where the JPEG file keeps it apart."""
    is_apart = (
        isinstance(image, JpegImageFile) and image.mode == "RGB" and not _is_stored_rgb(image)
    )
    return "YCbCr" if is_apart else image.mode


def _is_stored_rgb(image: JpegImageFile) -> bool:
    """Tell whether a JPEG holds red, green and blue; libjpeg's rules, ``jdapimin.c``."""
    if "jfif" in image.info:
        return False
    if "adobe_transform" in image.info:
        return bool(image.info["adobe_transform"] == 0)
    return bytes(layer[0] for layer in image.layer) == b"RGB"


def _flat(image: Image.Image) -> Image.Image:
    if image.mode in ("1", "P") or has_transparency(image) or image.mode.startswith("I"):
        return flatten_rgb(image)
    image.load()
    return image


def _luma(picture: Image.Image) -> Image.Image:
    return picture.getchannel("Y") if picture.mode == "YCbCr" else picture.convert("L")


def _extent(is_full: bool, min_side_px: int | None) -> str:
    return "full size" if is_full else f"scaled to {min_side_px} px"


def _decode(image: Image.Image, min_side_px: int | None) -> DecodedGrey:
    full_size, draft = image.size, None
    if min_side_px is not None:
        draft = image.draft("L", (min_side_px, min_side_px))
    extent = _extent(image.size == full_size, min_side_px)
    return DecodedGrey(
        _as_grey(image),
        draft and draft[1],
        read_orientation(image),
        f"{_library(image.format)}, {extent}",
    )


def _as_grey(image: Image.Image) -> Image.Image:
    if has_transparency(image) or image.mode.startswith("I"):
        return flatten_rgb(image).convert("L")
    image.load()
    return image if image.mode == "L" else image.convert("L")


def decoder_versions() -> str:
    """Name the libraries that decode the accepted formats, with their versions."""
    return "; ".join(_library(format) for format in ACCEPTED_FORMATS)


@functools.cache
def _library(format: str | None) -> str:
    jpeg = "libjpeg_turbo" if features.check("libjpeg_turbo") else "jpg"
    library = _LIBRARIES.get(str(format), jpeg)
    return f"Pillow {pillow_version}, {library} {features.version(library)}"


def _is_progressive(image: Image.Image) -> TypeGuard[JpegImageFile]:
    return isinstance(image, JpegImageFile) and "progressive" in image.info


def _is_eighth(image: Image.Image, min_side_px: int | None) -> bool:
    """Tell whether an image that is a JPEG is decoded at an eighth of its size."""
    return min_side_px is not None and min(image.size) >= _BLOCK * min_side_px


def _first_scan(image: Image.Image, stream: BinaryIO, min_side_px: int | None) -> bytes | None:
    """Return a JPEG that ends with the first scan, if that says all that 1/8 of the size shows.

    The stream stands behind the header of the first scan. A file without its end is left to the
    normal way, which says what is wrong with it.
    """
    if not (_is_progressive(image) and _is_eighth(image, min_side_px)):
        return None
    header_bytes = stream.tell()
    stream.seek(-len(END_OF_IMAGE), os.SEEK_END)
    is_whole = stream.read() == END_OF_IMAGE
    stream.seek(0)
    header = stream.read(header_bytes)
    if not is_whole or not _is_mean_of_blocks(header, image):
        return None
    return _read_scan(stream, header)


def _is_mean_of_blocks(header: bytes, image: JpegImageFile) -> bool:
    """Tell whether a header ends with that of a first scan of the constant terms (T.81, B.2.3)."""
    start = header.rindex(START_OF_SCAN) + 4
    components = header[start + 1 : -3 : 2]
    first_term, _, approximation = header[-3:]
    is_first = approximation >> 4 == 0
    return first_term == 0 and is_first and {layer[0] for layer in image.layer} == set(components)


def _read_scan(stream: BinaryIO, header: bytes) -> bytes | None:
    content = bytearray(header)
    while piece := stream.read(_PIECE):
        searched = max(len(header), len(content) - 1)
        content += piece
        if end := END_OF_SCAN.search(content, searched):
            return bytes(content[: end.start()]) + END_OF_IMAGE
    return None
