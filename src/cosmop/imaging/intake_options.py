"""How image files are taken into a store."""

from typing import Literal

from pydantic import Field

from cosmop.config import Options
from cosmop.imaging.decoding import DecodingLimits
from cosmop.imaging.hash_rows import HashingOptions

ResizeMode = Literal["border", "keep_ratio", "keep_ratio_largest", "center_crop", "stretch"]


class ResizeOptions(Options):
    """The size of what is stored, in the words of img2dataset."""

    side_px: int = Field(default=256, ge=8, le=2048, description="Pixels; `mode` says of what.")
    mode: ResizeMode = Field(
        default="border",
        description="border: the longer side, then white on both sides up to a square; "
        "keep_ratio: the shorter side; keep_ratio_largest: the longer side; center_crop: the "
        "shorter side, then the square in the middle; stretch: both sides, whatever the shape.",
    )
    only_shrink: bool = Field(
        default=False,
        description="Leave the size of a picture alone whose side is not longer than side_px.",
    )
    jpeg_quality: int = Field(default=95, ge=1, le=100, description="Of the new file.")


class IntakeOptions(Options):
    """What is checked, measured and kept of an image file."""

    limits: DecodingLimits = DecodingLimits()
    thumbnail_side_px: int = Field(
        default=160,
        ge=0,
        description="Longer side of thumbnails at most; 0 makes none. An image not twice as long "
        "needs none. Those of JPEG files come from the scaled decoding for the hash, whose shorter "
        "side is at least hashing.decoded_side_px: 150 px of 1200×800.",
    )
    resize: ResizeOptions | None = Field(
        default=None, description="Store a JPEG of this size in place of the file that came."
    )
    reencode: bool = Field(
        default=False,
        description="Store a JPEG (quality 95) of the same size, upright, in sRGB, without EXIF, "
        "GPS, XMP, comments and whatever hides behind the picture; `resize` does so as well.",
    )
    hashing: HashingOptions = HashingOptions()
