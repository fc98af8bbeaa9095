"""Do the synthetic images help? The arms of the augmentation study, and what may be concluded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cosmop.reports.curves import LineLook, Series, line_chart
from cosmop.reports.estimates import MISSING, Estimate, as_estimate, format_estimate, format_number
from cosmop.reports.facts import Metrics, StudyFacts
from cosmop.reports.figures import Row, forest_plot
from cosmop.reports.page_tables import Table
from cosmop.reports.remarks import Remark

_BASE = "real"
_AUGMENTED = re.compile(r"synthetic_\d+(\.\d+)?")  # real and synthetic, by their ratio


@dataclass(frozen=True)
class Answer:
    """Whether augmentation helped: a few words, a figure, and the remark's kind."""

    words: str
    detail: str
    kind: str


@dataclass(frozen=True)
class FractionView:
    """The gains of all arms at one share of the real data."""

    title: str
    forest: Markup


def answer(study: Metrics) -> Answer | None:
    """Answer the question from the comparisons with all the real data; None when it was not asked.

    Only a difference that is significant after the correction for the number of arms counts.
    """
    compared = [one for one in _at_full(study, _BASE) if _is_augmented(one)]
    if not compared:
        return None
    significant = [one for one in compared if one.get("is_significant")]
    gains = [one for one in significant if one["gain"]["value"] > 0]
    losses = [one for one in significant if one["gain"]["value"] < 0]
    if gains and losses:
        return Answer("it depends on how many", _gain_words(study, gains), "note")
    if gains:
        return Answer(*_helped(study, gains))
    if losses:
        return Answer("no, they hurt", _gain_words(study, losses), "warn")
    smallest = smallest_gain(study)
    detail = "" if smallest is None else f"gains below {smallest:.3f} cannot be seen here"
    return Answer("not shown", detail, "note")


def _helped(study: Metrics, gains: Sequence[Metrics]) -> tuple[str, str, str]:
    """Put a gain down to the images only if it is also shown against the placebo."""
    arms = {str(one["arm"]) for one in gains}
    against_placebo = [
        one for one in _at_full(study) if one.get("against") != _BASE and str(one["arm"]) in arms
    ]
    if any(one.get("is_significant") and one["gain"]["value"] > 0 for one in against_placebo):
        return "yes", _gain_words(study, gains), "good"
    return "a gain, not shown to beat repetition", _gain_words(study, gains), "note"


def _gain_words(study: Metrics, comparisons: Sequence[Metrics]) -> str:
    largest = max(comparisons, key=lambda one: abs(float(one["gain"]["value"])))
    return f"{_labels(study)[str(largest['arm'])]}: accuracy {_signed(largest['gain'])}"


def _signed(raw: object) -> str:
    estimate = as_estimate(raw)
    if estimate is None:
        return MISSING
    text = format_estimate(Estimate(estimate.value, estimate.low, estimate.high))
    return f"+{text}" if estimate.value > 0 else text


def _is_augmented(comparison: Metrics) -> bool:
    kind = comparison.get("kind")
    return kind == "synthetic" if kind else bool(_AUGMENTED.fullmatch(str(comparison["arm"])))


def _at_full(study: Metrics, against: str | None = None) -> list[Metrics]:
    """Return the comparisons at the largest share of the real data."""
    compared = _compared(study)
    full = max((float(one["fraction"]) for one in compared), default=1.0)
    here = [one for one in compared if float(one["fraction"]) == full]
    return [one for one in here if against is None or one.get("against") == against]


def _compared(study: Metrics) -> list[Metrics]:
    comparisons = study.get("comparisons") or ()
    return [one for one in comparisons if as_estimate(one.get("gain")) is not None]


def _against_real(study: Metrics) -> list[Metrics]:
    return [one for one in _compared(study) if one.get("against") == _BASE]


def _labels(study: Metrics) -> dict[str, str]:
    named = {str(one["name"]): str(one.get("label") or one["name"]) for one in _arms(study)}
    compared = [str(one["arm"]) for one in (study.get("comparisons") or ())]
    return {key: key.replace("_", " ") for key in compared} | named


def _arms(study: Metrics) -> Sequence[Metrics]:
    return study.get("arms") or ()


def smallest_gain(study: Metrics) -> float | None:
    """Return the smallest gain that this test set could have shown, None when unknown."""
    raw = study.get("smallest_detectable_gain")
    estimate = as_estimate(raw)
    return None if estimate is None else abs(estimate.value)


def study_remarks(study: Metrics) -> list[Remark]:
    """Repeat the study's own conclusion, and say what its test set could not have shown."""
    said, sentence = answer(study), str(study.get("conclusion") or "")
    remarks = [Remark(said.kind if said else "note", sentence)] if sentence else []
    smallest = smallest_gain(study)
    if smallest is not None:
        remarks.append(Remark("note", _power_words(study, smallest)))
    return remarks


def _power_words(study: Metrics, smallest: float) -> str:
    detectable = study["smallest_detectable_gain"]
    power = as_estimate(detectable.get("power")) if isinstance(detectable, dict) else None
    n = f" of {study['n_test']:,} images" if study.get("n_test") else ""
    missed = "too often" if power is None else f"in {1 - power.value:.0%} of all cases or more"
    return (
        f"The shaded band: a true gain in accuracy below {smallest:.3f} would be missed by this "
        f"test set{n} {missed}. Not shown is therefore not the same as not there."
    )


def gain_plots(study: Metrics) -> list[FractionView]:
    """Draw each arm's gain over the real images alone, around zero, on one axis for all shares."""
    compared, labels = _against_real(study), _labels(study)
    if not compared:
        return []
    limits, smallest = _limits(study, compared), smallest_gain(study)
    band = None if smallest is None else (-smallest, smallest)
    views = []
    for fraction in sorted({float(one["fraction"]) for one in compared}, reverse=True):
        rows = [_gain_row(one, labels) for one in compared if float(one["fraction"]) == fraction]
        plot = forest_plot(rows, limits=limits, mark=0.0, band=band)
        views.append(FractionView(f"With {fraction:.0%} of the real training images", plot))
    return views


def _limits(study: Metrics, compared: Sequence[Metrics]) -> tuple[float, float]:
    estimates = [as_estimate(one["gain"]) for one in compared]
    ends = [
        abs(end)
        for one in estimates
        if one is not None
        for end in (one.value, one.low, one.high)
        if end is not None
    ]
    reach = 1.08 * max([*ends, smallest_gain(study) or 0.0]) or 0.01
    return -reach, reach


def _gain_row(comparison: Metrics, labels: dict[str, str]) -> Row:
    estimate = as_estimate(comparison["gain"]) or Estimate(0.0)
    is_significant = bool(comparison.get("is_significant"))
    colour = ("a" if estimate.value > 0 else "b") if is_significant else "c"
    shown = Estimate(estimate.value, estimate.low, estimate.high)
    return Row(labels[str(comparison["arm"])], shown, _p_words(comparison), colour)


def _p_words(comparison: Metrics) -> str:
    p = as_estimate(comparison.get("p_adjusted"))
    if p is None:
        return ""
    return "p < 0.001" if p.value < 0.001 else f"p = {p.value:.3f}"


def arms_table(study: Metrics) -> Table | None:
    """Lay out each arm: what it was trained on, and how well it did on the real test set."""
    rows = [
        [
            str(arm.get("label") or arm["name"]),
            _percent(arm.get("fraction")),
            format_number(arm.get("n_real")),
            format_number(arm.get("n_synthetic")),
            *(format_estimate(arm.get(key)) for key in ("accuracy", "balanced_accuracy", "auroc")),
        ]
        for arm in _arms(study)
    ]
    columns = ["arm", "real data", "real", "synthetic", "accuracy", "balanced accuracy", "AUROC"]
    return Table(columns, rows, frozenset({1, 2, 3})) if rows else None


def comparisons_table(study: Metrics) -> Table | None:
    """Lay out each comparison: the gain, both p values, and the answers that changed."""
    labels = _labels(study)
    rows = [
        [
            labels[str(one["arm"])],
            labels.get(str(one.get("against")), str(one.get("against"))),
            _percent(one.get("fraction")),
            _signed(one.get("gain")),
            *(format_number(one.get(key)) for key in ("p_value", "p_adjusted", "fixed", "broken")),
            "yes" if one.get("is_significant") else "no",
        ]
        for one in (study.get("comparisons") or ())
    ]
    columns = ["arm", "against", "real data", "gain in accuracy", "p", "p, adjusted"]
    return Table([*columns, "fixed", "broken", "significant"], rows) if rows else None


def _percent(raw: object) -> str:
    share = as_estimate(raw)
    return MISSING if share is None else f"{share.value:.0%}"


def learning_curves(study: Metrics) -> list[Markup]:
    """Draw accuracy over the share of real data: each arm beside the real images alone."""
    by_name: dict[str, list[Metrics]] = {}
    for arm in _arms(study):
        if as_estimate(arm.get("accuracy")) is not None:
            by_name.setdefault(str(arm["name"]), []).append(arm)
    base = by_name.pop(_BASE, [])
    if len(base) < 2:
        return []
    ends = [_points(arms) for arms in (base, *by_name.values())]
    low = min(value for _, _, lows, _ in ends for value in lows)
    high = max(value for _, _, _, highs in ends for value in highs)
    air = 0.05 * (high - low) or 0.01
    look = LineLook("real images, %", "accuracy", limits=(low - air, high + air), height=150)
    return [
        _learning_curve(base, arms, str(arms[0].get("label") or name), look)
        for name, arms in by_name.items()
    ]


def _learning_curve(
    base: Sequence[Metrics], arms: Sequence[Metrics], label: str, look: LineLook
) -> Markup:
    lines = [
        Series("real alone", *_points(base), colour="c"),
        Series("this arm", *_points(arms), colour="a"),
    ]
    return line_chart(lines, label[:1].upper() + label[1:], look)


def _points(
    arms: Sequence[Metrics],
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return the share of real data in per cent, the accuracy, and the ends of its interval."""
    ordered = sorted(arms, key=lambda one: float(one.get("fraction", 1.0)))
    known = [
        (100 * float(arm.get("fraction", 1.0)), accuracy)
        for arm in ordered
        if (accuracy := as_estimate(arm["accuracy"])) is not None
    ]
    return (
        [share for share, _ in known],
        [one.value for _, one in known],
        [one.value if one.low is None else one.low for _, one in known],
        [one.value if one.high is None else one.high for _, one in known],
    )


def headline_answer(facts: StudyFacts) -> Answer | None:
    """Return the answer for the top of the page."""
    return answer(facts.augmentation_study)
