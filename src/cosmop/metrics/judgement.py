"""Everything the judges' scores say, in one document: figures, acceptance, curves, groups."""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.metrics.calibration import calibration
from cosmop.metrics.classification import classification_metrics, rogan_gladen
from cosmop.metrics.curves import precision_recall_curve, roc_curve
from cosmop.metrics.intervals import Interval, wilson

_WHO = "Judging the classifiers"
_NOT_CRITERIA = frozenset({"image_id", "set", "is_positive", "people"})
_MANY_PEOPLE = 3

Mask = NDArray[np.bool_]


def judge_scores(scores: pd.DataFrame, *, seed: int = 0, resamples: int = 1000) -> dict[str, Any]:
    """Return what each judge is worth on the test images, and what it says of synthetic ones.

    Args:
        scores: One row per image. Columns ``image_id``, ``set`` (test, synthetic, others are left
            out), ``is_positive``; per judge ``<judge>_score`` (higher is more positive) and
            ``<judge>_accepts``; and where known criteria (yes, no, missing) and ``people``, how
            many are in the image.
        seed: Of all draws; every judge is measured on the same resamples.
        resamples: Behind each bootstrap.

    Returns:
        ``judges``: `classification_metrics` of each. ``baselines``: what saying always no and
        always yes would reach. ``acceptance``: share of synthetic images, real positives and real
        negatives accepted, and the synthetic share ``corrected`` for the judge's errors, or the
        ``reason`` why not. ``curves``: precision-recall and ROC. ``calibration``: of judges whose
        scores all lie in 0..1. ``by_group``: recall and accuracy by criterion and number of people;
        these many intervals are each 95 %, so a few miss by chance. No number is NaN: a share of no
        images has the value None.

    Raises:
        InputError: A column is missing, no judge, no test images of both classes, or scores that
            are not finite.
    """
    judges = _judges(scores)
    test, synthetic = (_rows(scores, name) for name in ("test", "synthetic"))
    labels = _labels(test)
    _check_scores(test, judges)
    _check_scores(synthetic, judges)
    metrics = {judge: _metrics(labels, test, judge, seed, resamples) for judge in judges}
    document = {
        "judges": metrics,
        "baselines": _baselines(labels),
        "acceptance": {
            judge: _acceptance(judge, metrics[judge], _accepted(synthetic, judge), seed)
            for judge in judges
        },
        "curves": {judge: _curves(labels, test, judge, seed, resamples) for judge in judges},
        "calibration": {
            judge: calibration(labels, test[f"{judge}_score"], seed=seed, resamples=resamples)
            for judge in judges
            if test[f"{judge}_score"].between(0, 1).all()
        },
        "by_group": {judge: _by_group(labels, test, judge) for judge in judges},
    }
    return dict(_without_nan(document))


def _judges(scores: pd.DataFrame) -> list[str]:
    missing = {"set", "is_positive"} - set(scores.columns)
    judges = [
        str(name).removesuffix("_accepts")
        for name in scores.columns
        if str(name).endswith("_accepts")
    ]
    missing |= {f"{judge}_score" for judge in judges} - set(scores.columns)
    if missing or not judges:
        raise InputError(
            f"{_WHO} needs the columns set, is_positive, and <judge>_score with <judge>_accepts of "
            f"at least one judge, got {list(scores.columns)}; score the images again."
        )
    return judges


def _rows(scores: pd.DataFrame, name: str) -> pd.DataFrame:
    return scores[scores["set"] == name].reset_index(drop=True)


def _labels(test: pd.DataFrame) -> Mask:
    unknown = int(test["is_positive"].isna().sum())
    if len(test) == 0 or unknown:
        raise InputError(
            f"{_WHO} needs test images that are all labelled, got {len(test)}, {unknown} of them "
            "without a label; label them or leave them out."
        )
    return test["is_positive"].to_numpy(dtype=bool)


def _check_scores(test: pd.DataFrame, judges: list[str]) -> None:
    for judge in judges:
        values = test[f"{judge}_score"].to_numpy(dtype=np.float64, na_value=math.nan)
        unknown = int((~np.isfinite(values)).sum() + test[f"{judge}_accepts"].isna().sum())
        if unknown:
            raise InputError(
                f"{_WHO} needs a finite score and a verdict for every image, got {unknown} "
                f"missing of {judge!r}; score the images again with that judge."
            )


def _accepted(rows: pd.DataFrame, judge: str) -> Mask:
    return rows[f"{judge}_accepts"].fillna(value=False).to_numpy(dtype=bool)


def _baselines(labels: Mask) -> dict[str, dict[str, Interval]]:
    positive, n = int(labels.sum()), len(labels)
    return {
        "always_negative": {"accuracy": wilson(n - positive, n)},
        "always_positive": {"accuracy": wilson(positive, n), "precision": wilson(positive, n)},
    }


def _acceptance(judge: str, metrics: dict[str, Any], synthetic: Mask, seed: int) -> dict[str, Any]:
    counts = metrics["confusion"]
    shares = {
        "synthetic": wilson(int(synthetic.sum()), len(synthetic)),
        "real_positives": wilson(counts["tp"], counts["tp"] + counts["fn"]),
        "real_negatives": wilson(counts["fp"], counts["fp"] + counts["tn"]),
    }
    reason = _why_not_corrected(judge, metrics, shares)
    corrected = {"reason": reason} if reason else rogan_gladen(*shares.values(), seed=seed)
    return {**shares, "corrected": corrected}


def _why_not_corrected(
    judge: str, metrics: dict[str, Any], shares: dict[str, Interval]
) -> str | None:
    """Say why a share cannot be corrected: dividing by a difference that may be 0 says nothing."""
    if shares["synthetic"]["n"] == 0:
        return "There are no synthetic images."
    if metrics["balanced_accuracy"]["low"] > 0.5:
        return None
    positives, negatives = shares["real_positives"], shares["real_negatives"]
    return (
        f"{judge} accepts {positives['value']:.3f} of {positives['n']} real positives and "
        f"{negatives['value']:.3f} of {negatives['n']} real negatives, which is not shown to be "
        "better than chance, so what it accepts cannot be corrected."
    )


def _metrics(
    labels: Mask, test: pd.DataFrame, judge: str, seed: int, resamples: int
) -> dict[str, Any]:
    accepted, values = _accepted(test, judge), test[f"{judge}_score"].to_numpy()
    return classification_metrics(labels, accepted, values, seed=seed, resamples=resamples)


def _curves(
    labels: Mask, test: pd.DataFrame, judge: str, seed: int, resamples: int
) -> dict[str, Any]:
    values = test[f"{judge}_score"].to_numpy()
    return {
        "precision_recall": precision_recall_curve(labels, values, resamples=resamples, seed=seed),
        "roc": roc_curve(labels, values, resamples=resamples, seed=seed),
    }


def _by_group(labels: Mask, test: pd.DataFrame, judge: str) -> dict[str, list[dict[str, Any]]]:
    accepted = _accepted(test, judge)
    return {
        column: [_group(name, labels[mask], accepted[mask]) for name, mask in groups.items()]
        for column, groups in _groupings(test).items()
    }


def _groupings(test: pd.DataFrame) -> dict[str, dict[str, Mask]]:
    """Return who belongs to which group, by column; images of unknown group are in none."""
    columns = [str(name) for name in test.columns if _is_criterion(test, str(name))]
    found = {name: _yes_and_no(test[name]) for name in columns}
    if "people" in test.columns:
        found["people"] = _by_people(test["people"])
    return {
        column: {name: mask for name, mask in groups.items() if mask.any()}
        for column, groups in found.items()
    }


def _is_criterion(test: pd.DataFrame, name: str) -> bool:
    if name in _NOT_CRITERIA or name.endswith("_accepts"):
        return False
    known = test[name].dropna()
    return len(known) > 0 and all(isinstance(value, bool | np.bool_) for value in known)


def _yes_and_no(column: "pd.Series[Any]") -> dict[str, Mask]:
    is_known = column.notna().to_numpy(dtype=bool)
    is_yes = column.fillna(value=False).to_numpy(dtype=bool)
    return {"yes": is_known & is_yes, "no": is_known & ~is_yes}


def _by_people(column: "pd.Series[Any]") -> dict[str, Mask]:
    people = column.to_numpy(dtype=np.float64, na_value=math.nan)
    few = {str(count): people == count for count in range(_MANY_PEOPLE)}
    return {**few, f"{_MANY_PEOPLE} and more": people >= _MANY_PEOPLE}


def _group(name: str, labels: Mask, accepted: Mask) -> dict[str, Any]:
    positive, n = int(labels.sum()), len(labels)
    recall = wilson(int((labels & accepted).sum()), positive) if positive else None
    accuracy = wilson(int((labels == accepted).sum()), n)
    return {"group": name, "recall": recall, "accuracy": accuracy, "n": n}


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
