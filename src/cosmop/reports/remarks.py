"""Readings: what a careful statistician would say of the figures, worked out from them."""

from collections.abc import Iterator
from dataclasses import dataclass

from cosmop.reports.estimates import Estimate, as_estimate, format_number, title_of
from cosmop.reports.facts import (
    CLASSIFIERS,
    JUDGES,
    Metrics,
    StudyFacts,
    acceptance_of,
)


@dataclass(frozen=True)
class Remark:
    """One sentence; `kind` is ``"good"``, ``"warn"`` or ``"note"``."""

    kind: str
    text: str


def distance_remarks(facts: StudyFacts) -> list[Remark]:
    """Say whether training moved the generator, and how far it still is from the floor."""
    untrained, best, floor = (
        as_estimate(facts.distances.get(name)) for name in ("untrained", "best", "floor")
    )
    remarks = []
    if untrained and best:
        remarks.append(_training_remark(untrained, best))
    if best and floor:
        reached = best.overlaps(floor)
        text = (
            "The best snapshot reaches the distance that real images have from other real images."
            if reached
            else "Real images are still clearly closer to other real images than synthetic ones."
        )
        remarks.append(Remark("good" if reached else "note", text))
    return remarks


def _training_remark(untrained: Estimate, best: Estimate) -> Remark:
    if best.overlaps(untrained):
        return Remark(
            "warn",
            "The intervals of the untrained generator and of the best snapshot touch: training "
            "cannot be shown to have helped.",
        )
    if best.value > untrained.value:
        return Remark("warn", "The best snapshot is farther from the real images than no training.")
    times = format_number(untrained.value / best.value, 1) if best.value > 0 else "many"
    return Remark(
        "good",
        f"The best snapshot is {times} times closer to the real images than the untrained "
        "generator, and their intervals do not touch.",
    )


def classifier_remarks(facts: StudyFacts) -> list[Remark]:
    """Say which classifiers do not beat the answer that is right most often."""
    return [
        remark
        for name, metrics in facts.classifiers.items()
        for remark in _baseline_remark(CLASSIFIERS.get(name, title_of(name)), metrics)
    ]


def _baseline_remark(name: str, metrics: Metrics) -> Iterator[Remark]:
    accuracy = as_estimate(metrics.get("accuracy"))
    counts = _counts(metrics)
    if accuracy is None or counts is None:
        return
    tp, fp, fn, tn = counts
    baseline = max(tp + fn, fp + tn) / sum(counts)
    low = accuracy.value if accuracy.low is None else accuracy.low
    if low > baseline:
        return
    answer = "positive" if tp + fn > fp + tn else "negative"
    yield Remark(
        "warn",
        f"{name}: always answering “{answer}” is right for {baseline:.3f} of the test images; "
        f"an accuracy of {accuracy.value:.3f} is not shown to be better.",
    )


def _counts(metrics: Metrics) -> tuple[int, int, int, int] | None:
    confusion = metrics.get("confusion") or {}
    estimates = [as_estimate(confusion.get(key)) for key in ("tp", "fp", "fn", "tn")]
    counts = [round(estimate.value) for estimate in estimates if estimate is not None]
    if len(counts) != 4 or sum(counts) == 0:
        return None
    return counts[0], counts[1], counts[2], counts[3]


def gain_remarks(facts: StudyFacts) -> list[Remark]:
    """Say for each paired difference whether synthetic images helped, hurt, or cannot be told."""
    estimates = {name: as_estimate(raw) for name, raw in facts.gains.items()}
    return [
        _gain_remark(name.replace("_", " "), estimate)
        for name, estimate in estimates.items()
        if estimate is not None and estimate.low is not None and estimate.high is not None
    ]


def _gain_remark(name: str, gain: Estimate) -> Remark:
    if gain.low is not None and gain.low > 0:
        return Remark("good", f"Synthetic images raise the classifier's {name}.")
    if gain.high is not None and gain.high < 0:
        return Remark("warn", f"Synthetic images lower the classifier's {name}.")
    return Remark("note", f"No effect of synthetic images on {name} can be shown.")


def acceptance_remarks(facts: StudyFacts) -> list[Remark]:
    """Say what the accepted share means, given what the judge does with real images."""
    return [remark for judge in facts.acceptance for remark in _ceiling(facts, judge)]


def _ceiling(facts: StudyFacts, judge: str) -> Iterator[Remark]:
    shares = acceptance_of(facts, judge)
    names = ("synthetic", "real_positives", "real_negatives")
    synthetic, positives, negatives = (as_estimate(shares.get(name)) for name in names)
    if synthetic is None or positives is None or negatives is None:
        return
    who = JUDGES.get(judge, title_of(judge))
    if positives.overlaps(negatives) or positives.value <= negatives.value:
        yield Remark(
            "warn",
            f"{who} does not tell real positives from real negatives, so its acceptance of "
            "synthetic images says nothing.",
        )
        return
    corrected = corrected_share(synthetic.value, positives.value, negatives.value)
    yield Remark(
        "note",
        f"{who} accepts {positives.value:.3f} of real positives and {negatives.value:.3f} of real "
        f"negatives; corrected for that, {corrected:.2f} of the synthetic images look positive.",
    )


def corrected_share(accepted: float, sensitivity: float, false_positive_rate: float) -> float:
    """Correct an accepted share for the judge's own errors (Rogan and Gladen, 1978).

    ``(accepted − FPR) / (TPR − FPR)``; over 1 means that the judge accepts more synthetic images
    than real positives. The rates must differ.
    """
    return (accepted - false_positive_rate) / (sensitivity - false_positive_rate)
