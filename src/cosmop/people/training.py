"""Training the person filter, and measuring it on images it has not seen."""

import logging
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.people.devices import pick_device
from cosmop.people.fit_plan import FitPlan, stages_of
from cosmop.people.fitting import fit_binary_network, predict_pixels
from cosmop.people.network import PersonFilter, PersonFilterOptions, create_person_filter
from cosmop.people.options import TrainingOptions
from cosmop.people.pixels import LabelledPixels, load_pixels

__all__ = ["TrainedPersonFilter", "TrainingOptions", "train_person_filter"]

_LOG = logging.getLogger(__name__)
_ALL_IMAGES = 0  # the `fold` of the fit on every image
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class TrainedPersonFilter:
    """A person filter and the evidence about it.

    Attributes:
        model: The delivered network: fitted on the training part, or with `folds` on all images.
        history: Columns fold (0 = all images), epoch, train_loss, validation_loss,
            validation_accuracy (NaN where nothing was held out), stage.
        held_out: Images not seen in fitting: image_id, is_person, person_score 0..1, fold.
        metrics: Accuracy, recall and specificity at 0.5 on `held_out`, each with value, low,
            high (Wilson, 95 %) and n; and n_train, n_held_out, folds, seed, checksum.
    """

    model: PersonFilter
    history: pd.DataFrame
    held_out: pd.DataFrame
    metrics: dict[str, Any]


def train_person_filter(
    images: ImageSet, network: PersonFilterOptions, training: TrainingOptions
) -> TrainedPersonFilter:
    """Train a person filter on `images`, whose manifest says ``is_person`` (bool) for each.

    Raises:
        InputError: Too few images of a class, a missing column, unusable weights or device.
    """
    labels = _checked_labels(images, training)
    device = pick_device(training.device)
    create_person_filter(
        network, training.seed
    )  # refuses unusable weights before the first slow thing
    size, limit = network.image_size, training.memory_limit_mb
    everything = np.arange(len(images))
    data = LabelledPixels(load_pixels(images, size, network.fit, limit), labels, everything)

    histories, held_out = [], []
    for fold, (rows, held_rows) in enumerate(_splits(images, labels, training), start=1):
        parts = _part(data, rows), _part(data, held_rows)
        plan = _plan(f"person filter, fold {fold}", len(rows), training, device)
        model = create_person_filter(network, training.seed)
        histories.append(_fit_epochs(model, parts, plan, fold))
        held_out.append(_score_part(images, model, parts[1], fold, training.batch_size))
    if training.folds:
        plan = _plan("person filter, all images", len(images), training, device)
        model = create_person_filter(network, training.seed)
        histories.append(_fit_epochs(model, (data, None), plan, _ALL_IMAGES))
        rows = everything
    evidence = pd.concat(held_out, ignore_index=True)
    metrics = _metrics(evidence) | {
        "n_train": len(rows),
        "n_held_out": len(evidence),
        "folds": training.folds,
        "seed": training.seed,
        "checksum": model.checksum(),
    }
    _LOG.info(
        "Person filter: accuracy %.3f on %d images.", metrics["accuracy"]["value"], len(evidence)
    )
    return TrainedPersonFilter(
        model.eval(), pd.concat(histories, ignore_index=True), evidence, metrics
    )


def _checked_labels(images: ImageSet, training: TrainingOptions) -> NDArray[np.bool_]:
    wanted = ["is_person", *([training.group_column] if training.group_column else [])]
    missing = [name for name in wanted if name not in images.manifest.columns]
    if missing:
        raise InputError(
            f"Training the person filter needs the columns {wanted}, got a manifest without "
            f"{missing}; add them, or correct `group_column`."
        )
    values = images.manifest["is_person"]
    if values.isna().any() or not set(values.unique()) <= {True, False}:
        raise InputError(
            "Training the person filter needs `is_person` to be true or false for every image, got "
            f"{sorted(map(str, values.unique()))[:5]}; label the rest or leave those images out."
        )
    labels: NDArray[np.bool_] = values.to_numpy().astype(bool)
    least = max(2, _split_count(training))
    people, others = int(labels.sum()), int((~labels).sum())
    if min(people, others) < least:
        raise InputError(
            f"Training the person filter needs at least {least} images with people and {least} "
            f"without, got {people} and {others}; add images, or lower `folds`."
        )
    return labels


def _split_count(training: TrainingOptions) -> int:
    return max(training.folds, 2) if training.folds else round(1 / training.validation_share)


def _splits(
    images: ImageSet, labels: NDArray[np.bool_], training: TrainingOptions
) -> list[tuple[Rows, Rows]]:
    """Return (training rows, held-out rows): one pair, or one per fold; stratified, by group."""
    count = _split_count(training)
    if training.group_column is None:
        splitter = StratifiedKFold(count, shuffle=True, random_state=training.seed)
        pairs = list(splitter.split(labels, labels))
    else:
        groups = images.manifest[training.group_column].to_numpy()
        by_group = StratifiedGroupKFold(count, shuffle=True, random_state=training.seed)
        pairs = list(by_group.split(labels, labels, groups))
    for rows, held_rows in pairs:
        if len(held_rows) == 0 or len(np.unique(labels[rows])) < 2 or len(rows) < 4:
            raise InputError(
                f"Splitting for the person filter needs both classes and 4 images in each of "
                f"{count} training parts, got {len(rows)} images with "
                f"{int(labels[rows].sum())} of people; add images or groups, or lower `folds`."
            )
    return pairs if training.folds else pairs[:1]


def _part(data: LabelledPixels, rows: Rows) -> LabelledPixels:
    return LabelledPixels(data.pixels, data.labels, rows)


def _plan(what: str, count: int, training: TrainingOptions, device: Any) -> FitPlan:
    steps_per_epoch = math.ceil(count / training.batch_size)
    return FitPlan(
        what=what,
        steps=training.epochs * steps_per_epoch,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        evaluate_every_steps=steps_per_epoch,
        augmentation=training.augmentation,
        device=device,
        seed=training.seed,
        stages=stages_of(training),
        class_weights=training.class_weights,
        mixed_precision=training.mixed_precision,
        mixed_precision_type=training.mixed_precision_type,
    )


def _fit_epochs(
    model: PersonFilter,
    parts: tuple[LabelledPixels, LabelledPixels | None],
    plan: FitPlan,
    fold: int,
) -> pd.DataFrame:
    history = fit_binary_network(model, *parts, plan)
    epochs = -(-history.pop("step") // plan.evaluate_every_steps)  # a stage may end within one
    history.insert(0, "epoch", epochs)
    history.insert(0, "fold", fold)
    return history


def _score_part(
    images: ImageSet, model: PersonFilter, part: LabelledPixels, fold: int, batch_size: int
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": images.manifest["image_id"].to_numpy()[part.rows],
            "is_person": part.part_labels,
            "person_score": predict_pixels(model, part, batch_size).astype(np.float64),
            "fold": fold,
        }
    )


def _metrics(held_out: pd.DataFrame) -> dict[str, Any]:
    labels = held_out["is_person"].to_numpy(bool)
    right = (held_out["person_score"].to_numpy() >= 0.5) == labels
    return {
        "accuracy": _share(right),
        "recall": _share(right[labels]),
        "specificity": _share(right[~labels]),
        "confusion": {
            "tp": int((right & labels).sum()),
            "fp": int((~right & ~labels).sum()),
            "fn": int((~right & labels).sum()),
            "tn": int((right & ~labels).sum()),
        },
    }


def _share(right: NDArray[np.bool_]) -> dict[str, float]:
    """Return the share of true values with its 95 % Wilson interval (Wilson 1927)."""
    if len(right) == 0:
        return {"value": math.nan, "low": 0.0, "high": 1.0, "n": 0}
    interval = binomtest(int(right.sum()), len(right)).proportion_ci(0.95, method="wilson")
    low, high = float(interval.low), float(interval.high)
    return {"value": float(right.mean()), "low": low, "high": high, "n": len(right)}
