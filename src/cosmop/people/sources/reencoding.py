"""One encoding for every source: the same longer side, the same encoder, qualities from one range.

It takes away what the files themselves tell: size in pixels and bytes, quantisation tables, chroma
subsampling. What a first compression or a camera has left in the pixels fades, but stays.
"""

import io

import numpy as np
from PIL import Image

from cosmop.people.sources.options import ReencodingOptions

_CHROMA_4_2_0 = 2  # Pillow's number for it


def shortest_usable_px(options: ReencodingOptions) -> float:
    """Return how long the longer side of a picture must be, so that it is not enlarged too much."""
    return options.longest_side_px / options.max_enlargement


def encode_alike(
    image: Image.Image,
    window: tuple[int, int, int, int],
    frame: tuple[int, int],
    options: ReencodingOptions,
    chance: np.random.Generator,
) -> tuple[bytes, tuple[int, int]]:
    """Encode a window of an RGB image as all others.

    The size follows from the frame, whose shape the window has but for a pixel: all windows of one
    photograph become images of exactly the same size.

    Args:
        image: The photograph.
        window: Left, top, right, bottom of what is taken of it, in pixels.
        frame: Width and height of the largest window of this photograph.
        options: Size and qualities.
        chance: Draws the quality.

    Returns:
        The bytes of a JPEG, and its width and height in pixels.
    """
    aspect = options.aspect or frame[0] / frame[1]
    longest = options.longest_side_px
    width, height = round(longest * min(1, aspect)), round(longest * min(1, 1 / aspect))
    resized = image.resize((width, height), Image.Resampling.LANCZOS, box=window)
    low, high = options.jpeg_quality
    buffer = io.BytesIO()
    quality = int(chance.integers(low, high + 1))
    resized.save(buffer, "JPEG", quality=quality, subsampling=_CHROMA_4_2_0)
    return buffer.getvalue(), (width, height)
