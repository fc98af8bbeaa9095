"""Each judge in detail: its curves, its scores, whether its probabilities hold, and by group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from cosmop.reports.curves import LineLook, Series, histogram_overlay, line_chart
from cosmop.reports.estimates import Estimate, as_estimate, format_estimate
from cosmop.reports.facts import Metrics, StudyFacts, main_judge, rows_of, truths
from cosmop.reports.judges import Counts, counts_of
from cosmop.reports.names import judge_name
from cosmop.reports.page_tables import Table

_UNIT = (0.0, 1.0)

SETS = {
    "synthetic": ("synthetic images", "b"),
    "real_positives": ("real positives", "a"),
    "real_negatives": ("real negatives", "c"),
}
"""What a judge is shown: words and colour."""


@dataclass(frozen=True)
class JudgeView:
    """One judge in detail; `is_main` is the one to show first."""

    title: str
    charts: Sequence[Markup]
    calibration: str
    groups: Table | None
    is_main: bool


def judge_views(facts: StudyFacts) -> list[JudgeView]:
    """Show each judge of which there is more to say than its line in the table."""
    known = (facts.classifiers, facts.judge_curves, facts.calibration, facts.by_group)
    keys = list(dict.fromkeys(key for one in known for key in one))
    keys += [key for key in judges_of(facts.scores) if key not in keys]
    first = main_judge(keys)
    views = [_judge_view(facts, key, is_main=key == first) for key in keys]
    shown = [view for view in views if view.charts or view.groups]
    return sorted(shown, key=lambda view: not view.is_main)


def _judge_view(facts: StudyFacts, key: str, *, is_main: bool) -> JudgeView:
    metrics, curves = facts.classifiers.get(key, {}), facts.judge_curves.get(key, {})
    calibration = facts.calibration.get(key, {})
    charts = [
        precision_recall_chart(curves.get("precision_recall", ()), metrics),
        roc_chart(curves.get("roc", ()), metrics),
        score_histogram(facts.scores, key),
        calibration_chart(calibration.get("bins", ())),
    ]
    shown = [chart for chart in charts if chart]
    words = _calibration_words(calibration)
    return JudgeView(
        judge_name(key), shown, words, group_table(facts.by_group.get(key, {})), is_main
    )


def precision_recall_chart(points: Sequence[Metrics], metrics: Metrics) -> Markup:
    """Draw precision over recall with its band, the prevalence, and the judge's own threshold."""
    counts = counts_of(metrics)
    look = LineLook(
        "recall",
        "precision",
        _UNIT,
        limits=_UNIT,
        floor=_prevalence(metrics, counts),
        floor_label="prevalence",
    )
    lines = [_curve(points, "recall", "precision", "judge")]
    if counts is not None and counts.tp + counts.fp and counts.tp + counts.fn:
        recall, precision = counts.tp / (counts.tp + counts.fn), counts.tp / (counts.tp + counts.fp)
        lines.append(Series("its threshold", [recall], [precision], colour="d"))
    return line_chart(lines, "Precision and recall", look) if len(points) else Markup("")


def _prevalence(metrics: Metrics, counts: Counts | None) -> Estimate | None:
    prevalence = as_estimate(metrics.get("prevalence"))
    if prevalence is None and counts is not None:
        return Estimate((counts.tp + counts.fn) / counts.n)
    return prevalence


def roc_chart(points: Sequence[Metrics], metrics: Metrics) -> Markup:
    """Draw recall over the false-positive rate with its band, the diagonal and the threshold."""
    if not len(points):
        return Markup("")
    lines = [
        _curve(points, "false_positive_rate", "recall", "judge"),
        Series("chance", _UNIT, _UNIT, colour="c", has_dots=False),
    ]
    counts = counts_of(metrics)
    if counts is not None and counts.tp + counts.fn and counts.fp + counts.tn:
        wrong, right = counts.fp / (counts.fp + counts.tn), counts.tp / (counts.tp + counts.fn)
        lines.append(Series("its threshold", [wrong], [right], colour="d"))
    look = LineLook("false-positive rate", "recall", _UNIT, limits=_UNIT)
    return line_chart(lines, "ROC", look)


def _curve(points: Sequence[Metrics], across: str, up: str, label: str) -> Series:
    known = [point for point in points if _is_known(point, across, up)]
    bands = [point for point in known if _is_known(point, "low", "high")]
    low, high = [], []
    if len(bands) == len(known):
        low, high = [float(p["low"]) for p in known], [float(p["high"]) for p in known]
    x, y = [float(p[across]) for p in known], [float(p[up]) for p in known]
    return Series(label, x, y, low, high, has_dots=False)


def _is_known(point: Metrics, *names: str) -> bool:
    return all(as_estimate(point.get(name)) is not None for name in names)


def calibration_chart(bins: Sequence[Metrics]) -> Markup:
    """Draw how often the judge was right where it said so, bin by bin, against the diagonal."""
    known = [
        (float(one["mean"]), share)
        for one in bins
        if _is_known(one, "mean") and (share := as_estimate(one.get("share"))) is not None
    ]
    if not known:
        return Markup("")
    known.sort(key=lambda pair: pair[0])
    has_band = all(share.low is not None and share.high is not None for _, share in known)
    line = Series(
        "observed",
        [mean for mean, _ in known],
        [share.value for _, share in known],
        [share.low or 0.0 for _, share in known] if has_band else (),
        [share.high or 0.0 for _, share in known] if has_band else (),
    )
    perfect = Series("perfectly calibrated", _UNIT, _UNIT, colour="c", has_dots=False)
    look = LineLook("stated probability", "share truly positive", _UNIT, limits=_UNIT)
    return line_chart([line, perfect], "Calibration", look)


def _calibration_words(calibration: Metrics) -> str:
    names = {"brier": "Brier score", "expected_error": "expected calibration error"}
    known = [
        f"{words} {format_estimate(calibration[name])}"
        for name, words in names.items()
        if as_estimate(calibration.get(name)) is not None
    ]
    return f"{'; '.join(known)}." if known else ""


def group_table(columns: Mapping[str, Sequence[Metrics]]) -> Table | None:
    """Lay out recall and accuracy by criterion and by number of people."""
    rows = [
        [
            str(column).replace("_", " "),
            str(group.get("group", "")),
            _n(group),
            format_estimate(group.get("recall")),
            format_estimate(group.get("accuracy")),
        ]
        for column, groups in columns.items()
        for group in groups
    ]
    names = ["by", "group", "images", "recall of its positives", "accuracy"]
    return Table(names, rows, frozenset({2})) if rows else None


def _n(group: Mapping[str, Any]) -> str:
    return "–" if group.get("n") is None else f"{int(group['n']):,}"


def judges_of(scores: pd.DataFrame) -> list[str]:
    """Return the judges that a table of scores knows, in its order."""
    if not rows_of(scores, "image_id", "set", "is_positive"):
        return []
    names = [
        str(name).removesuffix("_accepts") for name in scores if str(name).endswith("_accepts")
    ]
    return [name for name in names if f"{name}_score" in scores]


def score_histogram(scores: pd.DataFrame, judge: str) -> Markup:
    """Draw one judge's scores of real positives, real negatives and synthetic images."""
    if judge not in judges_of(scores):
        return Markup("")
    values = scores[f"{judge}_score"].astype(float)
    is_test, is_positive = scores["set"] == "test", truths(scores["is_positive"])
    masks = {
        "real_negatives": is_test & ~is_positive,
        "real_positives": is_test & is_positive,
        "synthetic": scores["set"] == "synthetic",
    }
    groups = [(SETS[name][1], SETS[name][0], values[mask].tolist()) for name, mask in masks.items()]
    return histogram_overlay(groups, "Scores", threshold=_threshold(scores, judge))


def _threshold(scores: pd.DataFrame, judge: str) -> float | None:
    accepts = truths(scores[f"{judge}_accepts"])
    inside, outside = scores[f"{judge}_score"][accepts], scores[f"{judge}_score"][~accepts]
    if inside.empty or outside.empty or outside.max() > inside.min():
        return None
    return float(inside.min() + outside.max()) / 2
