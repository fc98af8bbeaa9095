import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from cosmop.imaging.decoding import DecodingLimits, inspect_image
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore


def draw_scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Shapes of every size on a gradient: as rich in low frequencies as a photograph."""
    rng = np.random.default_rng(seed)
    width, height = size
    ramp = np.linspace(rng.integers(0, 120), rng.integers(120, 255), width)
    image = Image.fromarray(np.tile(ramp, (height, 1)).astype(np.uint8)).convert("RGB")
    pen = ImageDraw.Draw(image)
    for _ in range(25):
        centre = rng.integers(0, (width, height))
        half = rng.integers(4, (width // 4, height // 4))
        box = (*(centre - half).tolist(), *(centre + half).tolist())
        colour = tuple(int(level) for level in rng.integers(0, 256, 3))
        (pen.ellipse if rng.random() < 0.5 else pen.rectangle)(box, fill=colour)
    return image


def encode(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.fixture(name="draw_scene")
def _draw_scene() -> Callable[..., Image.Image]:
    return draw_scene


@pytest.fixture(name="encode")
def _encode() -> Callable[..., bytes]:
    return encode


@pytest.fixture
def make_image_set(tmp_path: Path) -> Callable[[Mapping[str, bytes]], ImageSet]:
    def make(contents: Mapping[str, bytes]) -> ImageSet:
        store = ImageStore(tmp_path / "store")
        rows = []
        for name, content in contents.items():
            facts = inspect_image(content, DecodingLimits())
            image_id, path = store.add(content, facts.extension)
            rows.append((image_id, path, facts.width, facts.height, len(content), name))
        columns = ["image_id", "path", "width", "height", "bytes", "name"]
        return ImageSet(pd.DataFrame(rows, columns=columns), store)

    return make


@pytest.fixture(scope="session")
def photo_files() -> list[Path]:
    default = Path(__file__).parents[4] / "shared" / "data"
    folder = Path(os.environ.get("COSMOP_SHARED_DATA", default)) / "photos" / "objects1000"
    if not folder.is_dir():
        pytest.skip(f"the real photographs are not at {folder}")
    return sorted(folder.glob("*.JPEG"))
