"""Small pictures inside the page: JPEG data URIs with the words that belong to them."""

import base64
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps
from pydantic import Field

from cosmop.config import Options
from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet

logger = logging.getLogger(__name__)

_SHEET_PX = 1100
_TINY_PX = 64  # up to here pixels are shown as squares, and stored nearly without loss


class ReportOptions(Options):
    """How many pictures the page holds, and how large they are."""

    thumbnail_px: int = Field(default=128, ge=16, description="Longer side of a picture, pixels.")
    jpeg_quality: int = Field(default=82, ge=1, le=95, description="Quality of the JPEG pictures.")
    sheet_images: int = Field(default=36, ge=0, description="Pictures per contact sheet.")
    gallery_images: int = Field(default=12, ge=0, description="Pictures per gallery of judgements.")
    gallery_judges: int = Field(
        default=3, ge=0, description="Judges whose answers are shown in pictures."
    )
    closest_pairs: int = Field(
        default=20, ge=0, description="Synthetic images shown beside their nearest training images."
    )
    duplicate_groups: int = Field(default=8, ge=0, description="Groups of duplicates shown.")
    grids: int = Field(default=10, ge=2, description="Sample grids shown over training.")
    grid_px: int = Field(default=512, ge=64, description="Longer side of a sample grid, pixels.")


@dataclass(frozen=True)
class Tile:
    """One picture of the page.

    Attributes:
        uri: ``data:`` URI, empty when the image could not be read.
        alt: What a screen reader says.
        width: Pixels.
        height: Pixels.
        caption: Words below it, may be empty.
        is_tiny: Shown with hard pixels.
        score: A judge's score as a plain number, empty where there is none; filters read it.
        shows: Names of the criteria that hold; filters read them.
    """

    uri: str
    alt: str
    width: int
    height: int
    caption: str = ""
    is_tiny: bool = False
    score: str = ""
    shows: Sequence[str] = ()


@dataclass(frozen=True)
class Sheet:
    """A titled set of tiles: a contact sheet, a group of duplicates, a gallery cell."""

    title: str
    count: int
    tiles: Sequence[Tile]
    note: str = ""


def data_uri(image: Image.Image, max_px: int, quality: int) -> tuple[str, int, int]:
    """Encode `image` as a JPEG data URI of at most `max_px` pixels; return it with its size."""
    small = image.convert("RGB")
    small.thumbnail((max_px, max_px), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    if max(small.size) <= _TINY_PX:
        small.save(target, "JPEG", quality=92, subsampling=0)
    else:
        small.save(target, "JPEG", quality=quality, optimize=True)
    encoded = base64.b64encode(target.getvalue()).decode("ascii")
    return f"data:image/jpeg;base64,{encoded}", *small.size


def tile_of(
    images: ImageSet,
    index: int,
    options: ReportOptions,
    *,
    alt: str,
    caption: str = "",
    is_mirrored: bool = False,
) -> Tile:
    """Make the tile of image number `index`; an unreadable image becomes an empty tile."""
    try:
        image = images.open(index)
        shown = ImageOps.mirror(image) if is_mirrored else image
        return picture_tile(shown, options, alt=alt, caption=caption)
    except InputError as error:
        logger.warning("The report leaves out image %s: %s", images.ids[index], error)
        return Tile("", f"{alt} (unreadable)", 1, 1, caption or "unreadable")


def picture_tile(
    picture: Image.Image, options: ReportOptions, *, alt: str, caption: str = ""
) -> Tile:
    """Make the tile of a picture at hand."""
    uri, width, height = data_uri(picture, options.thumbnail_px, options.jpeg_quality)
    return Tile(uri, alt, width, height, caption, max(width, height) <= _TINY_PX)


def sheet_tile(sheet: Image.Image, options: ReportOptions, *, alt: str) -> Tile:
    """Make the tile of a sheet with words in it, as large as the page is wide."""
    uri, width, height = data_uri(sheet, _SHEET_PX, options.jpeg_quality)
    return Tile(uri, alt, width, height, "", is_tiny=False)


def grid_tile(grid: Image.Image, options: ReportOptions, *, alt: str, caption: str) -> Tile:
    """Make the tile of a sample grid."""
    uri, width, height = data_uri(grid, options.grid_px, options.jpeg_quality)
    return Tile(uri, alt, width, height, caption, is_tiny=False)


def contact_sheet(images: ImageSet, name: str, options: ReportOptions) -> list[Tile]:
    """Make tiles of at most ``sheet_images`` images, evenly spread over the set's order."""
    titles = title_column(images)
    return [
        tile_of(images, index, options, alt=f"{name}: {titles[index] or images.ids[index][:8]}")
        for index in spread(len(images), options.sheet_images)
    ]


def title_column(images: ImageSet) -> Sequence[str]:
    """Return a few words per image: the manifest's ``title``, ``alt`` or ``query``, or none."""
    for column in ("title", "alt", "query"):
        if column in images.manifest:
            words = images.manifest[column].fillna("").astype(str)
            return [" ".join(text.split())[:120] for text in words]
    return [""] * len(images)


def spread(count: int, wanted: int) -> list[int]:
    """Choose `wanted` of `count` indices, evenly spread, ascending, with the first and last."""
    if wanted <= 0 or count <= 0:
        return []
    return sorted({int(i) for i in np.linspace(0, count - 1, min(wanted, count)).round()})
