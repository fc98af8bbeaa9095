"""Decoding that trusts nothing: format, size and completeness are checked before use."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageOps
from pydantic import Field

from cosmop.config import Options

ACCEPTED_FORMATS = ("JPEG", "PNG", "WEBP")
_EXTENSIONS = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp"}  # MPO: phones' JPEG pairs
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


class UnreadableImageError(ValueError):
    """The bytes are not a usable image; the message is the reason, in a few words."""


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
    try:
        image = Image.open(io.BytesIO(content), formats=ACCEPTED_FORMATS)
        _check_dimensions(*image.size, limits)
        image.load()
        extension = _EXTENSIONS[str(image.format)]
    except UnreadableImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError("more pixels than Pillow's bomb limit") from error
    except Exception as error:  # hostile bytes make decoders raise anything
        raise UnreadableImageError(_reason(error)) from error
    width, height = image.size
    if read_orientation(image) >= 5:  # 5 to 8 lie on their side
        width, height = height, width
    return ImageFacts(extension, width, height)


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
    if short < limits.min_side_px:
        raise UnreadableImageError(f"{width}×{height} px is smaller than {limits.min_side_px} px")
    if width * height > limits.max_pixels:
        raise UnreadableImageError(f"{width}×{height} px is more than {limits.max_pixels} pixels")
    if long > short * limits.max_aspect:
        raise UnreadableImageError(f"{width}×{height} px is longer than {limits.max_aspect:g} : 1")


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return "not a JPEG, PNG or WebP image" if "cannot identify" in text else text


def decode_rgb(content: bytes) -> Image.Image:
    """Decode `content` to an upright RGB image; transparency is laid on white."""
    return upright_rgb(Image.open(io.BytesIO(content), formats=ACCEPTED_FORMATS))


def upright_rgb(image: Image.Image) -> Image.Image:
    """Bring an opened image to upright RGB; transparency is laid on white."""
    return turn_upright(flatten_rgb(image), read_orientation(image))


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
