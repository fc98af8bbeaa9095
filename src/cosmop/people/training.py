"""Training the person filter, and measuring it on images it has not seen."""

import hashlib
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from cosmop.devices import pick_device
from cosmop.imaging.image_set import ImageSet
from cosmop.people.evidence import Evidence, weigh_evidence
from cosmop.people.fit_plan import FitPlan, stages_of
from cosmop.people.fitting import fit_binary_network, logits_of
from cosmop.people.fold_memory import FoldMemory, training_fingerprint
from cosmop.people.network import PersonFilter, PersonFilterOptions, create_person_filter
from cosmop.people.options import TrainingOptions
from cosmop.people.pixels import LabelledPixels, load_pixels
from cosmop.people.splits import (
    Groups,
    Rows,
    checked_labels,
    cross_parts,
    groups_of,
    outer_splits,
    stopping_split,
)

__all__ = ["TrainedPersonFilter", "TrainingOptions", "train_person_filter"]

_LOG = logging.getLogger(__name__)
_ALL_IMAGES = 0  # the `fold` of the fit on every image
_KNOWN_OF_PEOPLE = ("people", "largest_person_share")


@dataclass(frozen=True)
class TrainedPersonFilter:
    """A person filter and the evidence about it.

    Attributes:
        model: The delivered network: fitted on the training part, or with `folds` on all images;
            with its temperature and its threshold.
        history: Columns fold (0 = all images), epoch, train_loss, validation_loss,
            validation_accuracy (of the stopping part if there is one, else of the held-out part;
            NaN without either), stage.
        held_out: Images not seen in fitting: image_id, is_person, person_score 0..1, is_kept at
            the wanted recall, logit, fold, part; score and decision chosen on other parts.
        metrics: See `cosmop.people.evidence.Evidence`; and threshold, temperature, n_train,
            n_held_out, held_out_checksum (of their ids), folds, seed, checksum.
        curve: Precision at 101 recalls: recall, precision, low, high.
    """

    model: PersonFilter
    history: pd.DataFrame
    held_out: pd.DataFrame
    metrics: dict[str, Any]
    curve: pd.DataFrame


def train_person_filter(
    images: ImageSet,
    network: PersonFilterOptions,
    training: TrainingOptions,
    *,
    workspace: Path | None = None,
) -> TrainedPersonFilter:
    """Train a person filter on `images`, whose manifest says ``is_person`` (bool) for each.

    Args:
        images: Where the manifest has ``people`` (how many) and ``largest_person_share`` (0..1),
            the recall is also told by them.
        network: What the network looks like.
        training: How it is trained and measured.
        workspace: Folder for checkpoints and finished folds. The same call after a crash goes on
            where it stopped, on a CPU to the last bit; cleared when the training is done.

    Raises:
        InputError: Too few images of a class, a missing column, an image that cannot be read,
            unusable weights, device or workspace.
    """
    labels, groups = checked_labels(images, training), groups_of(images, training)
    create_person_filter(network, training.seed)  # refuses unusable weights before all slow things
    pick_device(training.device)
    memory = FoldMemory(workspace, training_fingerprint(images, labels, groups, network, training))
    splits = outer_splits(labels, groups, training)
    pixels = load_pixels(images, network.image_size, network.fit, training.memory_limit_mb)
    everything = LabelledPixels(pixels, labels, np.arange(len(images)))
    fits = _Fits(everything, groups, network, training, workspace)

    histories, logits = [], []
    for fold, split in enumerate(splits, start=1):
        fold_history, said = fits.fold(fold, split, memory)
        histories.append(fold_history)
        logits.append(said)
    if training.folds:
        histories.append(fits.on(everything.rows, None, _ALL_IMAGES))
    rows = _evidence_rows(images, labels, groups, splits, logits, training)
    evidence = weigh_evidence(
        rows, recall=training.recall, is_calibrated=training.calibrate, seed=training.seed
    )
    model = _calibrated(fits.model, evidence)
    memory.forget()
    n_train = len(images) if training.folds else len(splits[0][0])
    metrics = evidence.metrics | _facts(model, evidence, n_train, training)
    _report(metrics)
    history = pd.concat(histories, ignore_index=True)
    return TrainedPersonFilter(model.eval(), history, evidence.scores, metrics, evidence.curve)


class _Fits:
    """Fits of the same network on parts of the same images.

    Attributes:
        model: The network of the last fit.
    """

    model: PersonFilter

    def __init__(
        self,
        data: LabelledPixels,
        groups: Groups,
        network: PersonFilterOptions,
        training: TrainingOptions,
        workspace: Path | None,
    ) -> None:
        self._data, self._groups = data, groups
        self._network, self._training, self._workspace = network, training, workspace

    def fold(
        self, fold: int, rows: tuple[Rows, Rows], memory: FoldMemory
    ) -> tuple[pd.DataFrame, NDArray[np.float32]]:
        """Return the history of a fold and the logits of what it held out, fitted or remembered."""
        known = memory.recall(fold) if self._training.folds else None
        if known is None:
            history = self.on(*rows, fold)
            held = self._part(rows[1])
            logits = logits_of(self.model, held, self._training.batch_size)
            said = history.astype(object).where(history.notna(), None).to_dict("list")
            memory.keep(fold, {"history": said, "logits": logits.tolist()})
            return history, logits
        history = pd.DataFrame(known["history"])
        kinds = {name: float for name in history.columns if name not in _WHOLE_NUMBERS}
        return history.astype(kinds), np.array(known["logits"], dtype=np.float32)

    def on(self, rows: Rows, held_rows: Rows | None, fold: int) -> pd.DataFrame:
        """Fit a new network on `rows` and return its history."""
        training, labels = self._training, self._data.labels
        learning, stopping = stopping_split(rows, labels, self._groups, training)
        watched = stopping if len(stopping) else held_rows
        validation = None if watched is None else self._part(watched)
        name = f"person filter, {f'fold {fold}' if fold else 'all images'}"
        plan = _plan(name, len(learning), training)
        self.model = create_person_filter(self._network, training.seed)
        history = fit_binary_network(
            self.model, self._part(learning), validation, plan, self._workspace
        )
        epochs = -(-history.pop("step") // plan.evaluate_every_steps)  # a stage may end within one
        history.insert(0, "epoch", epochs)
        history.insert(0, "fold", fold)
        return history

    def _part(self, rows: Rows) -> LabelledPixels:
        return LabelledPixels(self._data.pixels, self._data.labels, rows)


_WHOLE_NUMBERS = ("fold", "epoch", "stage")


def _plan(what: str, count: int, training: TrainingOptions) -> FitPlan:
    steps_per_epoch = math.ceil(count / training.batch_size)
    return FitPlan(
        what=what,
        steps=training.epochs * steps_per_epoch,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        evaluate_every_steps=steps_per_epoch,
        augmentation=training.augmentation,
        device=pick_device(training.device),
        seed=training.seed,
        stages=stages_of(training),
        patience_evaluations=training.patience_epochs,
        keep_best=training.patience_epochs > 0,
        class_weights=training.class_weights,
        mixed_precision=training.mixed_precision,
        mixed_precision_type=training.mixed_precision_type,
    )


def _evidence_rows(
    images: ImageSet,
    labels: NDArray[np.bool_],
    groups: Groups,
    splits: list[tuple[Rows, Rows]],
    logits: list[NDArray[np.float32]],
    training: TrainingOptions,
) -> pd.DataFrame:
    """Return one row per held-out image, as `weigh_evidence` wants them."""
    rows = np.concatenate([held for _, held in splits])
    fold = np.repeat(np.arange(1, len(splits) + 1), [len(held) for _, held in splits])
    own = None if groups is None else groups[rows]
    part = fold if training.folds else cross_parts(labels[rows], own, training.seed)
    manifest = images.manifest.iloc[rows].reset_index(drop=True)
    known = [name for name in _KNOWN_OF_PEOPLE if name in manifest.columns]
    return manifest[["image_id", *known]].assign(
        is_person=labels[rows],
        logit=np.concatenate(logits).astype(np.float64),
        fold=fold,
        part=part,
    )


def _calibrated(model: PersonFilter, evidence: Evidence) -> PersonFilter:
    """Give `model` the temperature and the threshold, rounded as its scores are."""
    with torch.no_grad():
        model.temperature.fill_(evidence.calibration.temperature)
        logit = np.array([evidence.threshold.score], dtype=np.float32)
        model.threshold.fill_(float(model.probabilities(logit)[0]))
    return model


def _facts(
    model: PersonFilter, evidence: Evidence, n_train: int, training: TrainingOptions
) -> dict[str, Any]:
    return {
        "threshold": float(model.threshold),
        "n_train": n_train,
        "n_held_out": len(evidence.scores),
        "held_out_checksum": _checksum(evidence.scores["image_id"]),
        "folds": training.folds,
        "seed": training.seed,
        "checksum": model.checksum(),
    }


def _checksum(ids: Iterable[str]) -> str:
    """Return what tells whether two filters were measured on the same images."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def _report(metrics: dict[str, Any]) -> None:
    at_threshold = metrics["at_threshold"]
    said = (metrics["calibration"]["reason"], at_threshold["reason"], at_threshold["warning"])
    for sentence in filter(None, said):
        _LOG.warning(sentence)
    _LOG.info(
        "Person filter: accuracy %.3f on %d images; from %.3f on it should keep %.3f of people.",
        *(metrics["accuracy"]["value"], metrics["n_held_out"], metrics["threshold"]),
        at_threshold["recall_to_expect"]["value"],
    )
