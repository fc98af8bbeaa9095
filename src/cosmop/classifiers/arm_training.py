"""Training one classifier of the augmentation study, and keeping what it says of test images."""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmop.classifiers.image_classifier import (
    ImageClassifierOptions,
    TrainingData,
    predict,
    train_image_classifier,
)
from cosmop.errors import InputError
from cosmop.people.network import PersonFilter
from cosmop.people.options import AugmentationOptions

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Gives the probability of the subject [N] for uint8 images [N, H, W, 3]."""

_LOG = logging.getLogger(__name__)
_PLAIN = AugmentationOptions(flip=False)
_LAYOUT = 1  # of the stored documents; another number makes all trainings be done again


@dataclass(frozen=True)
class ArmSettings:
    """What differs between two trainings besides their images.

    Attributes:
        seed: Of initial weights, order of images and everything else random.
        is_augmented: Whether images are changed at random, classically.
    """

    seed: int
    is_augmented: bool


Trainer = Callable[[TrainingData, TrainingData, ArmSettings], Predict]
"""Trains on the first images, looks at the second ones on the way, and gives what it learnt.

A ``description`` attribute (a mapping, JSON values) says how it trains; it goes into the document,
``steps`` of it by name, and a changed one makes a study train again.
"""


@dataclass(frozen=True)
class FineTuning:
    """Trains image classifiers; a `Trainer`.

    Attributes:
        options: Network and schedule. Their augmentation is that of augmented arms, all others see
            the images as they are; their seed is the arm's; their patience is 0, so that all arms
            take the same optimiser steps.
        person_filter: Gives its trunk if the options ask for a warm start.
    """

    options: ImageClassifierOptions
    person_filter: PersonFilter | None = None

    @property
    def description(self) -> dict[str, Any]:
        """How it trains, as JSON values; ``device`` is left out, since it is no choice of arms."""
        described = self.options.model_dump(
            mode="json", exclude={"seed", "device", "patience_evaluations"}
        )
        trunk = self.person_filter and self.options.warm_start_from_person_filter
        checksum = self.person_filter.checksum() if self.person_filter and trunk else None
        return {**described, "person_filter": checksum}

    def __call__(
        self, training: TrainingData, validation: TrainingData, settings: ArmSettings
    ) -> Predict:
        """Fine-tune on `training`, deliver the weights of the lowest loss on `validation`."""
        own = {"seed": settings.seed, "patience_evaluations": 0}
        changed = own if settings.is_augmented else {**own, "augmentation": _PLAIN}
        options = self.options.model_copy(update=changed)
        model = train_image_classifier(training, validation, options, self.person_filter).model
        return lambda images: predict(model, images, device=options.device)


def fine_tuning_trainer(
    options: ImageClassifierOptions, person_filter: PersonFilter | None = None
) -> FineTuning:
    """Return the trainer of `cosmop.classifiers.image_classifier`, for `run_augmentation_study`."""
    return FineTuning(options, person_filter)


def describe_trainer(trainer: Trainer) -> dict[str, Any]:
    """Return the description of a trainer; of a plain function its name, which is all there is."""
    named = {"name": getattr(trainer, "__qualname__", type(trainer).__qualname__)}
    return dict(getattr(trainer, "description", named))


def fingerprint_of(parts: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of everything a training depends on, given as JSON values."""
    text = json.dumps({"layout": _LAYOUT, **parts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def train_arm(
    trainer: Trainer,
    training: TrainingData,
    validation: TrainingData,
    images: NDArray[np.uint8],
    settings: ArmSettings,
) -> NDArray[np.float64]:
    """Train once and return the probabilities of the test `images`, [N] in 0..1.

    Raises:
        InputError: The trainer's classifier gives anything else.
    """
    given = trainer(training, validation, settings)(images)
    p_N = np.asarray(given, dtype=np.float64)
    if p_N.shape != (len(images),) or not ((p_N >= 0) & (p_N <= 1)).all():
        finite = p_N[np.isfinite(p_N)]
        spread = f"{finite.min():g} to {finite.max():g}" if finite.size else "nothing finite"
        raise InputError(
            f"The augmentation study needs a probability from 0 to 1 for each of {len(images)} "
            f"test images, got shape {list(p_N.shape)} with {spread}; correct the trainer."
        )
    return p_N


class FinishedTrainings:
    """The finished trainings of a study in a folder, one JSON file each, so that none is redone.

    A file appears whole or not at all. One that is damaged is said and done again.

    Args:
        folder: Where they are kept; made if absent. None keeps nothing.
        test_checksum: Of the test images; a folder that last served another test set says so.
        n_test: How many test images there are.

    Attributes:
        remarks: Sentences on what was found in the folder.
    """

    def __init__(self, folder: Path | None, test_checksum: str, n_test: int) -> None:
        self.remarks: list[str] = []
        self._folder = folder
        self._test = {"test_checksum": test_checksum, "n_test": n_test}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._look_at_test_set(folder / "test_set.json")

    def load(self, name: str, fingerprint: str) -> NDArray[np.float64] | None:
        """Return the test probabilities of a finished training, None if there is none to use."""
        path = self._path(name, fingerprint)
        if path is None or not path.exists():
            return None
        try:
            return self._read(path, fingerprint)
        except (ValueError, KeyError, TypeError) as error:
            self._say(f"The training {path.name} is damaged ({error}) and is done again.")
            return None

    def save(self, name: str, fingerprint: str, p_N: NDArray[np.float64]) -> None:
        """Keep the test probabilities of a training."""
        path = self._path(name, fingerprint)
        if path is not None:
            listed = p_N.tolist()
            document = {"fingerprint": fingerprint, "checksum": _checksum(listed)}
            _write(path, {**document, "probabilities": listed})

    def finish(self) -> None:
        """Note which test set the folder has served, for the next run to compare with."""
        if self._folder is not None:
            _write(self._folder / "test_set.json", self._test)

    def _path(self, name: str, fingerprint: str) -> Path | None:
        return self._folder and self._folder / f"{name}-{fingerprint[:16]}.json"

    def _read(self, path: Path, fingerprint: str) -> NDArray[np.float64]:
        document = json.loads(path.read_bytes())
        listed = document["probabilities"]
        if document["fingerprint"] != fingerprint or document["checksum"] != _checksum(listed):
            raise ValueError("its content is not what was written")
        return np.array(listed, dtype=np.float64)

    def _look_at_test_set(self, path: Path) -> None:
        """Compare with the last run; a first run notes its test set before it trains."""
        if not path.exists():
            _write(path, self._test)
            return
        try:
            last = json.loads(path.read_bytes())
            is_same, n_last = last["test_checksum"] == self._test["test_checksum"], last["n_test"]
        except (ValueError, KeyError, TypeError):
            self._say("Which test set the last run had cannot be read, so it may have changed.")
            return
        if not is_same:
            self._say(
                f"The test set changed since the last run ({n_last} images then, "
                f"{self._test['n_test']} now), so all trainings are done again and earlier "
                "figures cannot be compared with these."
            )

    def _say(self, sentence: str) -> None:
        self.remarks.append(sentence)
        _LOG.warning("%s", sentence)


def _checksum(listed: list[float]) -> str:
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def _write(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON file so that it is there whole or not at all, even after a power cut."""
    aside = path.with_suffix(".part")
    with aside.open("w", encoding="utf-8") as file:
        json.dump(document, file, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
