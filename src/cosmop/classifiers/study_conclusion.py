"""The one sentence an augmentation study may end with: no more than its intervals say."""

from collections.abc import Mapping, Sequence
from typing import Any

Comparison = Mapping[str, Any]


def conclude(
    fraction: float,
    comparisons: Sequence[Comparison],
    smallest: Mapping[str, Any] | None,
    n: int,
) -> str:
    """Return what may be concluded on synthetic images, in one sentence.

    A gain is named only if it is significant, and put down to the images only if it is also
    significant against repeated real images. Otherwise the sentence says what gain the test set
    could have shown, and whether the placebo did as well. The arm with the largest gain is named;
    its interval does not know that it was chosen. Gains at smaller fractions are added where they
    are shown: that is where synthetic images can matter.

    Args:
        fraction: The share of the real data to speak of.
        comparisons: As `cosmop.classifiers.arm_comparison.compare_arms` makes them.
        smallest: Its smallest detectable gain.
        n: Test images.
    """
    here = [each for each in comparisons if each["fraction"] == fraction]
    synthetic = [each for each in here if each["kind"] == "synthetic" and each["against"] == "real"]
    if not synthetic:
        return "The study has no arm with added synthetic images, so it says nothing about them."
    shown = [each for each in synthetic if each["is_significant"]]
    best, worst = max(synthetic, key=_gain), min(synthetic, key=_gain)
    if any(_gain(each) > 0 for each in shown):
        best = max(shown, key=_gain)
        said = f"A gain is shown: {_change(best, n)}{_beside_placebo(best, here)}"
        return f"{said}{_with_fewer(fraction, comparisons)}."
    rest = _placebo_did_as_well(best, here) + _with_fewer(fraction, comparisons)
    if shown:
        return f"No gain but a loss is shown: {_change(min(shown, key=_gain), n)}{rest}."
    also = "" if best is worst else f", the best of {len(synthetic)} arms"
    return f"No gain is shown: {_change(best, n)}{also}, {_limit(smallest, synthetic)}{rest}."


def _with_fewer(fraction: float, comparisons: Sequence[Comparison]) -> str:
    """Say which gains are shown at smaller fractions, and what classical augmentation does there.

    Each fraction's arms are corrected together, the fractions are not.
    """
    clauses = []
    for smaller in sorted(
        {each["fraction"] for each in comparisons if each["fraction"] < fraction}
    ):
        here = [each for each in comparisons if each["fraction"] == smaller]
        against_real = [each for each in here if each["against"] == "real"]
        shown = [
            each
            for each in against_real
            if each["kind"] == "synthetic" and each["is_significant"] and _gain(each) > 0
        ]
        if shown:
            best = max(shown, key=_gain)
            classical = [_points(e["gain"]) for e in against_real if e["kind"] == "classical"]
            beside = f" (classical augmentation: {classical[0]})" if classical else ""
            clauses.append(
                f"; with {smaller:.0%} of the real images, and a generator that saw them all, a "
                f"gain is shown: “{best['label']}” "
                f"{_points(best['gain'])} points{beside}{_beside_placebo(best, here)}"
            )
    return "".join(clauses)


def _gain(comparison: Comparison) -> float:
    return float(comparison["gain"]["value"])


def _points(gain: Mapping[str, Any]) -> str:
    value, low, high = (100 * gain[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def _change(comparison: Comparison, n: int) -> str:
    label = comparison["label"]
    return (
        f"“{label}” changes the accuracy by {_points(comparison['gain'])} points against "
        f"real images alone, on {n} test images (corrected "
        f"p = {comparison['p_adjusted']:.2g}; the interval is not corrected)"
    )


def _limit(smallest: Mapping[str, Any] | None, synthetic: Sequence[Comparison]) -> str:
    value = None if smallest is None else smallest["value"]
    if value is None:
        return "but so few test images could not have shown any gain, so one is not excluded"
    is_open = any(each["gain"]["high"] > 0 for each in synthetic)
    left = "so a smaller one is not excluded" if is_open else "but every interval lies below 0"
    return (
        f"but a true gain of {100 * value:.1f} points would have been missed in 1 of 5 such "
        f"studies, {left}"
    )


def _beside_placebo(best: Comparison, here: Sequence[Comparison]) -> str:
    """Say whether the gain is the images' or only that of more positives."""
    pair = next(
        (each for each in here if each["arm"] == best["arm"] and each["against"] != "real"), None
    )
    if pair is None:
        return ", but without a placebo arm it may come from the larger share of positives alone"
    difference = f"{_points(pair['gain'])} points"
    if pair["is_significant"] and _gain(pair) > 0:
        return f", and by {difference} against repeated real images (placebo)"
    return (
        f", but that is not shown to be more than repeated real images do (placebo, {difference} "
        "between the two), so the gain cannot be put down to the synthetic images"
    )


def _placebo_did_as_well(best: Comparison, here: Sequence[Comparison]) -> str:
    placebos = [each for each in here if each["kind"] == "oversampled"]
    if not placebos:
        return ""
    placebo = max(placebos, key=_gain)
    if _gain(placebo) < _gain(best):
        return ""
    return f"; repeated real images (placebo) did as well, {_points(placebo['gain'])} points"
