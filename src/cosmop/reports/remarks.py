"""Readings: what a careful statistician would say of the figures, worked out from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from cosmop.reports.estimates import Estimate, as_estimate, format_number
from cosmop.reports.facts import StudyFacts


@dataclass(frozen=True)
class Remark:
    """One sentence; `kind` is ``"good"``, ``"warn"`` or ``"note"``."""

    kind: str
    text: str


def listed(words: Sequence[str]) -> str:
    """Join words as a person would: ``"a, b and c"``."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def training_remarks(facts: StudyFacts) -> list[Remark]:
    """Say whether training moved the generator, and how far it still is from the floor."""
    untrained, best, floor = (
        as_estimate(facts.training_distances.get(name)) for name in ("untrained", "best", "floor")
    )
    remarks = []
    if untrained and best:
        remarks.append(_training_remark(untrained, best))
    if best and floor:
        remarks.append(_floor_remark(best, floor))
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
        f"By the distance that training was watched by, the best snapshot is {times} times closer "
        "to the real images than the untrained generator, and their intervals do not touch.",
    )


def _floor_remark(best: Estimate, floor: Estimate) -> Remark:
    if best.overlaps(floor):
        return Remark(
            "note",
            "The intervals of the best snapshot and of real against real touch; a Fréchet distance "
            "alone cannot tell a good generator from one that copies.",
        )
    return Remark(
        "note",
        "Real images are still clearly closer to other real images than the best snapshot's are.",
    )
