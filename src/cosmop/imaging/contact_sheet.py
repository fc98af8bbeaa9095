"""A contact sheet: what an image set looks like, at a glance."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cosmop.imaging.decoding import fit_image
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.labelled_grid import BACKGROUND, INK
from cosmop.imaging.thumbnails import open_thumbnail

_EMPTY_TILE = (222, 222, 219)


def contact_sheet(
    images: ImageSet,
    *,
    columns: int = 8,
    rows: int = 6,
    tile_px: int = 96,
    seed: int = 0,
    captions: Sequence[str] | None = None,
) -> Image.Image:
    """Draw up to `columns` × `rows` images as square tiles on one RGB sheet.

    A larger set is sampled: cut into equal stretches of the manifest, one image at random from
    each, so that the sheet shows the whole set and the same seed shows the same images. A file that
    cannot be read becomes an empty tile, a set without images a sheet that says so.

    Args:
        images: The set.
        columns: Tiles side by side.
        rows: Tiles below one another, at most; rows that would stay empty are left out.
        tile_px: Side of a tile in pixels.
        seed: Chooses among more images than tiles.
        captions: One line per image of the whole set, drawn below its tile and cut to its width.

    Raises:
        ValueError: `captions` does not have one line per image.
    """
    if captions is not None and len(captions) != len(images):
        raise ValueError(
            f"A contact sheet needs one caption per image, {len(images)}, got {len(captions)}."
        )
    chosen = _choose(len(images), columns * rows, seed)
    gap = max(2, tile_px // 24)
    caption_px = 0 if captions is None else max(9, tile_px // 9)
    step_x, step_y = tile_px + gap, tile_px + gap + (caption_px + gap if caption_px else 0)
    used_columns = min(columns, max(1, len(chosen)))
    used_rows = max(1, -(-len(chosen) // columns))
    sheet = Image.new("RGB", (gap + used_columns * step_x, gap + used_rows * step_y), BACKGROUND)
    if not chosen:
        return _say(sheet.resize((gap + 4 * step_x, gap + step_y)), "no images")
    pen = ImageDraw.Draw(sheet)
    for cell, index in enumerate(chosen):
        left, top = gap + cell % columns * step_x, gap + cell // columns * step_y
        sheet.paste(_tile(images, index, tile_px), (left, top))
        if captions is not None:
            line = _cut(captions[index], tile_px, caption_px)
            pen.text(
                (left, top + tile_px + gap // 2), line, INK, ImageFont.load_default(caption_px)
            )
    return sheet


def _choose(count: int, cells: int, seed: int) -> list[int]:
    """One index from each of `cells` equal stretches of `count`; all of them when they fit."""
    if count <= cells:
        return list(range(count))
    edges = np.linspace(0, count, cells + 1)
    places = edges[:-1] + np.random.default_rng(seed).random(cells) * np.diff(edges)
    lowest = np.ceil(edges[:-1]).astype(int)  # stretches wider than 1: rounding keeps them apart
    return [int(place) for place in np.maximum(places.astype(int), lowest)]


def _tile(images: ImageSet, index: int, tile_px: int) -> Image.Image:
    try:
        image_id = images.manifest["image_id"].iloc[index]
        small = open_thumbnail(images.store, image_id, shorter_px=tile_px)
        return fit_image(small or images.open(index), (tile_px, tile_px), "crop")
    except Exception:  # noqa: BLE001  # a sheet shows what there is; decoders raise anything
        return _say(Image.new("RGB", (tile_px, tile_px), _EMPTY_TILE), "unreadable")


def _say(sheet: Image.Image, words: str) -> Image.Image:
    width, height = sheet.size
    font = ImageFont.load_default(max(9, min(width // 7, height // 5)))
    ImageDraw.Draw(sheet).text((width / 2, height / 2), words, INK, font, anchor="mm")
    return sheet


def _cut(line: str, width_px: int, size_px: int) -> str:
    """Shorten `line` to `width_px`, with an ellipsis."""
    font = ImageFont.load_default(size_px)
    line = " ".join(line.split())
    if font.getlength(line) <= width_px:
        return line
    while line and font.getlength(line + "…") > width_px:
        line = line[:-1]
    return line + "…"
