"""All judges in one table with a verdict in words, and what the study's own figures meant."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup

from cosmop.metrics.intervals import wilson
from cosmop.reports import original_study as original
from cosmop.reports.estimates import (
    MISSING,
    as_estimate,
    format_interval,
    format_number,
    format_value,
)
from cosmop.reports.facts import Metrics, StudyFacts
from cosmop.reports.figures import Row, confusion_table, forest_plot
from cosmop.reports.names import judge_name
from cosmop.reports.page_tables import Table, metrics_table
from cosmop.reports.remarks import Remark, listed

_FIGURES = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "precision": "precision",
    "recall": "recall",
    "accuracy": "accuracy",
}
_BASELINES = {"always_negative": "Always saying no", "always_positive": "Always saying yes"}


@dataclass(frozen=True)
class Counts:
    """The cells of a confusion matrix."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def n(self) -> int:
        """All images judged."""
        return self.tp + self.fp + self.fn + self.tn


def counts_of(metrics: Metrics) -> Counts | None:
    """Read the confusion matrix of one judge; None when it is not whole or empty."""
    confusion = metrics.get("confusion") or {}
    estimates = [as_estimate(confusion.get(key)) for key in ("tp", "fp", "fn", "tn")]
    cells = [round(estimate.value) for estimate in estimates if estimate is not None]
    counts = Counts(*cells) if len(cells) == 4 else None
    return counts if counts is not None and counts.n else None


def judge_table(facts: StudyFacts) -> Table | None:
    """Lay out all judges: baselines first, then as given, each with its verdict."""
    if not facts.classifiers:
        return None
    rows: list[list[str]] = [
        [
            _BASELINES[key],
            *_figure_cells(facts.baselines[key]),
            verdict_pill(Remark("note", "baseline")),
        ]
        for key in _BASELINES
        if facts.baselines.get(key)
    ]
    rows += [
        [judge_name(key), *_figure_cells(metrics), verdict_pill(verdict(metrics))]
        for key, metrics in facts.classifiers.items()
    ]
    return Table(["judge", *_FIGURES.values(), "verdict"], rows)


def _figure_cells(metrics: Metrics) -> list[str]:
    return [_figure_cell(metrics.get(name)) for name in _FIGURES]


def _figure_cell(raw: object) -> str:
    estimate = as_estimate(raw)
    if estimate is None:
        return MISSING
    return Markup("{}<small>{}</small>").format(format_value(estimate), format_interval(estimate))


def verdict_pill(remark: Remark) -> Markup:
    """Draw a verdict as coloured words."""
    return Markup('<span class="verdict {}">{}</span>').format(remark.kind, remark.text)


def verdict(metrics: Metrics) -> Remark:
    """Say in words whether a judge ranks better than chance and beats the better constant answer.

    Ranking is judged by the AUROC interval. A judge and the answer “always no” differ only on the
    images the judge says yes to, so it beats that answer exactly when more than half of these are
    right; the 95 % Wilson interval of that share decides. “Always yes” likewise.
    """
    ranking, deciding = _ranking(metrics), _deciding(metrics)
    words = [part.text for part in (ranking, deciding) if part is not None]
    kinds = {part.kind for part in (ranking, deciding) if part is not None}
    if not words:
        return Remark("note", "not judged")
    if kinds == {"good"}:
        return Remark("good", " and ".join(words))
    joint = ", but " if len(kinds) == 2 and ranking and ranking.kind == "good" else "; "
    return Remark("warn", joint.join(words))


def _ranking(metrics: Metrics) -> Remark | None:
    auroc = as_estimate(metrics.get("auroc"))
    if auroc is None or auroc.low is None or auroc.high is None:
        return None
    if auroc.high < 0.5:
        return Remark("warn", "ranks the wrong way round")
    if auroc.low <= 0.5:
        return Remark("warn", "no better than chance")
    return Remark("good", "ranks better than chance")


def _deciding(metrics: Metrics) -> Remark | None:
    counts = counts_of(metrics)
    if counts is None:
        return None
    answer, right, differing = _against_constant(counts)
    if differing == 0:
        return Remark("warn", f"the same as always saying {answer}")
    share = wilson(right, differing)
    if share["high"] < 0.5:
        return Remark("warn", f"worse than always saying {answer}")
    if share["low"] <= 0.5:
        return Remark("warn", f"not shown to beat always saying {answer}")
    return Remark("good", f"beats always saying {answer}")


def _against_constant(counts: Counts) -> tuple[str, int, int]:
    """Return the better constant answer; and, where the judge differs, its right ones and all."""
    if counts.fp + counts.tn >= counts.tp + counts.fn:
        return "no", counts.tp, counts.tp + counts.fp
    return "yes", counts.tn, counts.tn + counts.fn


def judge_remarks(facts: StudyFacts) -> list[Remark]:
    """Name the judges that cannot be trusted, verdict by verdict."""
    by_verdict: dict[str, list[str]] = {}
    for key, metrics in facts.classifiers.items():
        said = verdict(metrics)
        if said.kind == "warn":
            by_verdict.setdefault(said.text, []).append(judge_name(key))
    baseline = _constant_words(facts)
    return [
        Remark("warn", f"{listed(names)}: {text}{baseline}.") for text, names in by_verdict.items()
    ]


def _constant_words(facts: StudyFacts) -> str:
    shares = {
        f"{max(counts.tp + counts.fn, counts.fp + counts.tn) / counts.n:.3f}"
        for metrics in facts.classifiers.values()
        if (counts := counts_of(metrics)) is not None
    }
    return f", which is right for {shares.pop()}" if len(shares) == 1 else ""


def confusion_tables(facts: StudyFacts) -> tuple[list[Markup], list[Markup]]:
    """Draw the confusion matrices: of the study's two judges beside its own, and of the others."""
    studied, others = [], []
    for key, metrics in facts.classifiers.items():
        published = original.CLASSIFIERS.get(key)
        known = (
            [confusion_table(metrics["confusion"], judge_name(key))] if counts_of(metrics) else []
        )
        if published is None:
            others += known
        else:
            caption = f"{judge_name(key).split(' (')[0]}, original study"
            studied += [*known, confusion_table(published["confusion"], caption)]
    return studied, others


@cache
def published_remarks() -> tuple[Remark, ...]:
    """Say in words what the published figures of the study's one-class SVM meant."""
    counts = counts_of(original.CLASSIFIERS["one_class_svm"])
    remarks = [Remark("warn", original.one_class_verdict())]
    if counts is not None:
        refused = counts.fn / (counts.tp + counts.fn), counts.tn / (counts.fp + counts.tn)
        remarks.append(
            Remark(
                "note",
                f"Of the matrices that fit, this page shows the one with {counts.tp} hits, "
                f"{counts.fn} misses, {counts.fp} false alarms and {counts.tn} correct refusals: "
                f"it refuses {refused[0]:.1%} of the positive and only {refused[1]:.1%} of the "
                "negative images, the wrong way round.",
            )
        )
    return tuple(remarks)


def variance_plot(facts: StudyFacts) -> Markup:
    """Draw the variance kept by the one-class model: on its training images, and on new ones."""
    names = {
        "variance_share_training": ("training images", "n_training", "b"),
        "variance_share_held_out": ("held-out positives", "n_held_out", "a"),
    }
    rows = []
    for key, (label, n, colour) in names.items():
        share = as_estimate(facts.one_class.get(key))
        if share is not None:
            count = as_estimate(facts.one_class.get(n))
            note = "" if count is None else f"n={format_number(count.value)}"
            rows.append(Row(label, share, note, colour))
    return forest_plot(rows, limits=(0, 1))


def one_class_remarks(facts: StudyFacts) -> list[Remark]:
    """Repeat the model's own warning, if it has one."""
    warning = facts.one_class.get("warning")
    return [Remark("warn", str(warning))] if warning else []


def detector_table(facts: StudyFacts) -> Table | None:
    """Lay out how each detector's threshold was set."""
    detectors = facts.one_class.get("detectors") or {}
    names = list(dict.fromkeys(name for figures in detectors.values() for name in figures))
    columns = [name for name in names if _is_shown(detectors, name)]
    rows = [
        [judge_name(key), *(_plain(figures.get(name)) for name in columns)]
        for key, figures in detectors.items()
    ]
    titles = [name.replace("_", " ") for name in columns]
    return (
        Table(["detector", *titles], rows, frozenset(range(1, len(columns) + 1))) if rows else None
    )


def _is_shown(detectors: Mapping[str, Metrics], name: str) -> bool:
    """Tell plain figures and words from lists and nested settings."""
    return any(
        isinstance(figures.get(name), str | bool) or as_estimate(figures.get(name)) is not None
        for figures in detectors.values()
    )


def _plain(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool):
        return "yes" if raw else "no"
    estimate = as_estimate(raw)
    return MISSING if estimate is None else format_number(estimate.value)


def one_class_table(facts: StudyFacts) -> Table | None:
    """Lay out the other figures of the one-class model."""
    hidden = {"variance_share_training", "variance_share_held_out", "warning", "detectors"}
    return metrics_table({key: raw for key, raw in facts.one_class.items() if key not in hidden})
