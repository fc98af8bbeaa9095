"""Images in rows and columns, with a word at each row and each column."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

BACKGROUND = (243, 243, 241)
INK = (90, 90, 88)


def enlarged(image_HWC: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Repeat pixels a whole number of times until the longer side is at least `side_px`.

    Small images are to be looked at, and smoothing would show what no generator made.
    """
    times = -(-side_px // max(image_HWC.shape[:2]))
    return image_HWC.repeat(times, 0).repeat(times, 1)


def labelled_grid(
    images: Sequence[Sequence[NDArray[np.uint8] | None]],
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    *,
    tile_px: int = 96,
) -> Image.Image:
    """Draw images [H, W, 1 or 3] of one size as an RGB sheet; None leaves a tile empty.

    Args:
        images: Rows of uint8 images.
        row_labels: One for each row, drawn at its left.
        column_labels: One for each column, drawn above it.
        tile_px: Longer side of a tile at least; see `enlarged`.

    Raises:
        ValueError: Labels and images differ in number.
    """
    if [len(row) for row in images] != [len(column_labels)] * len(row_labels):
        raise ValueError(
            f"A grid of {len(row_labels)} rows and {len(column_labels)} labelled columns needs as "
            f"many images, got rows of {[len(row) for row in images]}."
        )
    tiles = [[None if image is None else _tile(image, tile_px) for image in row] for row in images]
    width, height = next(tile.size for row in tiles for tile in row if tile is not None)
    gap, letter_px = max(3, tile_px // 24), min(max(11, tile_px // 8), 18)
    font = ImageFont.load_default(letter_px)
    longest = max(font.getlength(word) for word in row_labels)
    left, top = (round(longest) + 2 * gap if longest else gap), letter_px + 3 * gap
    size = (left + len(column_labels) * (width + gap), top + len(row_labels) * (height + gap))
    sheet = Image.new("RGB", size, BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    xs = [left + column * (width + gap) for column in range(len(column_labels))]
    ys = [top + row * (height + gap) for row in range(len(row_labels))]
    for x, word in zip(xs, column_labels, strict=True):
        pen.text((x + width / 2, top / 2), word, INK, font, anchor="mm")
    for y, word, row in zip(ys, row_labels, tiles, strict=True):
        pen.text((left - gap, y + height / 2), word, INK, font, anchor="rm")
        for x, tile in zip(xs, row, strict=True):
            if tile is not None:
                sheet.paste(tile, (x, y))
    return sheet


def _tile(image_HWC: NDArray[np.uint8], tile_px: int) -> Image.Image:
    large = enlarged(image_HWC, tile_px)
    return Image.fromarray(large[..., 0] if large.shape[-1] == 1 else large).convert("RGB")
