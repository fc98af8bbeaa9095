"""CIFAR horses and what is not a horse: the split, and a generator trained on its training part."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from stylegan2 import COMMON, NETWORK, SETTINGS, WEIGHTS, features, generated, load_features

from cosmop.datasets.models import save_network
from cosmop.metrics.frechet import frechet_from_features
from cosmop.stylegan2.options import TrainingOptions
from cosmop.stylegan2.trainer import TrainingRun

SEED = 0
_PER_CLASS = {"train": 200, "validation": 25, "test": 112}  # of each of the nine other classes
_HORSES = {"train": 1800, "validation": 200, "test": 1000}


@dataclass(frozen=True)
class Part:
    """One side of the split.

    Attributes:
        images: uint8 [N, 32, 32, 3].
        labels: bool [N], true for horses.
        names: Path of each image in its archive [N].
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.bool_]
    names: NDArray[np.str_]


def read_split(data: Path) -> dict[str, Part]:
    """Return ``train`` and ``validation`` from the training archive, ``test`` from the other."""
    archives = {"train": "train", "validation": "train", "test": "test"}
    parts = {}
    for part, archive in archives.items():
        path = data / "images32" / f"cifar10_jpg_{archive}.zip"
        with zipfile.ZipFile(path) as files:
            names = _chosen(files, part)
            images = np.stack([_pixels(files.read(name)) for name in names])
        labels = np.array(["/horse/" in name for name in names])
        parts[part] = Part(images, labels, np.array(names))
    return parts


def _chosen(files: zipfile.ZipFile, part: str) -> list[str]:
    """Draw the names of one part: each class in an order of its own, training first."""
    by_class: dict[str, list[str]] = {}
    for name in sorted(files.namelist()):
        if name.endswith(".jpg"):
            by_class.setdefault(name.split("/")[1], []).append(name)
    chosen: list[str] = []
    for number, (label, names) in enumerate(sorted(by_class.items())):
        order = np.random.default_rng([SEED, number]).permutation(len(names))
        counts = _HORSES if label == "horse" else _PER_CLASS
        first = counts["train"] if part == "validation" else 0
        chosen += [names[index] for index in order[first : first + counts[part]]]
    return chosen


def _pixels(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def train_generator(data: Path, work: Path) -> None:
    """Train StyleGAN2 on the training horses alone; keep the snapshot nearest to them."""
    training = TrainingOptions.model_validate({**COMMON, **SETTINGS["augmented"], "seed": SEED})
    part = read_split(data)["train"]
    horses = part.images[part.labels]
    network, checksum = load_features(data / "weights" / "resnet_cifar10" / WEIGHTS)
    real = features(network, torch.from_numpy(horses).permute(0, 3, 1, 2) / 127.5 - 1)
    curve: list[dict[str, Any]] = []
    for snapshot in TrainingRun(horses, NETWORK, training).snapshots():
        fake = features(network, generated(snapshot.generator))
        distance = frechet_from_features(real, fake)
        curve.append({"kimg": snapshot.kimg, "distance": distance})
        print(f"{snapshot.kimg:7.2f} kimg  {distance:8.3f}", flush=True)  # noqa: T201
        if distance == min(point["distance"] for point in curve):
            folder = work / f"generator-{snapshot.kimg:07.2f}"
            save_network(folder, snapshot.generator)
            document = {"curve": curve, "picked": folder.name, "images": len(horses)}
            document |= {"training": training.model_dump(mode="json"), "extractor": checksum}
            (work / "generator.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
