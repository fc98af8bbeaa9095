"""Perceptual hashes per second, beside ImageHash and imagededup on the same files in the same run.

python benchmarks/phash.py [--json] [--quick]

The files are JPEGs of 1200×800 pixels, once baseline, once progressive. All contenders hash them in
one thread and take turns; of each small batch of files the fastest turn counts, in CPU time, which
is what stays comparable when others use the machine. imagededup's part is its own pipeline from
file to hash (decode to RGB, resize, grey, DCT); it is left out where it is not installed.

The physical limit is the entropy decoding of the JPEG stream, which cannot be skipped: it is
measured as the time of the smallest scaled decode that libjpeg offers (1/8, grey), in which little
else is left. The first scan of a progressive file needs less than that.

How the speed grows with cores is wall-clock time: one process against two, on the same files, with
the time that they take to start, beside what the machine itself gives two processes of pure
arithmetic at that moment.
"""

import argparse
import hashlib
import importlib.util
import io
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from PIL import Image

from cosmop.imaging.hash_rows import HashingOptions, hash_files
from cosmop.imaging.hashing_processes import hash_in_processes

SEED = 0
BATCH = 32  # files hashed at a time, as `hash_image_set` does
FULL = (192, 12, 3000)  # files, turns, files for the growth with cores
QUICK = (32, 5, 1200)
VERSIONS = ("ImageHash", "imagededup", "pillow", "numpy")
OPTIONS = HashingOptions()

Hasher = Callable[[Sequence[Path]], object]


def main() -> None:
    """Measure and print."""
    os.environ["TQDM_DISABLE"] = "1"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="fewer images")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), *(QUICK if chosen.quick else FULL))
    print(json.dumps(result) if chosen.json else _table(result))


def measure(folder: Path, count: int, turns: int, count_for_cores: int) -> dict[str, Any]:
    """Hash `count` drawn JPEGs of each kind in `turns`, and `count_for_cores` with more cores."""
    plain, progressive = draw_files(folder, count)
    _ours(plain)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # before imagededup brings torch
    peers = {"imagehash": _imagehash} | _imagededup()
    contenders: dict[str, Hasher] = {"ours": _ours, "limit": _smallest_decode} | peers
    rate = _rates(contenders, plain, turns)
    first_scan = _rates({"ours": _ours, "draft": _draft, "imagehash": _imagehash}, progressive, 3)
    many = [plain[at % count] for at in range(count_for_cores)]
    return {
        "name": "phash",
        "unit": "images per CPU second",
        "ours": round(rate["ours"], 1),
        "peers": {name: round(rate[name], 1) for name in peers},
        "ratio": {name: round(rate["ours"] / rate[name], 2) for name in peers},
        "limit_share": round(rate["ours"] / rate["limit"], 3),
        "progressive": {
            "ours": round(first_scan["ours"], 1),
            "ratio": {
                name: round(first_scan["ours"] / first_scan[name], 2)
                for name in ("draft", "imagehash")
            },
        },
        "two_processes": _growth(many),
        "peak_memory_mb": round(memory / 1024),
        "n": count,
        "seed": SEED,
        "device": f"cpu, one thread of {os.cpu_count()}",
        "versions": _versions(),
    }


def draw_files(folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    """Write smooth random pictures with noise, as baseline and as progressive JPEGs."""
    chance = np.random.default_rng(SEED)
    files: tuple[list[Path], list[Path]] = ([], [])
    for number in range(count):
        coarse = Image.fromarray(chance.integers(0, 256, (20, 30, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((1200, 800), Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = np.clip(pixels + chance.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
        for is_progressive, paths in enumerate(files):
            paths.append(folder / f"{number}-{is_progressive}.jpg")
            Image.fromarray(noisy).save(paths[-1], quality=85, progressive=bool(is_progressive))
    return files


def _ours(files: Sequence[Path]) -> object:
    return hash_files(files, OPTIONS)


def _imagehash(files: Sequence[Path]) -> object:
    return [imagehash.phash(Image.open(file)) for file in files]


def _imagededup() -> dict[str, Hasher]:
    if importlib.util.find_spec("imagededup") is None:
        return {}
    hasher = importlib.import_module("imagededup.methods").PHash(verbose=False)
    return {"imagededup": lambda files: [hasher.encode_image(image_file=file) for file in files]}


def _smallest_decode(files: Sequence[Path]) -> object:
    for file in files:
        image = Image.open(io.BytesIO(file.read_bytes()))
        image.draft("L", (1, 1))
        image.load()
    return None


def _draft(files: Sequence[Path]) -> object:
    hashes = []
    for file in files:
        image = Image.open(file)
        image.draft("L", (64, 64))
        hashes.append(imagehash.phash(image))
    return hashes


def _rates(contenders: dict[str, Hasher], files: list[Path], turns: int) -> dict[str, float]:
    """Images per CPU second, from the fastest turn of each batch."""
    batches = [files[at : at + BATCH] for at in range(0, len(files), BATCH)]
    fastest = {name: [float("inf")] * len(batches) for name in contenders}
    for _ in range(turns):
        for number, batch in enumerate(batches):
            for name, run in contenders.items():
                start = time.process_time()
                run(batch)
                spent = time.process_time() - start
                fastest[name][number] = min(fastest[name][number], spent)
    return {name: len(files) / sum(seconds) for name, seconds in fastest.items()}


def _growth(files: list[Path]) -> dict[str, float]:
    """How many times faster two processes are than one, wall clock, fastest of three turns."""
    batches = [files[at : at + BATCH] for at in range(0, len(files), BATCH)]
    runs = {
        "hashing": lambda count: list(hash_in_processes(batches, OPTIONS, count)),
        "arithmetic": _arithmetic,
    }
    ratios = {}
    for name, run in runs.items():
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(3):
            for count, spent in seconds.items():
                start = time.perf_counter()
                run(count)
                spent.append(time.perf_counter() - start)
        ratios[name] = round(min(seconds[1]) / min(seconds[2]), 2)
    return ratios


def _arithmetic(threads: int) -> None:
    """Checksums, which hold no lock: what the machine itself gives to so many workers."""
    block = bytes(4_000_000)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: hashlib.sha256(block).digest(), range(200)))


def _versions() -> dict[str, str]:
    found = {}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _table(result: dict[str, Any]) -> str:
    return "\n".join(f"{name:16} {value}" for name, value in result.items())


if __name__ == "__main__":
    main()
