"""Calibration: one temperature that makes a network's probabilities mean what they say.

Guo, Pleiss, Sun, Weinberger 2017, "On Calibration of Modern Neural Networks" (1706.04599).
Shape suffix: N images.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from cosmop.errors import InputError
from cosmop.metrics.calibration import expected_calibration_error

__all__ = ["Calibration", "calibrate", "fit_temperature"]

_COLDEST, _HOTTEST = 0.01, 100.0
_LEAST_OF_A_CLASS = 5


@dataclass(frozen=True)
class Calibration:
    """What dividing the logits by a temperature changed, on the images that it was fitted on.

    Attributes:
        temperature: 1 leaves the logits as they are; above 1 the network was too sure of itself.
        n: Number of images.
        error_before, error_after: `expected_calibration_error`, 0..1; one parameter fitted on n
            images makes the second slightly too good.
        loss_before, loss_after: Mean cross-entropy in nats.
        reason: Why nothing was fitted, in one sentence; None if it was.
    """

    temperature: float
    n: int
    error_before: float | None = None
    error_after: float | None = None
    loss_before: float | None = None
    loss_after: float | None = None
    reason: str | None = None


def calibrate(logits_N: NDArray[np.floating], labels_N: NDArray[np.bool_]) -> Calibration:
    """Fit a temperature and say what it changed; too few images of a class leave it at 1.

    Args:
        logits_N: One logit per image, as the network gives it.
        labels_N: bool [N], the truth.

    Raises:
        InputError: Lengths that differ, or logits that are not finite.
    """
    logits, labels = _checked(logits_N, labels_N)
    positive = int(labels.sum())
    negative = len(labels) - positive
    if min(positive, negative) < _LEAST_OF_A_CLASS:
        return Calibration(
            1.0,
            len(labels),
            reason=f"Calibration needs {_LEAST_OF_A_CLASS} validation images of each class, got "
            f"{positive} positive and {negative} negative; the probabilities are as the network "
            "gave them.",
        )
    temperature = fit_temperature(logits, labels)
    return Calibration(
        temperature,
        len(labels),
        expected_calibration_error(labels, expit(logits)),
        expected_calibration_error(labels, expit(logits / temperature)),
        _cross_entropy(logits, labels.astype(float)),
        _cross_entropy(logits / temperature, labels.astype(float)),
    )


def fit_temperature(logits_N: NDArray[np.floating], labels_N: NDArray[np.bool_]) -> float:
    """Return the temperature T of the lowest cross-entropy of sigmoid(logit / T), 0.01..100.

    Guo et al. 2017, section 4.2; convex in 1 / T. The targets are Platt's (1999, equation 11), not
    0 and 1, so that a part told apart without an error does not ask for certainty (T = 0).

    Raises:
        InputError: Lengths that differ, none at all, or logits that are not finite.
    """
    logits, labels = _checked(logits_N, labels_N)
    positive = int(labels.sum())
    negative = len(labels) - positive
    targets = np.where(labels, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(log_temperature: float) -> float:
        return _cross_entropy(logits / math.exp(log_temperature), targets)

    bounds = math.log(_COLDEST), math.log(_HOTTEST)
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-7})
    return float(math.exp(found.x))


def _cross_entropy(logits_N: NDArray[np.float64], targets_N: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0, logits_N) - targets_N * logits_N).mean())


def _checked(
    values_N: NDArray[np.floating], labels_N: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, labels = np.asarray(values_N, dtype=np.float64), np.asarray(labels_N, dtype=bool)
    if values.ndim != 1 or values.shape != labels.shape or len(values) == 0:
        raise InputError(
            "Calibration needs one value and one label per image of at least one image, got "
            f"{list(values.shape)} values and {list(labels.shape)} labels; pass those of the "
            "validation part."
        )
    if not np.isfinite(values).all():
        raise InputError(
            f"Calibration needs finite values, got {int((~np.isfinite(values)).sum())} that are "
            f"not of {len(values)}; lower `learning_rate` and train again."
        )
    return values, labels
