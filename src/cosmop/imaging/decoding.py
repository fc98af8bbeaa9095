"""Decoding that trusts nothing: format, size and completeness are checked before use."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from pydantic import Field

from cosmop.config import Options

ACCEPTED_FORMATS = ("JPEG", "PNG", "WEBP")
_EXTENSIONS = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp"}  # MPO: phones' JPEG pairs
_START_OF_SCAN = b"\xff\xda"
_MAX_SCANS = 200  # encoders write about ten
_RESAMPLING = Image.Resampling.LANCZOS
_UPRIGHT_BY = {  # EXIF 2.3, tag 0x0112
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class DecodingLimits(Options):
    """What counts as a usable image."""

    min_side_px: int = Field(default=32, ge=1, description="Shorter side, in pixels.")
    max_pixels: int = Field(default=50_000_000, ge=1, description="Width × height.")
    max_aspect: float = Field(default=8.0, ge=1, description="Longer side over shorter side.")
    max_frames: int = Field(
        default=1, ge=1, description="Frames of a PNG or WebP; more are an animation."
    )


class UnreadableImageError(ValueError):
    """The bytes are not a usable image; the message is the reason, in a few words.

    Attributes:
        kind: One word for it, to count by: not_an_image, truncated, too_small, too_many_pixels,
            too_long_shape, too_many_frames, or undecodable.
    """

    def __init__(self, reason: str, kind: str = "undecodable") -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class ImageFacts:
    """What the content itself says: format's extension, and upright size in pixels."""

    extension: str
    width: int
    height: int


def inspect_image(content: bytes, limits: DecodingLimits) -> ImageFacts:
    """Decode `content` completely and return its facts.

    Only a complete decode proves an image: ``Image.verify`` accepts a JPEG cut in half. Dimensions
    are read from the header and checked before any pixel is decoded.

    Raises:
        UnreadableImageError: Not JPEG, PNG or WebP; truncated; too small, too large or too long.
    """
    with opened_image(content, limits) as image:
        image.load()
        return image_facts(image.size, image)


@contextmanager
def opened_image(content: bytes, limits: DecodingLimits) -> Iterator[Image.Image]:
    """Open `content` and check what its header says; whatever decoding raises becomes a reason.

    Raises:
        UnreadableImageError: Not JPEG, PNG or WebP; truncated; outside the limits; or, from what is
            done with the image, that it cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(content), formats=ACCEPTED_FORMATS) as image:
            _check_dimensions(*image.size, limits)
            _check_parts(image, content, limits)
            yield image
    except UnreadableImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = "more pixels than Pillow's bomb limit"
        raise UnreadableImageError(reason, "too_many_pixels") from error
    except Exception as error:  # hostile bytes make decoders raise anything
        raise _refusal(error, content) from error


def image_facts(size: tuple[int, int], image: Image.Image) -> ImageFacts:
    """Return the facts of a loaded `image` whose header said `size` (it may be decoded smaller)."""
    width, height = size
    if read_orientation(image) >= 5:  # 5 to 8 lie on their side
        width, height = height, width
    return ImageFacts(_EXTENSIONS[str(image.format)], width, height)


def read_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) where it is absent or broken."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001  # EXIF is as untrusted as the pixels, and only a hint
        return 1
    return orientation if orientation in _UPRIGHT_BY else 1


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Undo an EXIF `orientation` (1 to 8)."""
    return image.transpose(_UPRIGHT_BY[orientation]) if orientation in _UPRIGHT_BY else image


def _check_dimensions(width: int, height: int, limits: DecodingLimits) -> None:
    short, long = sorted((width, height))
    said = f"{width}×{height} px is"
    if short < limits.min_side_px:
        raise UnreadableImageError(f"{said} smaller than {limits.min_side_px} px", "too_small")
    if width * height > limits.max_pixels:
        raise UnreadableImageError(
            f"{said} more than {limits.max_pixels} pixels", "too_many_pixels"
        )
    if long > short * limits.max_aspect:
        raise UnreadableImageError(
            f"{said} longer than {limits.max_aspect:g} : 1", "too_long_shape"
        )


def _check_parts(image: Image.Image, content: bytes, limits: DecodingLimits) -> None:
    frames = getattr(image, "n_frames", 1) if image.format in ("PNG", "WEBP") else 1
    if frames > limits.max_frames:
        raise UnreadableImageError(f"an animation of {frames} frames", "too_many_frames")
    if isinstance(image, JpegImageFile) and _scans(image, content) > _MAX_SCANS:
        raise UnreadableImageError(f"a JPEG of more than {_MAX_SCANS} scans")
    if _is_cut_off(content):
        raise UnreadableImageError("image file is truncated", "truncated")


def _scans(image: JpegImageFile, content: bytes) -> int:
    """Count the scans of an opened JPEG, each of which goes over the whole picture.

    A few bytes make one: a file of a megabyte may hold scans for hours. Most files have one, and
    say so: their first is not progressive, and of all colours.
    """
    start = content.rfind(_START_OF_SCAN, 0, image.fp.tell() if image.fp else None)
    colours = content[start + 4 : start + 5]
    if start >= 0 and "progressive" not in image.info and colours == bytes([image.layers]):
        return 1
    return content.count(_START_OF_SCAN)


def _is_cut_off(content: bytes) -> bool:
    """Tell whether the end is missing that the format has; decoders may be content without it."""
    if content.startswith(b"\x89PNG"):
        return content.rfind(b"IEND\xaeB`\x82") < 0
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return len(content) < 8 + int.from_bytes(content[4:8], "little")
    is_jpeg = len(content) > 3 and content.startswith(b"\xff\xd8\xff")
    return is_jpeg and content.rfind(b"\xff\xd9") < 0  # from the end, where it is


def _refusal(error: Exception, content: bytes) -> UnreadableImageError:
    if _is_cut_off(content) or "truncated" in str(error).lower():
        return UnreadableImageError("image file is truncated", "truncated")
    if isinstance(error, UnidentifiedImageError):
        return UnreadableImageError("not a JPEG, PNG or WebP image", "not_an_image")
    return UnreadableImageError(str(error) or type(error).__name__)


def decode_rgb(content: bytes) -> Image.Image:
    """Decode `content` to an upright RGB image; transparency is laid on white."""
    return upright_rgb(Image.open(io.BytesIO(content), formats=ACCEPTED_FORMATS))


def upright_rgb(image: Image.Image) -> Image.Image:
    """Bring an opened image to upright RGB; transparency is laid on white.

    Nothing else stays: Pillow would write a JPEG's comment into whatever is made of it.
    """
    upright = turn_upright(flatten_rgb(image), read_orientation(image))
    upright.info = {}
    return upright


def flatten_rgb(image: Image.Image) -> Image.Image:
    """Bring any mode to RGB, 8 bits: transparency is laid on white, 16 bits keep the upper 8."""
    if image.mode.startswith("I"):  # Pillow's own conversion clips 16 bits to white
        return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    if has_transparency(image):
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def has_transparency(image: Image.Image) -> bool:
    """Tell whether pixels may be transparent: an alpha channel, or a transparent colour."""
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def fit_image(image: Image.Image, size: tuple[int, int], fit: str) -> Image.Image:
    """Bring `image` to `size` (height, width).

    Args:
        image: RGB image.
        size: Height and width in pixels.
        fit: ``"crop"`` keeps proportions and cuts the centre, ``"pad"`` keeps everything on grey,
            ``"stretch"`` ignores proportions.

    Raises:
        KeyError: An unknown `fit`.
    """
    height, width = size
    fitters = {
        "crop": lambda: ImageOps.fit(image, (width, height), _RESAMPLING),
        "pad": lambda: ImageOps.pad(image, (width, height), _RESAMPLING, color=(128, 128, 128)),
        "stretch": lambda: image.resize((width, height), _RESAMPLING),
    }
    return fitters[fit]()
