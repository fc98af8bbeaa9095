"""A threshold that keeps a stated share of the images with people, and how sure that is.

The k-th smallest score of n images with people that the network has not seen accepts a share of
further such images that is distributed as Beta(n + 1 − k, k), whatever the scores look like (Vovk
2012, 1209.2673, proposition 2a). With k = ⌊(n + 1)(1 − recall)⌋ its mean is at least the recall
asked for. That holds for one network; scores of several networks (folds) are only roughly alike.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from cosmop.metrics.intervals import Interval

_ROUNDING = 1e-9


@dataclass(frozen=True)
class RecallThreshold:
    """From which score on an image is kept.

    Attributes:
        score: The threshold, on the scale of the scores given; minus infinity keeps everything.
        wanted: The recall asked for.
        expected: Mean of the recall on further images like those given, its 95 % range, and n.
        reason: Why everything is kept, in one sentence; None if a threshold was found.
    """

    score: float
    wanted: float
    expected: Interval
    reason: str | None = None


def recall_threshold(scores_N: NDArray[np.floating], recall: float) -> RecallThreshold:
    """Choose the highest threshold whose expected recall is at least `recall`.

    Args:
        scores_N: Scores of images with people that the network was not fitted on.
        recall: Share of such images to keep, 0..1, both excluded.
    """
    n = len(scores_N)
    k = math.floor((n + 1) * (1 - recall) + _ROUNDING)
    if k == 0:
        everything: Interval = {"value": 1.0, "low": 1.0, "high": 1.0, "n": n}
        needed = math.ceil(recall / (1 - recall) - _ROUNDING)
        reason = (
            f"A threshold for a recall of {recall:g} needs {needed} held-out images with people, "
            f"got {n}; it keeps every image."
        )
        return RecallThreshold(-math.inf, recall, everything, reason)
    score = float(np.partition(np.asarray(scores_N, dtype=np.float64), k - 1)[k - 1])
    low, high = (float(beta.ppf(quantile, n + 1 - k, k)) for quantile in (0.025, 0.975))
    expected: Interval = {"value": 1 - k / (n + 1), "low": low, "high": high, "n": n}
    return RecallThreshold(score, recall, expected)
