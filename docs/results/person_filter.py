"""People or nobody on real photographs, by three filters; figures come from code only.

python docs/results/person_filter.py measure --data DIR [--threads 1]
python docs/results/person_filter.py write

DIR holds `photos/{objects1000,crowd38,indoor85}` and `weights/{resnet_cifar10,fastestdet}`.
"""

import argparse
import csv
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from person_filter_page import page
from scipy.io import loadmat
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stylegan2 import WEIGHTS, commit_of_code, features, load_features

from cosmop.imaging.decoding import DecodingLimits, inspect_image
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.metrics.classification import auroc, average_precision
from cosmop.metrics.intervals import wilson
from cosmop.people.detector import detect_people
from cosmop.people.detector_options import DetectorOptions
from cosmop.people.evidence import Evidence, recall_by_group, weigh_evidence
from cosmop.people.fastestdet import FILE_SHA256
from cosmop.people.inference import FastNetwork
from cosmop.people.network import PersonFilterOptions
from cosmop.people.options import TrainingOptions
from cosmop.people.splits import cross_parts
from cosmop.people.training import train_person_filter

HERE = Path(__file__).parent
SEED = 0
RECALL = 0.95
FOLDS = 5
NETWORK = PersonFilterOptions(
    backbone="resnext_small",
    pretrained="none",
    image_size=(96, 96),
    pooling="maximum",
    hidden_units=(64, 32),
    dropout_share=0.2,
)
TRAINING = TrainingOptions(
    epochs=24,
    batch_size=16,
    learning_rate=0.002,
    class_weights="balanced",
    folds=FOLDS,
    recall=RECALL,
    device="cpu",
    seed=SEED,
)
Rows = list[dict[str, Any]]
Scores = NDArray[np.float64]  # on the scale of logits: 0 is the point where yes and no balance


def main() -> None:
    """Parse the command line; measure or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("measure")
    command.add_argument("--data", type=Path, required=True)
    command.add_argument("--threads", type=int, default=1)
    command.add_argument("--epochs", type=int, default=TRAINING.epochs, help="less, to try it out")
    commands.add_parser("write")
    chosen = parser.parse_args()
    if chosen.command == "measure":
        torch.set_num_threads(chosen.threads)
        training = TRAINING.model_copy(update={"epochs": chosen.epochs})
        with tempfile.TemporaryDirectory() as folder:
            document = measure(chosen.data, ImageStore(Path(folder)), training)
        text = json.dumps(document, indent=1, allow_nan=False)
        (HERE / "person-filter.json").write_text(text + "\n", encoding="utf-8")
    document = json.loads((HERE / "person-filter.json").read_text(encoding="utf-8"))
    (HERE / "person-filter.md").write_text(page(document), encoding="utf-8")


def measure(data: Path, store: ImageStore, training: TrainingOptions) -> dict[str, Any]:
    """Fit and judge the three filters; the two outer sets see nothing but finished ones."""
    objects = read_objects(data / "photos" / "objects1000", store)
    outer = {
        "crowd38": read_crowds(data / "photos" / "crowd38", store),
        "indoor85": read_rooms(data / "photos" / "indoor85", store),
    }
    filters = {
        "scratch": from_scratch(objects, outer, training),
        "resnet56": with_cifar_trunk(data, objects, outer),
        "fastestdet": with_detector(data, objects, outer),
    }
    return {
        "filters": filters,
        "images": {"objects1000": _count(objects)} | {k: _count(v) for k, v in outer.items()},
        "recall": RECALL,
        "folds": FOLDS,
        "seed": SEED,
        "training": training.model_dump(mode="json"),
        "network": NETWORK.model_dump(mode="json"),
        "commit": commit_of_code(),
        "is_changed": _is_changed(),
        "torch": str(torch.__version__),
    }


def _is_changed() -> bool:
    """Tell whether the code differs from its commit."""
    command = ["git", "status", "--porcelain", "--", ":/src"]
    return bool(subprocess.run(command, cwd=HERE, check=True, capture_output=True).stdout)


def _count(images: ImageSet) -> dict[str, int]:
    is_person = images.manifest["is_person"]
    return {"people": int(is_person.sum()), "none": int((~is_person).sum())}


def read_objects(folder: Path, store: ImageStore) -> ImageSet:
    """Return the photographs labelled by eye, those that the annotator was sure of."""
    listed = csv.DictReader((folder / "labels_people.csv").read_text("utf-8").splitlines())
    sure = [row for row in listed if row["people"] != "unsure"]
    return _take_in(
        store, ((folder / row["file"], {"is_person": row["people"] == "people"}) for row in sure)
    )


def read_crowds(folder: Path, store: ImageStore) -> ImageSet:
    """Return the street photographs with the number of marked heads."""
    truths = sorted(folder.glob("*/ground-truth/GT_*.mat"))
    return _take_in(
        store,
        (
            (
                truth.parents[1] / "images" / f"{truth.stem.removeprefix('GT_')}.jpg",
                {"is_person": True, "people": len(loadmat(truth)["image_info"][0][0][0][0][0])},
            )
            for truth in truths
        ),
    )


def read_rooms(folder: Path, store: ImageStore) -> ImageSet:
    """Return the indoor frames with the number of person boxes."""
    rows = []
    for truth in sorted((folder / "ground-truth").glob("*.txt")):
        people = sum(line.startswith("person ") for line in truth.read_text("utf-8").splitlines())
        known = {"is_person": people > 0, "people": people}
        rows.append((folder / "images" / f"{truth.stem}.jpg", known))
    return _take_in(store, rows)


def _take_in(store: ImageStore, files: Iterable[tuple[Path, dict[str, Any]]]) -> ImageSet:
    rows: Rows = []
    for path, known in files:
        content = path.read_bytes()
        facts = inspect_image(content, DecodingLimits())
        image_id, stored = store.add(content, facts.extension)
        size = {"width": facts.width, "height": facts.height}
        rows.append({"image_id": image_id, "path": stored, **size, **known})
    return ImageSet(pd.DataFrame(rows).drop_duplicates("image_id"), store)


def from_scratch(
    objects: ImageSet, outer: dict[str, ImageSet], training: TrainingOptions
) -> dict[str, Any]:
    """Train our small ResNeXt without any weights to begin with."""
    trained = train_person_filter(objects, NETWORK, training)
    model, cpu = trained.model, torch.device("cpu")
    pixels = objects.array(NETWORK.image_size, fit=NETWORK.fit)
    quick, whole = (
        np.concatenate([network.predict(part) for part in np.array_split(pixels, 20)])
        for network in (FastNetwork(model, cpu, "bfloat16"), model)
    )

    def score(images: ImageSet) -> Scores:
        logits = model.logits(images.array(NETWORK.image_size, fit=NETWORK.fit))
        return logits.astype(np.float64)

    kept_from = float(logit(trained.metrics["threshold"])) * float(model.temperature)
    return {
        "inside": _without_fold_facts(trained.metrics),
        "outside": judge_outside(outer, score, kept_from),
        "checksum": model.checksum(),
        "bfloat16_moved": float(np.abs(quick - whole).max()),
    }


def _without_fold_facts(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name != "checksum"}


def with_cifar_trunk(data: Path, objects: ImageSet, outer: dict[str, ImageSet]) -> dict[str, Any]:
    """Fit a logistic regression on frozen features of a network that learnt CIFAR-10."""
    network, checksum = load_features(data / "weights" / "resnet_cifar10" / WEIGHTS)

    def embed(images: ImageSet) -> NDArray[np.float32]:
        pixels = torch.from_numpy(images.array((32, 32), fit="stretch"))
        return features(network, pixels.permute(0, 3, 1, 2) / 127.5 - 1)

    judge = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000)
    )
    labels = objects.manifest["is_person"].to_numpy(bool)
    parts, x_ND = cross_parts(labels, None, SEED), embed(objects)
    splits = [(np.flatnonzero(parts != k), np.flatnonzero(parts == k)) for k in range(FOLDS)]
    scores = cross_val_predict(judge, x_ND, labels, cv=splits, method="decision_function")
    evidence = _weigh(labels, scores, parts)
    judge.fit(x_ND, labels)

    def score(images: ImageSet) -> Scores:
        decisions: Scores = judge.decision_function(embed(images))
        return decisions

    return {
        "inside": evidence.metrics,
        "outside": judge_outside(outer, score, evidence.threshold.score),
        "checksum": checksum,
    }


def with_detector(data: Path, objects: ImageSet, outer: dict[str, ImageSet]) -> dict[str, Any]:
    """Score by FastestDet's best box of a person; nothing is fitted but temperature, threshold."""
    path = data / "weights" / "fastestdet" / "FastestDet.onnx"
    options = DetectorOptions(weights_path=str(path))

    def score(images: ImageSet) -> Scores:
        scores, _ = detect_people(images, options)
        return np.asarray(logit(scores["person_score"].clip(1e-6, 1 - 1e-6)), dtype=np.float64)

    labels = objects.manifest["is_person"].to_numpy(bool)
    evidence = _weigh(labels, score(objects), cross_parts(labels, None, SEED))
    return {
        "inside": evidence.metrics,
        "outside": judge_outside(outer, score, evidence.threshold.score),
        "checksum": FILE_SHA256,
    }


def _weigh(labels: NDArray[np.bool_], scores: Scores, parts: NDArray[np.int64]) -> Evidence:
    rows = pd.DataFrame({"is_person": labels, "logit": scores, "part": parts})
    return weigh_evidence(rows, recall=RECALL, seed=SEED)


def judge_outside(
    outer: dict[str, ImageSet], score: Callable[[ImageSet], Scores], kept_from: float
) -> dict[str, Any]:
    """Judge a finished filter on photographs of other sources, at 0.5 and at its threshold."""
    scores = {name: score(images) for name, images in outer.items()}
    labels = {name: images.manifest["is_person"].to_numpy(bool) for name, images in outer.items()}
    judged: dict[str, Any] = {}
    for where, threshold in (("at_half", 0.0), ("at_threshold", kept_from)):
        judged[where] = {
            name: _shares(labels[name], scores[name] >= threshold, outer[name].manifest)
            for name in outer
        }
    truth, said = (np.concatenate(list(values.values())) for values in (labels, scores))
    judged["average_precision"] = average_precision(truth, said, seed=SEED)
    judged["auroc"] = auroc(truth, said, seed=SEED)
    return judged


def _shares(
    labels: NDArray[np.bool_], is_kept: NDArray[np.bool_], manifest: pd.DataFrame
) -> dict[str, Any]:
    sides = {"recall": is_kept[labels], "specificity": ~is_kept[~labels]}
    sides["accuracy"] = is_kept == labels
    shares = {k: wilson(int(v.sum()), len(v)) for k, v in sides.items() if len(v)}
    return shares | recall_by_group(manifest.assign(is_person=labels), is_kept)


if __name__ == "__main__":
    main()
