"""Judging yes/no predictions: counts, shares with intervals, corrected shares, McNemar's test."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from cosmop.errors import InputError
from cosmop.metrics.checks import checked_labels, require_same_length
from cosmop.metrics.curves import average_precisions, rank, ranking_interval, roc_areas
from cosmop.metrics.intervals import Interval, wilson

_WHO = "Judging a classifier"
_DRAWS = 20_000


def confusion_counts(labels: ArrayLike, predictions: ArrayLike) -> dict[str, int]:
    """Return the counts tp, fp, fn and tn: true and false, positives and negatives.

    Args:
        labels: What is true, bool [N].
        predictions: What was said, bool [N].

    Raises:
        InputError: Empty lists, different lengths, or values other than true and false.
    """
    truth, said = checked_labels(labels, _WHO), checked_labels(predictions, _WHO)
    require_same_length(_WHO, labels=len(truth), predictions=len(said))
    return {
        "tp": int((truth & said).sum()),
        "fp": int((~truth & said).sum()),
        "fn": int((truth & ~said).sum()),
        "tn": int((~truth & ~said).sum()),
    }


def classification_metrics(
    labels: ArrayLike,
    predictions: ArrayLike,
    scores: ArrayLike | None = None,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """Return precision, recall, specificity, accuracy, balanced accuracy; AUROC and AP if scored.

    Each is value, low, high, n: Wilson's interval for shares, the square-and-add interval of two
    Wilson intervals for balanced accuracy (Newcombe 1998), a bootstrap within classes for AUROC and
    average precision. ``confusion`` holds the counts, ``prevalence`` the share of positives.

    Raises:
        InputError: As `confusion_counts`; labels of one class only; scores that are not finite.
    """
    counts = confusion_counts(labels, predictions)
    tp, fp = counts["tp"], counts["fp"]
    fn, tn = counts["fn"], counts["tn"]
    if tp + fn == 0 or fp + tn == 0:
        raise InputError(
            f"{_WHO} needs images of both classes, got {tp + fn} positive and {fp + tn} negative; "
            "add labelled images of the other class."
        )
    recall, specificity = wilson(tp, tp + fn), wilson(tn, tn + fp)
    metrics: dict[str, Any] = {
        "precision": wilson(tp, tp + fp),
        "recall": recall,
        "specificity": specificity,
        "accuracy": wilson(tp + tn, tp + fp + fn + tn),
        "balanced_accuracy": _mean_of(recall, specificity),
        "prevalence": wilson(tp + fn, tp + fp + fn + tn),
        "confusion": counts,
    }
    if scores is not None:
        metrics["auroc"] = auroc(labels, scores, resamples=resamples, seed=seed)
        metrics["average_precision"] = average_precision(
            labels, scores, resamples=resamples, seed=seed
        )
    return metrics


def _mean_of(first: Interval, second: Interval) -> Interval:
    """Return the mean of two independent shares; the halves of their intervals add in square."""
    mean = (first["value"] + second["value"]) / 2
    down = math.hypot(first["value"] - first["low"], second["value"] - second["low"]) / 2
    up = math.hypot(first["high"] - first["value"], second["high"] - second["value"]) / 2
    low, high = max(0.0, mean - down), min(1.0, mean + up)
    return {"value": mean, "low": low, "high": high, "n": first["n"] + second["n"]}


def auroc(
    labels: ArrayLike, scores: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> Interval:
    """Return the chance that a positive scores above a negative (ties count half), with interval.

    Raises:
        InputError: One class only, different lengths, or scores that are not finite.
    """
    return ranking_interval(roc_areas, rank(labels, scores, "AUROC"), resamples, seed)


def average_precision(
    labels: ArrayLike, scores: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> Interval:
    """Return the average precision, see `cosmop.metrics.curves.average_precisions`, with interval.

    A judge that guesses reaches the prevalence, so compare with that and not with 0.5.

    Raises:
        InputError: One class only, different lengths, or scores that are not finite.
    """
    ranking = rank(labels, scores, "Average precision")
    return ranking_interval(average_precisions, ranking, resamples, seed)


def rogan_gladen(share: Interval, tpr: Interval, fpr: Interval, *, seed: int = 0) -> Interval:
    """Return the share that is truly positive, from the share a fallible judge accepts.

    (share − fpr) / (tpr − fpr) (Rogan & Gladen 1978). The interval comes from drawing all three
    shares from their Jeffreys posteriors (Brown, Cai & DasGupta 2001), so that a judge without an
    error on few images is not taken for perfect; neither value nor interval is clipped to 0..1, so
    that chance stays visible.

    Args:
        share: Accepted share of the images in question, as from `wilson`.
        tpr: Share of real positives the judge accepts.
        fpr: Share of real negatives the judge accepts.
        seed: Of the draws.

    Raises:
        InputError: A share without cases, or a judge no better than chance.
    """
    if min(share["n"], tpr["n"], fpr["n"]) == 0 or tpr["value"] <= fpr["value"]:
        raise InputError(
            "Correcting a share needs a judge that accepts more positives than negatives, got "
            f"{tpr['value']:.3f} of {tpr['n']} and {fpr['value']:.3f} of {fpr['n']}; use another "
            "judge or more test images."
        )
    chance = np.random.default_rng(seed)

    def drawn(given: Interval) -> NDArray[np.float64]:
        successes = round(given["value"] * given["n"])
        return chance.beta(successes + 0.5, given["n"] - successes + 0.5, _DRAWS)

    p, t, f = drawn(share), drawn(tpr), drawn(fpr)
    able = t > f  # a draw in which the judge is useless says nothing
    low, high = np.quantile((p - f)[able] / (t - f)[able], [0.025, 0.975])
    value = (share["value"] - fpr["value"]) / (tpr["value"] - fpr["value"])
    low, high = min(float(low), value), max(float(high), value)
    return {"value": value, "low": low, "high": high, "n": share["n"]}


def mcnemar_exact(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> dict[str, float]:
    """Compare two classifiers on the same images by the exact McNemar test (McNemar 1947).

    Returns:
        only_first_right, only_second_right, n, and p_value: the chance of a split of the
        disagreements at least this uneven if both were equally good (two-sided).

    Raises:
        InputError: Empty lists, different lengths, or values other than true and false.
    """
    who = "The McNemar test"
    truth, one, two = (checked_labels(values, who) for values in (labels, first, second))
    require_same_length(who, labels=len(truth), first=len(one), second=len(two))
    only_first = int(((one == truth) & (two != truth)).sum())
    only_second = int(((one != truth) & (two == truth)).sum())
    disagreements = only_first + only_second
    p_value = float(binomtest(only_first, disagreements).pvalue) if disagreements else 1.0
    return {
        "only_first_right": only_first,
        "only_second_right": only_second,
        "n": len(truth),
        "p_value": p_value,
    }
