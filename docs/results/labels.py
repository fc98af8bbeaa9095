"""Measure what suggestions save while labelling, and write the page; figures come from code only.

python docs/results/labels.py measure --work FOLDER [--threads 1]
python docs/results/labels.py write

FOLDER keeps the drawn scenes and the person filter, which are not made again.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cleanlab
import numpy as np
import pandas as pd
import sklearn
import torch
from labels_page import page
from numpy.typing import NDArray
from omegaconf import OmegaConf
from sklearn.metrics import roc_auc_score
from stylegan2 import commit_of_code

from cosmop.classifiers.features import build_extractor
from cosmop.classifiers.options import FeatureOptions
from cosmop.demo.gallery import (
    GalleryOptions,
    PersonFilterSceneOptions,
    draw_gallery,
    draw_person_filter_scenes,
)
from cosmop.demo.truth import CRITERIA
from cosmop.imaging.decoding import DecodingLimits
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.labels.issues import find_label_issues
from cosmop.labels.schema import LabelSchema
from cosmop.labels.suggestions import SuggestionOptions, suggest
from cosmop.labels.tasks import TaskOptions, make_label_tasks
from cosmop.metrics.intervals import Interval, percentiles
from cosmop.people.options import PersonFilterOptions, TrainingOptions
from cosmop.people.sources.gathering import collect_person_images
from cosmop.people.sources.options import SourcesOptions
from cosmop.people.training import train_person_filter

HERE = Path(__file__).parent
KEPT = HERE / "labels.json"
GALLERY = GalleryOptions(images=1200, seed=70)
PERSON_SCENES = PersonFilterSceneOptions(images=1400, seed=71)
QUESTIONS = {
    "are there people": ("has_people",),
    "is there a crowd at a fence": ("crowd_at_border",),
    "the study's four criteria": CRITERIA,
}
TEST_SHARE = 0.4
STEP, MOST = 20, 240
SEEDS, RESAMPLES = 8, 2000
FLIPPED, NOISE_SEEDS = (0.02, 0.05, 0.1), 5
MEASURES = ("auc", "right")

Curves = dict[str, list[list[float]]]


def main() -> None:
    """Parse the command line; measure or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("measure")
    command.add_argument("--work", type=Path, required=True)
    command.add_argument("--threads", type=int, default=1)
    commands.add_parser("write")
    chosen = parser.parse_args()
    if chosen.command == "measure":
        torch.set_num_threads(chosen.threads)
        text = json.dumps(measure(chosen.work), indent=1, allow_nan=False)
        KEPT.write_text(text + "\n", encoding="utf-8")
    (HERE / "labels.md").write_text(page(json.loads(KEPT.read_text("utf-8"))), encoding="utf-8")


def measure(work: Path) -> dict[str, Any]:
    """Draw, train, and measure both questions: labels saved, and planted errors found."""
    images = _scenes(work)
    features, accuracy = _features(images, work)
    began = time.process_time()
    table = images.manifest
    schemas = {words: LabelSchema(criteria=names) for words, names in QUESTIONS.items()}
    return {
        "commit": commit_of_code(),
        "versions": {
            "torch": torch.__version__,
            "scikit-learn": sklearn.__version__,
            "cleanlab": cleanlab.__version__,
        },
        "images": len(table),
        "settings": {
            "test_share": TEST_SHARE,
            "step": STEP,
            "most": MOST,
            "seeds": SEEDS,
            "noise_seeds": NOISE_SEEDS,
        },
        "dimensions": features.shape[1],
        "person_filter_accuracy": accuracy,
        "learning": {words: _learn(features, table, s) for words, s in schemas.items()},
        "errors": {words: _plant(features, table, s) for words, s in schemas.items()},
        "seconds": round(time.process_time() - began, 1),
    }


def _scenes(work: Path) -> ImageSet:
    """Draw the gallery and return its originals with their truth, upright or not."""
    truth = draw_gallery(work / "gallery", GALLERY)
    truth = truth[(truth["copy_of"] == "") & (truth["kind"] != "")]
    store = ImageStore(work / "images")
    read = [
        store.add((work / "gallery" / "images" / file).read_bytes(), "jpg")
        for file in truth["file"]
    ]
    manifest = pd.DataFrame(read, columns=["image_id", "path"]).assign(
        height=GALLERY.size[0], width=GALLERY.size[1], group=np.arange(len(read))
    )
    names = ["has_people", *CRITERIA]
    return ImageSet(manifest.assign(**{name: truth[name].to_numpy(bool) for name in names}), store)


def _features(images: ImageSet, work: Path) -> tuple[NDArray[np.float32], float]:
    """Return features of the demo's person filter, and its accuracy on held-out scenes."""
    kept = work / "features.npz"
    if not kept.exists():
        base = OmegaConf.load(HERE.parents[1] / "conf/base/parameters/person_filter.yml")
        options: Any = OmegaConf.to_container(base.person_filter)
        draw_person_filter_scenes(work / "person_filter", PERSON_SCENES)
        folders = {
            True: work / "person_filter" / "people",
            False: work / "person_filter" / "no_people",
        }
        limits = DecodingLimits.model_validate(options["limits"])
        sources = SourcesOptions.model_validate(options["sources"])
        drawn, _ = collect_person_images(folders, images.store, limits, sources)
        trained = train_person_filter(
            drawn,
            PersonFilterOptions.model_validate(options["network"]),
            TrainingOptions.model_validate(options["training"]),
        )
        extractor = build_extractor(
            FeatureOptions(kind="person_filter", pretrained="none"), trained.model
        )
        accuracy = trained.metrics["accuracy"]["value"]
        np.savez(kept, features=extractor.extract(images), accuracy=accuracy)
    with np.load(kept) as found:
        return found["features"], float(found["accuracy"])


# Labels saved


def _learn(features: NDArray[np.float32], table: pd.DataFrame, schema: LabelSchema) -> Any:
    runs = {
        order: [_label(features, table, schema, order, seed) for seed in range(SEEDS)]
        for order in ("random", "uncertainty")
    }
    curves = {
        name: {order: [[at[name] for at in run] for run in each] for order, each in runs.items()}
        for name in ("auc", "right", "whole")
    }
    holds = table[list(schema.criteria)]
    return {
        "curves": curves,
        "saved": {name: _saved(curves[name]) for name in MEASURES},
        "always_none": float((~holds).all(axis=1).mean()),
    }


def _label(
    features: NDArray[np.float32], table: pd.DataFrame, schema: LabelSchema, order: Any, seed: int
) -> list[dict[str, float]]:
    """Answer tasks from the truth, `STEP` at a time; return how good suggestions are then."""
    rng = np.random.default_rng(seed)
    is_test = np.zeros(len(table), dtype=bool)
    is_test[rng.permutation(len(table))[: round(TEST_SHARE * len(table))]] = True
    pool, test = table[~is_test], table[is_test]
    options = TaskOptions(order=order, seed=seed, answered="left_out")
    answered = list(rng.choice(pool["image_id"].to_numpy(), STEP, replace=False))
    found = []
    while True:
        labels = pool[pool["image_id"].isin(answered)]
        suggested = suggest(features, table, labels, schema, SuggestionOptions(seed=seed))
        found.append(_quality(suggested[is_test], test, schema))
        if len(answered) >= MOST:
            return found
        tasks = make_label_tasks(pool, schema, options, None, suggested)["tasks"]
        answered += [task["data"]["image_id"] for task in tasks[:STEP]]


def _quality(suggested: pd.DataFrame, truth: pd.DataFrame, schema: LabelSchema) -> dict[str, float]:
    """Return how good suggestions are on test images; no suggestion counts as "no", at 0.5."""
    names = list(schema.criteria)
    p, holds = suggested[names].to_numpy(), truth[names].to_numpy(bool)
    is_right = (np.nan_to_num(p) >= 0.5) == holds
    pairs = [
        float(roc_auc_score(holds[:, at], np.nan_to_num(p[:, at], nan=0.5)))
        for at in range(len(names))
    ]
    return {
        "auc": float(np.mean(pairs)),
        "right": float(is_right.mean()),
        "whole": float(is_right.all(axis=1).mean()),
    }


def _saved(curves: Curves) -> Interval:
    """Return the labels saved at `MOST`, as a share; the interval is over seeds, as pairs."""
    random, uncertain = (np.array(curves[order]) for order in ("random", "uncertainty"))
    return _over_seeds(lambda rows: _saving(random[rows], uncertain[rows]), SEEDS)


def _over_seeds(statistic: Callable[[NDArray[np.int64]], float], seeds: int) -> Interval:
    """Return a statistic of seeds, with its percentile bootstrap interval over them."""
    rng = np.random.default_rng(0)
    drawn = [statistic(rng.integers(seeds, size=seeds)) for _ in range(RESAMPLES)]
    return percentiles(statistic(np.arange(seeds)), drawn, seeds)


def _saving(random: NDArray[np.float64], uncertain: NDArray[np.float64]) -> float:
    """Return how many labels fewer the better order needs for what the other has at the end."""
    one, other = (np.maximum.accumulate(runs.mean(axis=0)) for runs in (random, uncertain))
    counts = np.arange(1, len(one) + 1) * STEP
    better, worse, sign = (other, one, 1.0) if other[-1] >= one[-1] else (one, other, -1.0)
    needed = float(np.interp(worse[-1], better, counts))
    return sign * (1 - needed / MOST)


# Planted errors


def _plant(features: NDArray[np.float32], table: pd.DataFrame, schema: LabelSchema) -> Any:
    found = {}
    for share in FLIPPED:
        runs = [_found(features, table, schema, share, seed) for seed in range(NOISE_SEEDS)]
        table_of_runs = pd.DataFrame(runs)
        found[f"{share:g}"] = {
            name: _over_seeds(partial(_mean_of, column.to_numpy()), NOISE_SEEDS)
            for name, column in table_of_runs.items()
        }
    return found


def _mean_of(values: NDArray[np.float64], rows: NDArray[np.int64]) -> float:
    return float(values[rows].mean())


def _found(
    features: NDArray[np.float32],
    table: pd.DataFrame,
    schema: LabelSchema,
    share: float,
    seed: int,
) -> dict[str, float]:
    names = list(schema.criteria)
    flipped = np.random.default_rng(seed).random((len(table), len(names))) < share
    labels = table[["image_id", "group"]].assign(
        **{name: table[name] ^ flipped[:, at] for at, name in enumerate(names)}
    )
    issues = find_label_issues(features, labels, schema, SuggestionOptions(seed=seed))
    planted = pd.DataFrame(flipped, columns=names, index=table["image_id"]).stack()
    questions = pd.MultiIndex.from_frame(issues[["image_id", "criterion"]])
    is_planted = planted.loc[questions].to_numpy(bool)
    is_issue = issues["is_issue"].to_numpy(bool)
    count = int(flipped.sum())
    return {
        "suspected": float(is_issue.mean()),
        "precision": float(is_planted[is_issue].mean()) if is_issue.any() else 0.0,
        "recall": float((is_planted & is_issue).sum() / count),
        "first": float(is_planted[:count].mean()),
    }


if __name__ == "__main__":
    main()
