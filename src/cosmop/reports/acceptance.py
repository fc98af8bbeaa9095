"""Which synthetic images the judges accept, beside what they do with real ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from cosmop.metrics.classification import rogan_gladen
from cosmop.metrics.intervals import wilson
from cosmop.reports import original_study as original
from cosmop.reports.estimates import (
    Estimate,
    as_estimate,
    format_estimate,
    format_interval,
    format_value,
)
from cosmop.reports.facts import StudyFacts, main_judge
from cosmop.reports.figures import Row, forest_plot
from cosmop.reports.judge_curves import SETS
from cosmop.reports.names import judge_name
from cosmop.reports.remarks import Remark


def acceptance_of(facts: StudyFacts, judge: str | None) -> Mapping[str, Any]:
    """Return the accepted shares of one judge, by set of images."""
    return {} if judge is None else facts.acceptance.get(judge) or {}


@dataclass(frozen=True)
class AcceptanceView:
    """One judge: its accepted shares on one axis, and what they mean."""

    title: str
    forest: Markup
    remarks: Sequence[Remark]


def acceptance_views(facts: StudyFacts) -> list[AcceptanceView]:
    """Draw for each judge the accepted shares, raw and corrected for the judge's own errors."""
    first = main_judge(facts.acceptance)
    rows = {judge: _rows(facts, judge, is_main=judge == first) for judge in facts.acceptance}
    ends = [
        end
        for judge_rows in rows.values()
        for row in judge_rows
        for end in (row.estimate.value, row.estimate.low, row.estimate.high)
        if end is not None
    ]
    limits = (min([0.0, *ends]), max([1.0, *ends]))
    return [
        AcceptanceView(
            judge_name(judge),
            forest_plot(judge_rows, limits=limits, mark=1.0),
            list(_reading(facts, judge)),
        )
        for judge, judge_rows in rows.items()
    ]


def _rows(facts: StudyFacts, judge: str, *, is_main: bool) -> list[Row]:
    shares = acceptance_of(facts, judge)
    rows = [
        Row(label, estimate, colour=colour)
        for name, (label, colour) in SETS.items()
        if (estimate := as_estimate(shares.get(name))) is not None
    ]
    corrected = as_estimate(shares.get("corrected"))
    if corrected is not None:
        rows.append(Row("synthetic, corrected", corrected, colour="d"))
    theirs = as_estimate(original.ACCEPTED)
    if is_main and theirs is not None:
        rows.append(Row("synthetic, original study", theirs, colour="b"))
    return rows


def acceptance_remarks(facts: StudyFacts) -> list[Remark]:
    """Say what the accepted share means, given what the judge does with real images."""
    return [remark for judge in facts.acceptance for remark in _reading(facts, judge)]


def _reading(facts: StudyFacts, judge: str) -> Iterator[Remark]:
    shares, who = acceptance_of(facts, judge), judge_name(judge)
    positives, negatives = (
        as_estimate(shares.get(name)) for name in ("real_positives", "real_negatives")
    )
    corrected = shares.get("corrected") or {}
    reason = corrected.get("reason") if isinstance(corrected, Mapping) else None
    if reason:
        yield Remark("warn", str(reason).replace(judge, who, 1))
    elif positives and negatives and _is_blind(positives, negatives):
        yield Remark(
            "warn",
            f"{who} does not tell real positives from real negatives, so its acceptance of "
            "synthetic images says nothing.",
        )
    elif (share := as_estimate(corrected)) is not None and positives and negatives:
        yield Remark(
            "note",
            f"{who} accepts {positives.value:.3f} of real positives and {negatives.value:.3f} of "
            f"real negatives; corrected for that, {_with_interval(share)} of the synthetic images "
            "look positive.",
        )


def _is_blind(positives: Estimate, negatives: Estimate) -> bool:
    return positives.overlaps(negatives) or positives.value <= negatives.value


def _with_interval(share: Estimate) -> str:
    return f"{format_value(share)} {format_interval(share)}".strip()


def published_remark() -> Remark:
    """Say what the study's accepted share meant, corrected for its judge's own errors."""
    counts = {
        key: round(count)
        for key, count in original.CLASSIFIERS["image_classifier"]["confusion"].items()
    }
    positives = wilson(counts["tp"], counts["tp"] + counts["fn"])
    negatives = wilson(counts["fp"], counts["fp"] + counts["tn"])
    images = int(original.ACCEPTED["n"])
    accepted = wilson(round(original.ACCEPTED["value"] * images), images)
    corrected = as_estimate(rogan_gladen(accepted, positives, negatives)) or Estimate(1.0)
    return Remark(
        "note",
        f"The original study's {format_estimate(original.ACCEPTED)} is its judge's own ceiling: "
        f"that judge accepted {positives['value']:.3f} of real positives and "
        f"{negatives['value']:.3f} of real negatives. Corrected for that, the share is "
        f"{_with_interval(corrected)}.",
    )
