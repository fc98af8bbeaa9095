"""Small image sets with labels."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore

Make = Callable[..., ImageSet]


@pytest.fixture
def make_set(tmp_path: Path) -> Make:
    """Store arrays uint8 [H, W, 3] as PNG; labels as given."""
    store = ImageStore(tmp_path / "images")

    def make(images: list[np.ndarray], labels: list[bool]) -> ImageSet:
        rows = []
        for image, label in zip(images, labels, strict=True):
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, "PNG")
            image_id, path = store.add(buffer.getvalue(), "png")
            height, width = image.shape[:2]
            rows.append((image_id, path, width, height, label))
        columns = ["image_id", "path", "width", "height", "is_positive"]
        return ImageSet(pd.DataFrame(rows, columns=columns), store)

    return make


@pytest.fixture
def scenes(chance: np.random.Generator) -> Callable[[int], list[np.ndarray]]:
    """Draw so many smooth pictures 64×48 that do not resemble each other."""

    def draw(count: int) -> list[np.ndarray]:
        coarse = chance.integers(0, 256, (count, 6, 8, 3), dtype=np.uint8)
        return [
            np.asarray(Image.fromarray(one).resize((64, 48), Image.Resampling.BICUBIC))
            for one in coarse
        ]

    return draw
