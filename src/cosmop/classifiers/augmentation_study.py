"""Do synthetic images help a classifier? Trained on several mixtures, tested on one real set.

Arms: real images; with classical augmentation; with real positives repeated (the placebo: whatever
it gains comes from the larger share of positives and not from new images); with synthetic positives
added; with synthetic positives in the place of real ones (the classification accuracy score,
Ravuri & Vinyals 2019, here of a generator that knows one class; their "naive augmentation score" is
the arm with both). All arms take the same optimiser steps, start from the same weights per seed,
and are measured on the same test images.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmop.classifiers.arm_comparison import ArmResult, compare_arms, seed_figures
from cosmop.classifiers.arm_training import (
    ArmSettings,
    FinishedTrainings,
    Predict,
    Trainer,
    describe_trainer,
    fine_tuning_trainer,
    fingerprint_of,
    train_arm,
)
from cosmop.classifiers.arms import (
    Arm,
    ArmRows,
    StudyImages,
    StudyPart,
    digest_of,
    plan_arms,
    rows_of_arm,
    subset_of,
    training_data,
)
from cosmop.classifiers.arms_options import StudyArmsOptions
from cosmop.classifiers.image_classifier import TrainingData
from cosmop.metrics.paired import draw_two_way
from cosmop.progress import track

__all__ = [
    "ArmSettings",
    "Predict",
    "StudyArmsOptions",
    "StudyImages",
    "StudyPart",
    "Trainer",
    "fine_tuning_trainer",
    "run_augmentation_study",
]

Listener = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class _Cell:
    """An arm at a fraction of the real data, and what its trainings depend on but for the seed."""

    arm: Arm
    fraction: float
    rows: ArmRows
    depends_on: dict[str, Any]

    def counts(self) -> dict[str, int]:
        """Return how many images there are of each kind; repeats are no real images."""
        return {
            "n_real": len(self.rows.real) - self.rows.repeated,
            "n_synthetic": len(self.rows.synthetic),
            "n_repeated": self.rows.repeated,
        }


def run_augmentation_study(
    data: StudyImages,
    options: StudyArmsOptions,
    trainer: Trainer,
    folder: Path | None = None,
    *,
    on_arm: Listener | None = None,
) -> dict[str, Any]:
    """Train all arms × fractions × seeds and say what may be concluded.

    The same call with the same `folder` goes on where the last one stopped: a training is done
    again only if its images, its trainer or the test images are others.

    Args:
        data: The images; the test ones are used for nothing but the figures.
        options: Which arms, fractions and seeds.
        trainer: Trains one classifier, see `Trainer`; `fine_tuning_trainer` is the study's.
        folder: Where finished trainings are kept, one file each; None keeps none.
        on_arm: Called after each training, and for each one found finished, with ``arm``,
            ``label``, ``fraction``, ``seed``, the numbers of images, ``accuracy``,
            ``balanced_accuracy``, ``auroc`` and ``is_resumed``.

    Returns:
        ``seeds``, ``steps``, ``n_test``, ``test_checksum``, ``classifier`` (how the trainer
        describes itself), ``remarks`` (sentences on resuming and on a changed test set), and what
        `compare_arms` gives: ``arms``, ``comparisons``, ``smallest_detectable_gain``,
        ``conclusion``.

    Raises:
        InputError: Before any training: too few images of a class at a fraction, fewer synthetic
            images than the largest ratio needs, test images that are all near copies. From a
            training: what its classifier says is no probability.
    """
    described = describe_trainer(trainer)
    cells = list(_plan(data, options, described))
    draws = draw_two_way(
        data.test.group_names, options.seeds, resamples=options.resamples, seed=options.seed
    )
    test_checksum = data.test.digest()
    finished = FinishedTrainings(folder, test_checksum, len(data.test))
    seeds = list(range(options.seed, options.seed + options.seeds))
    p_CSN = _train_all(cells, seeds, data, trainer, finished, on_arm)
    finished.finish()
    results = [
        ArmResult(cell.arm, cell.fraction, cell.counts(), seeds, p_SN)
        for cell, p_SN in zip(cells, p_CSN, strict=True)
    ]
    return {
        "seeds": seeds,
        "steps": described.get("steps"),
        "n_test": len(data.test),
        "test_checksum": test_checksum,
        "classifier": described,
        "remarks": finished.remarks,
        **compare_arms(results, data.test, draws, options),
    }


def _plan(
    data: StudyImages, options: StudyArmsOptions, described: dict[str, Any]
) -> Iterator[_Cell]:
    """Decide on the images of every training, and refuse what cannot be trained, beforehand."""
    parts = {name: getattr(data, name).digest() for name in ("training", "validation", "test")}
    synthetic_digest = digest_of(data.synthetic)
    for fraction in sorted(options.fractions):
        real = subset_of(data.training, fraction, options.seed)
        for arm in plan_arms(options):
            rows = rows_of_arm(arm, real, data, options.seed)
            depends_on = {
                "trainer": described,
                **parts,
                "synthetic": synthetic_digest if len(rows.synthetic) else None,
                "rows": digest_of(rows.real, rows.synthetic),
                "is_augmented": arm.is_augmented,
            }
            yield _Cell(arm, fraction, rows, depends_on)


def _train_all(
    cells: list[_Cell],
    seeds: list[int],
    data: StudyImages,
    trainer: Trainer,
    finished: FinishedTrainings,
    on_arm: Listener | None,
) -> list[NDArray[np.float64]]:
    """Return the test probabilities of each cell, [S, N]."""
    found: list[list[NDArray[np.float64]]] = [[] for _ in cells]
    trainings = [(at, seed) for at in range(len(cells)) for seed in seeds]
    with track(trainings, "augmentation study", unit="training") as bar:
        for at, seed in bar:
            cell = cells[at]
            bar.set_postfix_str(f"{cell.arm.name}, {cell.fraction:.0%}, {seed=}", refresh=False)
            p_N, is_resumed = _train_or_load(cell, seed, data, trainer, finished)
            found[at].append(p_N)
            if on_arm is not None:
                on_arm(_told(cell, seed, data.test.labels, p_N, is_resumed=is_resumed))
    return [np.stack(p_SN) for p_SN in found]


def _train_or_load(
    cell: _Cell, seed: int, data: StudyImages, trainer: Trainer, finished: FinishedTrainings
) -> tuple[NDArray[np.float64], bool]:
    name = f"{cell.arm.name}-{cell.fraction:g}-seed{seed}"
    fingerprint = fingerprint_of({**cell.depends_on, "seed": seed})
    p_N = finished.load(name, fingerprint)
    if p_N is not None:
        return p_N, True
    training = training_data(cell.rows, data)
    validation = TrainingData(data.validation.images, data.validation.labels)
    settings = ArmSettings(seed, cell.arm.is_augmented)
    p_N = train_arm(trainer, training, validation, data.test.images, settings)
    finished.save(name, fingerprint, p_N)
    return p_N, False


def _told(
    cell: _Cell,
    seed: int,
    truth_N: NDArray[np.bool_],
    p_N: NDArray[np.float64],
    *,
    is_resumed: bool,
) -> dict[str, Any]:
    return {
        "arm": cell.arm.name,
        "label": cell.arm.label,
        "fraction": cell.fraction,
        "seed": seed,
        **cell.counts(),
        **seed_figures(truth_N, p_N),
        "is_resumed": is_resumed,
    }
