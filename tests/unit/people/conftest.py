"""Drawn scenes: a person is a head over a body over two legs; other things are single shapes."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore


def draw_person(chance, draw, width, height):
    tall = int(chance.integers(height // 2, height - 4))
    x, y, r = chance.integers(8, width - 8), chance.integers(0, height - tall), tall / 14
    shirt, trousers = (tuple(chance.integers(0, 256, 3).tolist()) for _ in range(2))
    draw.ellipse([x - r, y, x + r, y + 2 * r], fill=(220, 170, 140))
    draw.rectangle([x - 1.6 * r, y + 2 * r, x + 1.6 * r, y + 7.5 * r], fill=shirt)
    for side in (-0.9, 0.9):
        foot = [x + (side - 0.5) * r, y + 7.5 * r, x + (side + 0.5) * r, y + 14 * r]
        draw.rectangle(foot, fill=trousers)


def draw_scene(chance, *, is_person, width=64, height=48):
    coarse = chance.integers(60, 200, (4, 5, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(chance.integers(0, 3)):
        x, y, side = chance.integers(0, width), chance.integers(0, height), chance.integers(4, 20)
        draw.rectangle([x, y, x + side, y + side], fill=tuple(chance.integers(0, 256, 3).tolist()))
    if is_person:
        draw_person(chance, draw, width, height)
    return image


@pytest.fixture
def scenes(tmp_path):
    """Return a function that draws an image set, half of it with a person."""

    def build(count, seed=0):
        chance, store, rows = np.random.default_rng(seed), ImageStore(tmp_path), []
        for index in range(count):
            buffer = io.BytesIO()
            draw_scene(chance, is_person=index % 2 == 0).save(buffer, "PNG")
            rows.append((*store.add(buffer.getvalue(), "png"), 64, 48, index % 2 == 0, index // 4))
        columns = ["image_id", "path", "width", "height", "is_person", "group"]
        return ImageSet(pd.DataFrame(rows, columns=columns), store)

    return build
