"""Perceptual hashes per second, beside ImageHash on the same files in the same run.

python benchmarks/phash.py [--json] [--quick]

The physical limit is the entropy decoding of the JPEG stream, which cannot be skipped: it is
measured as the time of the smallest scaled decode that libjpeg offers (1/8, grey), in which little
else is left.
"""

import argparse
import io
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.phash import HashingOptions, hash_image_set
from cosmop.imaging.store import ImageStore

SEED = 0
ROUNDS = 5


def main() -> None:
    """Measure and print."""
    os.environ["TQDM_DISABLE"] = "1"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="fewer images")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), 40 if chosen.quick else 200)
    print(json.dumps(result) if chosen.json else _table(result))


def measure(folder: Path, count: int) -> dict[str, object]:
    """Hash `count` drawn JPEGs of 1200×800 pixels, variants interleaved, best of several rounds."""
    images = _draw(ImageStore(folder), count)
    contents = [file.read_bytes() for file in images.files]
    options = HashingOptions(workers=1)
    variants: dict[str, Callable[[], object]] = {
        "cosmop": lambda: hash_image_set(images, options),
        "imagehash": lambda: [imagehash.phash(Image.open(io.BytesIO(c))) for c in contents],
        "limit": lambda: [_smallest_decode(content) for content in contents],
    }
    seconds = dict.fromkeys(variants, float("inf"))
    for _ in range(ROUNDS):
        for name, run in variants.items():
            start = time.process_time()
            run()
            seconds[name] = min(seconds[name], time.process_time() - start)
    rate = {name: count / spent for name, spent in seconds.items()}
    return {
        "name": "phash",
        "unit": "images per CPU second",
        "ours": round(rate["cosmop"], 1),
        "peers": {"imagehash": round(rate["imagehash"], 1)},
        "ratio": {"imagehash": round(rate["cosmop"] / rate["imagehash"], 2)},
        "limit_share": round(rate["cosmop"] / rate["limit"], 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "n": count,
        "seed": SEED,
        "device": "cpu, one thread",
        "versions": {name: version(name) for name in ("ImageHash", "pillow", "numpy")},
    }


def _draw(store: ImageStore, count: int) -> ImageSet:
    chance = np.random.default_rng(SEED)
    rows = []
    for _ in range(count):
        coarse = Image.fromarray(chance.integers(0, 256, (20, 30, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((1200, 800), Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = np.clip(pixels + chance.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(noisy).save(buffer, "JPEG", quality=85)
        image_id, path = store.add(buffer.getvalue(), "jpg")
        rows.append({"image_id": image_id, "path": path, "width": 1200, "height": 800})
    return ImageSet(pd.DataFrame(rows), store)


def _smallest_decode(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.draft("L", (1, 1))
    image.load()
    return image


def _table(result: dict[str, object]) -> str:
    return "\n".join(f"{name:16} {value}" for name, value in result.items())


if __name__ == "__main__":
    main()
