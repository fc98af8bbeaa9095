"""Which images a person filter learns from, which ones stop it, and which ones judge it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.people.options import TrainingOptions

Rows = NDArray[np.int64]
Labels = NDArray[np.bool_]
Groups = NDArray[Any] | None

_CROSS_PARTS = 5


def checked_labels(images: ImageSet, training: TrainingOptions) -> Labels:
    """Return which images show people, bool [N].

    Raises:
        InputError: A missing column, labels other than true and false, too few of a class.
    """
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
    labels: Labels = values.to_numpy().astype(bool)
    least = max(2, _split_count(training))
    people, others = int(labels.sum()), int((~labels).sum())
    if min(people, others) < least:
        raise InputError(
            f"Training the person filter needs at least {least} images with people and {least} "
            f"without, got {people} and {others}; add images, or lower `folds`."
        )
    return labels


def groups_of(images: ImageSet, training: TrainingOptions) -> Groups:
    """Return the group of each image [N], or None where images stand for themselves."""
    if training.group_column is None:
        return None
    groups: NDArray[Any] = images.manifest[training.group_column].to_numpy()
    return groups


def outer_splits(
    labels: Labels, groups: Groups, training: TrainingOptions
) -> list[tuple[Rows, Rows]]:
    """Return (training rows, held-out rows): one pair, or one per fold; stratified, by group.

    Raises:
        InputError: A training part without both classes.
    """
    count = _split_count(training)
    pairs = _folds(labels, groups, count, training.seed)
    for rows, held_rows in pairs:
        if len(held_rows) == 0 or len(np.unique(labels[rows])) < 2 or len(rows) < 4:
            raise InputError(
                f"Splitting for the person filter needs both classes and 4 images in each of "
                f"{count} training parts, got {len(rows)} images with "
                f"{int(labels[rows].sum())} of people; add images or groups, or lower `folds`."
            )
    return pairs if training.folds else pairs[:1]


def stopping_split(
    rows: Rows, labels: Labels, groups: Groups, training: TrainingOptions
) -> tuple[Rows, Rows]:
    """Return the rows to learn from and those that decide when to stop; all and none without.

    Raises:
        InputError: Too few images or groups for a part with both classes on each side.
    """
    if not training.patience_epochs:
        return rows, rows[:0]
    count = round(1 / training.stopping_share)
    inner = labels[rows]
    least = int(min(inner.sum(), (~inner).sum()))
    if least >= count:
        own = None if groups is None else groups[rows]
        learning, stopping = _folds(inner, own, count, training.seed)[0]
        if all(len(np.unique(inner[part])) == 2 for part in (learning, stopping)):
            return rows[learning], rows[stopping]
    raise InputError(
        f"Early stopping of the person filter needs {count} images of each class and of several "
        f"groups in a training part, got {least}; set `patience_epochs: 0`, raise "
        "`stopping_share`, or add images."
    )


def cross_parts(labels: Labels, groups: Groups, seed: int) -> Rows:
    """Return the part of each of n images, int64 [n], so that each part is judged by the others.

    Up to five parts, stratified and by group; images of a class with one example are all part 0.
    """
    parts = np.zeros(len(labels), dtype=np.int64)
    count = min(_CROSS_PARTS, int(labels.sum()), int((~labels).sum()))
    if groups is not None:
        count = min(count, len(np.unique(groups)))
    if count >= 2:
        for number, (_, rows) in enumerate(_folds(labels, groups, count, seed)):
            parts[rows] = number
    return parts


def _split_count(training: TrainingOptions) -> int:
    return max(training.folds, 2) if training.folds else round(1 / training.validation_share)


def _folds(labels: Labels, groups: Groups, count: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Return (other rows, rows) of each of `count` parts."""
    if groups is None:
        return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(labels, labels))
    by_group = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    return list(by_group.split(labels, labels, groups))
