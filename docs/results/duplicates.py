"""Compare the hash's thresholds on real photographs and drawn scenes, and write the page.

python docs/results/duplicates.py measure --data DIR --work FOLDER
python docs/results/duplicates.py write

DIR holds `photos/objects1000/`, `photos/crowd38/` and `images32/`. FOLDER takes the drawn gallery
and the re-published copies, which stay there.
"""

import argparse
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from duplicates_page import RADII, page
from PIL import Image, ImageEnhance
from stylegan2 import commit_of_code

from cosmop.demo.gallery import draw_gallery
from cosmop.demo.gallery_options import GalleryOptions
from cosmop.imaging.dct_hash import (
    Threshold,
    hashes_as_integers,
    hashes_from_dct,
    low_frequencies,
)
from cosmop.imaging.decoding import DecodingLimits, UnreadableImageError, inspect_image
from cosmop.imaging.duplicates import DuplicateOptions
from cosmop.imaging.hamming_join import pairs_across, pairs_within
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.phash import HashingOptions, hash_image_set
from cosmop.imaging.store import ImageStore
from cosmop.imaging.symmetric_copies import SYMMETRIES, find_symmetric_copies

HERE = Path(__file__).parent
SEED = 0
COPIES = 5  # of each photograph
MOST_CUT = 0.03
RULES: tuple[Threshold, ...] = get_args(Threshold)
GALLERY = GalleryOptions(images=1500, duplicate_share=0.4, seed=SEED)
FARTHEST = max(RADII)
ALL_PAIRS = 10**9  # the study's own rule finds millions

TURNS = {
    "mirrored": Image.Transpose.FLIP_LEFT_RIGHT,
    "flipped": Image.Transpose.FLIP_TOP_BOTTOM,
    "rotated_90": Image.Transpose.ROTATE_90,
    "rotated_180": Image.Transpose.ROTATE_180,
    "rotated_270": Image.Transpose.ROTATE_270,
    "transposed": Image.Transpose.TRANSPOSE,
    "transversed": Image.Transpose.TRANSVERSE,
}


def main() -> None:
    """Parse the command line; measure or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("measure")
    command.add_argument("--data", type=Path, required=True)
    command.add_argument("--work", type=Path, required=True)
    commands.add_parser("write")
    chosen = parser.parse_args()
    kept = HERE / "duplicates.json"
    if chosen.command == "measure":
        document = measure(chosen.data, chosen.work)
        kept.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    document = json.loads(kept.read_text(encoding="utf-8"))
    (HERE / "duplicates.md").write_text(page(document), encoding="utf-8")


def measure(data: Path, work: Path) -> dict[str, Any]:
    """Measure all that the page shows."""
    folders = (data / "photos" / "objects1000", data / "photos" / "crowd38")
    files = sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".JPEG", ".jpg")
    )
    store = ImageStore(work / "store")
    photographs = _image_set(store, ((path.name, path.read_bytes()) for path in files))
    copies = {name: _image_set(store, _republished(photographs, name)) for name in CUTTINGS}
    hashes = {rule: _hashed(photographs, rule) for rule in RULES}
    default = hashes["median"]
    return {
        "seed": SEED,
        "commit": commit_of_code(),
        "default_radius_bits": DuplicateOptions().radius_bits,
        "decoders": sorted(set(default["decoder"])),
        "photographs": len(photographs),
        "unrelated": {rule: _unrelated(hashes[rule]) for rule in RULES},
        "in_all_positions": {rule: _in_all_positions(hashes[rule]) for rule in RULES},
        "closest": _closest(default, photographs),
        "tiny": _tiny(data / "images32"),
        "copies_of_each": COPIES,
        "republished": {
            name: {rule: _recall(hashes[rule], _hashed(made, rule), made) for rule in RULES}
            for name, made in copies.items()
        },
        "turned": _turned(photographs, store),
        "gallery": _gallery(work),
    }


def _image_set(store: ImageStore, named: Iterator[tuple[str, bytes]]) -> ImageSet:
    """Put named files into the store; unusable ones are left out, equal ones are one image."""
    rows: dict[str, dict[str, Any]] = {}
    for name, content in named:
        try:
            facts = inspect_image(content, DecodingLimits())
        except UnreadableImageError:
            continue
        image_id, path = store.add(content, facts.extension)
        row = {"image_id": image_id, "path": path, "width": facts.width, "height": facts.height}
        rows.setdefault(image_id, row | {"name": name})
    return ImageSet(pd.DataFrame(list(rows.values())), store)


def _hashed(images: ImageSet, rule: Threshold) -> pd.DataFrame:
    return hash_image_set(images, HashingOptions(threshold=rule, workers=1))


def _republish(image: Image.Image, rng: np.random.Generator, cutting: str) -> bytes:
    """Publish a picture again: cut by up to 3 %, smaller, of other contrast, compressed."""
    width, height = image.size
    cut = CUTTINGS[cutting](rng)
    left, top = cut * (0.5 if cutting == "centred" else rng.uniform(0, 1, 2)) * image.size
    right, lower = left + (1 - cut[0]) * width, top + (1 - cut[1]) * height
    scale = rng.uniform(0.4, 1)
    size = (max(1, round((right - left) * scale)), max(1, round((lower - top) * scale)))
    small = image.resize(size, Image.Resampling.LANCZOS, box=(left, top, right, lower))
    small = ImageEnhance.Contrast(small).enhance(float(rng.uniform(0.9, 1.15)))
    target = io.BytesIO()
    small.save(target, "JPEG", quality=int(rng.integers(40, 86)))
    return target.getvalue()


def _cut_of_each_side(rng: np.random.Generator) -> Any:
    return rng.uniform(0, MOST_CUT, 2)


def _cut_of_the_area(rng: np.random.Generator) -> Any:
    width = rng.uniform(0, 1)
    return rng.uniform(0, MOST_CUT) * np.array([width, 1 - width])


CUTTINGS = {  # shares of width and height; the rest lies anywhere, or in the centre
    "area": _cut_of_the_area,
    "centred": _cut_of_each_side,
    "anywhere": _cut_of_each_side,
}


def _republished(photographs: ImageSet, cutting: str) -> Iterator[tuple[str, bytes]]:
    rng = np.random.default_rng(SEED)
    for index, image_id in enumerate(photographs.ids):
        image = photographs.open(index)
        for _ in range(COPIES):
            yield image_id, _republish(image, rng, cutting)


def _unrelated(hashes: pd.DataFrame) -> dict[str, Any]:
    """Count pairs of different photographs by distance; none of them are copies."""
    _, _, bits = pairs_within(hashes_as_integers(hashes["phash"]), FARTHEST, ALL_PAIRS)
    return {"pairs": _all_pairs(len(hashes)), "within": _within(bits)}


def _in_all_positions(hashes: pd.DataFrame) -> dict[str, Any]:
    """Count pairs of one photograph and another one in any of its eight positions."""
    upright = hashes_as_integers(hashes["phash"])
    within = np.zeros(len(RADII), dtype=np.int64)
    for name in ("phash", *(f"phash_{symmetry}" for symmetry in SYMMETRIES)):
        i, j, bits = pairs_across(upright, hashes_as_integers(hashes[name]), FARTHEST, ALL_PAIRS)
        within += _within(bits[i < j])
    return {"pairs": 8 * _all_pairs(len(hashes)), "within": within.tolist()}


def _closest(hashes: pd.DataFrame, photographs: ImageSet) -> list[list[Any]]:
    names = photographs.manifest["name"].tolist()
    i, j, bits = pairs_within(hashes_as_integers(hashes["phash"]), FARTHEST)
    rows = zip(bits.tolist(), i.tolist(), j.tolist(), strict=True)
    return sorted([distance, names[one], names[other]] for distance, one, other in rows)


def _tiny(folder: Path) -> dict[str, Any]:
    """Count pairs of CIFAR-10 pictures of different classes, which cannot be copies."""
    low_8x8, classes = _tiny_frequencies(folder)
    sizes = np.unique(classes, return_counts=True)[1]
    pairs = _all_pairs(len(classes)) - sum(_all_pairs(int(size)) for size in sizes)
    found: dict[str, Any] = {"pictures": len(classes)}
    for rule in RULES[:1] + RULES[2:]:
        i, j, bits = pairs_within(hashes_from_dct(low_8x8, rule), FARTHEST, ALL_PAIRS)
        apart = classes[i] != classes[j]
        same = _within(bits[~apart])
        found[rule] = {"pairs": pairs, "within": _within(bits[apart]), "same_class": same}
    return found


def _tiny_frequencies(folder: Path) -> tuple[Any, Any]:
    greys, classes = [], []
    for archive in sorted(folder.glob("cifar10_jpg_*.zip")):
        with zipfile.ZipFile(archive) as files:
            for name in sorted(files.namelist()):
                if name.endswith(".jpg"):
                    greys.append(np.asarray(Image.open(io.BytesIO(files.read(name))).convert("L")))
                    classes.append(name.split("/")[-2])
    return low_frequencies(np.stack(greys)), np.array(classes)


def _recall(originals: pd.DataFrame, copies: pd.DataFrame, images: ImageSet) -> dict[str, Any]:
    """Count re-published copies by their distance from the photograph they were made of."""
    codes = originals.set_index("image_id")["phash"]
    of = hashes_as_integers(codes.loc[images.manifest["name"]])
    bits = np.bitwise_count(of ^ hashes_as_integers(copies["phash"]))
    return {"copies": len(bits), "within": _within(bits), "farthest": int(bits.max())}


def _turned(photographs: ImageSet, store: ImageStore) -> dict[str, Any]:
    """Turn each photograph once at random, publish it again, and look for it among all."""
    rng = np.random.default_rng(SEED + 1)
    turns = [SYMMETRIES[number] for number in rng.integers(0, len(SYMMETRIES), len(photographs))]
    contents = (
        (image_id, _republish(photographs.open(index).transpose(TURNS[turn]), rng, "area"))
        for index, (image_id, turn) in enumerate(zip(photographs.ids, turns, strict=True))
    )
    turned = _image_set(store, contents)
    table = pd.concat([_hashed(photographs, "median"), _hashed(turned, "median")])
    found = find_symmetric_copies(table, DuplicateOptions().radius_bits)
    original = found["image_id"].map(turned.manifest.set_index("image_id")["name"])
    turn = original.map(dict(zip(photographs.ids, turns, strict=True)))
    is_right = (original == found["copy_of"]) & (turn == found["symmetry"])
    return {"copies": len(turned), "found": int(is_right.sum()), "wrong": int((~is_right).sum())}


def _gallery(work: Path) -> dict[str, Any]:
    """Draw a gallery with planted copies; count its pairs by distance, against the truth."""
    truth = draw_gallery(work / "gallery", GALLERY)
    scene_of = truth.drop_duplicates("image_sha256").set_index("image_sha256")["scene_id"]
    files = sorted((work / "gallery" / "images").iterdir())
    images = _image_set(ImageStore(work / "store"), ((f.name, f.read_bytes()) for f in files))
    scenes = images.manifest["image_id"].map(scene_of).to_numpy()
    sizes = np.unique(scenes, return_counts=True)[1]
    copies = sum(_all_pairs(int(size)) for size in sizes)
    found: dict[str, Any] = {
        "images": len(images),
        "scenes": len(sizes),
        "options": GALLERY.model_dump(mode="json"),
    }
    for rule in RULES:
        codes = hashes_as_integers(_hashed(images, rule)["phash"])
        i, j, bits = pairs_within(codes, FARTHEST, ALL_PAIRS)
        same = scenes[i] == scenes[j]
        found[rule] = {
            "copies": {"pairs": copies, "within": _within(bits[same])},
            "unrelated": {
                "pairs": _all_pairs(len(images)) - copies,
                "within": _within(bits[~same]),
            },
        }
    return found


def _within(bits: Any) -> list[int]:
    return [int((bits <= radius).sum()) for radius in RADII]


def _all_pairs(count: int) -> int:
    return count * (count - 1) // 2


if __name__ == "__main__":
    main()
