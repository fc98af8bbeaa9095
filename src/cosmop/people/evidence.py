"""What held-out scores say about a person filter: figures, a temperature, and a threshold.

Temperature and threshold of each part of the held-out images are chosen on the other parts
("cross-fitted"), so no reported figure comes from images that chose it. What is delivered is chosen
on all held-out images.
"""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from cosmop.metrics.calibration import expected_calibration_error
from cosmop.metrics.classification import classification_metrics
from cosmop.metrics.curves import precision_recall_curve
from cosmop.metrics.intervals import wilson
from cosmop.people.calibration import Calibration, calibrate
from cosmop.people.recall_threshold import RecallThreshold, recall_threshold

Floats = NDArray[np.float64]
Decisions = NDArray[np.bool_]

_PEOPLE = {"1": (1, 1), "2 to 5": (2, 5), "6 to 20": (6, 20), "over 20": (21, math.inf)}
# Largest person's share of the image: at 224×224 pixels 0.02 is some 30 pixels a side.
_SIZES = {
    "below 0.005": (0, 0.005),
    "0.005 to 0.02": (0.005, 0.02),
    "0.02 to 0.1": (0.02, 0.1),
    "0.1 to 0.3": (0.1, 0.3),
    "from 0.3": (0.3, math.inf),
}


@dataclass(frozen=True)
class Evidence:
    """What the held-out images say.

    Attributes:
        scores: The given rows with ``person_score`` (by a cross-fitted temperature) and
            ``is_kept`` (by a cross-fitted threshold).
        calibration: The temperature to deliver; its errors afterwards are cross-fitted.
        threshold: The threshold to deliver, on the scale of logits.
        metrics: Accuracy, precision, recall, specificity, AUROC, average precision and confusion
            at a score of 0.5; ``at_threshold`` the same shares at the cross-fitted thresholds, with
            a ``warning`` if they clearly keep less than was wanted; recall by number and size of
            people where the rows say them; ``calibration``. No NaN.
        curve: Precision at 101 recalls: recall, precision, low, high (pointwise 95 %).
    """

    scores: pd.DataFrame
    calibration: Calibration
    threshold: RecallThreshold
    metrics: dict[str, Any]
    curve: pd.DataFrame


def weigh_evidence(
    rows: pd.DataFrame, *, recall: float, is_calibrated: bool = True, seed: int = 0
) -> Evidence:
    """Judge held-out logits.

    Args:
        rows: One per image: ``is_person`` (bool), ``logit`` (finite; of a detector, any score),
            ``part`` (int: images whose figures are chosen on the other parts), and where known
            ``people`` (number, nullable) and ``largest_person_share`` (0..1, nullable).
        recall: What the threshold is to keep of the images with people.
        is_calibrated: Whether a temperature is fitted.
        seed: Of the bootstraps.

    Raises:
        InputError: No rows, one class only, or logits that are not finite.
    """
    labels, logits = rows["is_person"].to_numpy(bool), rows["logit"].to_numpy(np.float64)
    parts = rows["part"].to_numpy()
    calibration = calibrate(logits, labels) if is_calibrated else _not_calibrated(len(labels))
    threshold = recall_threshold(logits[labels], recall)
    probabilities, is_kept = np.empty(len(labels)), np.empty(len(labels), dtype=bool)
    for part in np.unique(parts):
        inside, others = parts == part, (parts != part) | (len(np.unique(parts)) == 1)
        fitted = calibrate(logits[others], labels[others]) if is_calibrated else calibration
        probabilities[inside] = expit(logits[inside] / fitted.temperature)
        chosen = recall_threshold(logits[others & labels], recall)
        is_kept[inside] = logits[inside] >= chosen.score
    scored = rows.assign(person_score=probabilities, is_kept=is_kept)
    calibration = _cross_fitted(calibration, probabilities, labels)
    return Evidence(
        scored,
        calibration,
        threshold,
        _metrics(scored, threshold, seed) | {"calibration": asdict(calibration)},
        pd.DataFrame(precision_recall_curve(labels, logits, seed=seed)),
    )


def _not_calibrated(n: int) -> Calibration:
    return Calibration(1.0, n, reason="It was not asked for.")


def _cross_fitted(
    calibration: Calibration, probabilities: Floats, labels: Decisions
) -> Calibration:
    if calibration.reason:
        return calibration
    right = np.clip(np.where(labels, probabilities, 1 - probabilities), 1e-12, 1)
    error = expected_calibration_error(labels, probabilities)
    return replace(calibration, error_after=error, loss_after=float(-np.log(right).mean()))


def _metrics(scored: pd.DataFrame, threshold: RecallThreshold, seed: int) -> dict[str, Any]:
    labels, logits = scored["is_person"].to_numpy(bool), scored["logit"].to_numpy(np.float64)
    is_kept = scored["is_kept"].to_numpy(bool)
    at_threshold: dict[str, Any] = {
        "recall_wanted": threshold.wanted,
        "recall_to_expect": threshold.expected,
        "reason": threshold.reason,
    }
    metrics = classification_metrics(labels, logits >= 0, logits, seed=seed)
    metrics |= recall_by_group(scored, logits >= 0)
    at_threshold |= classification_metrics(labels, is_kept) | recall_by_group(scored, is_kept)
    at_threshold["warning"] = _broken_promise(at_threshold)
    return dict(_without_nan(metrics | {"at_threshold": at_threshold}))


def _broken_promise(at_threshold: dict[str, Any]) -> str | None:
    """Say so if thresholds of other parts kept clearly less than they were to keep."""
    found, wanted = at_threshold["recall"], at_threshold["recall_wanted"]
    if found["high"] >= wanted:
        return None
    return (
        f"Thresholds for a recall of {wanted:g} kept {found['value']:.3f} (at most "
        f"{found['high']:.3f}) of {found['n']} images with people that they were not chosen on: "
        "networks of different folds score differently, so trust this figure and not the one to "
        "expect, or hold one part out (`folds: 0`)."
    )


def recall_by_group(rows: pd.DataFrame, is_kept: Decisions) -> dict[str, dict[str, Any]]:
    """Return the recall by number and by size of people, where `rows` say them.

    Args:
        rows: ``is_person``, and where known ``people`` and ``largest_person_share``.
        is_kept: Which images were said to show people.

    Returns:
        ``recall_by_people`` and ``recall_by_largest_person_share``: from the name of a group to
        its recall with Wilson's interval; groups without images are left out. These many intervals
        are each 95 %, so a few miss by chance.
    """
    labels = rows["is_person"].to_numpy(bool)
    found = {}
    for column, groups, ends in (
        ("people", _PEOPLE, np.less_equal),
        ("largest_person_share", _SIZES, np.less),
    ):
        if column in rows.columns:
            values = rows[column].to_numpy(np.float64, na_value=np.nan)
            inside = {
                name: labels & (values >= low) & ends(values, high)
                for name, (low, high) in groups.items()
            }
            found[f"recall_by_{column}"] = {
                name: wilson(int(is_kept[mask].sum()), int(mask.sum()))
                for name, mask in inside.items()
                if mask.any()
            }
    return found


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
