"""Whether the generator copied its training images, with the control that makes it a finding."""

from markupsafe import Markup

from cosmop.reports.estimates import as_estimate, format_number
from cosmop.reports.facts import Metrics, StudyFacts
from cosmop.reports.figures import Row, forest_plot
from cosmop.reports.page_tables import Table
from cosmop.reports.remarks import Remark

_KINDS = {"no sign of copying": "good", "copies found": "warn"}


def copy_verdict(memorisation: Metrics) -> Remark | None:
    """Return the verdict with its reason; a verdict that is not known to be good is not green."""
    verdict = str(memorisation.get("verdict") or "")
    if not verdict:
        return None
    reason = str(memorisation.get("reason") or "")
    words = f"{verdict[:1].upper()}{verdict[1:]}. {reason}".strip()
    return Remark(_KINDS.get(verdict, "note"), words)


def copy_plot(memorisation: Metrics, *, is_short: bool = False) -> Markup:
    """Draw the shares found suspicious among synthetic and among held-out real images.

    Args:
        memorisation: As `StudyFacts.memorisation`.
        is_short: Only the first share that is known, with its control.
    """
    rows = [row for view in _shares(memorisation)[: 1 if is_short else None] for row in view]
    if not rows:
        return Markup("")
    ends = [end for row in rows for end in (row.estimate.value, row.estimate.high or 0.0)]
    expected = as_estimate(memorisation.get("null_share"))
    mark = None if expected is None else expected.value
    return forest_plot(rows, limits=(0.0, max([0.05, 1.05 * max(ends), mark or 0.0])), mark=mark)


def _shares(memorisation: Metrics) -> list[list[Row]]:
    thumbnails = memorisation.get("thumbnails") or {}
    views = [
        ("suspicious in any way", memorisation, "found"),
        ("too close, by features", memorisation, "flagged"),
        ("too close, by thumbnail", thumbnails, "flagged"),
        ("alike, by perceptual hash", memorisation, "phash_hits"),
    ]
    pairs = [_pair(words, figures, key) for words, figures, key in views]
    return [pair for pair in pairs if pair]


def _pair(words: str, figures: Metrics, key: str) -> list[Row]:
    synthetic, control = as_estimate(figures.get(key)), as_estimate(figures.get(f"{key}_held_out"))
    rows = [] if synthetic is None else [Row(words, synthetic, "synthetic", "b")]
    return rows + ([] if control is None else [Row("", control, "held-out real", "c")])


def copy_words(memorisation: Metrics) -> str:
    """Say how an image is flagged."""
    threshold = as_estimate(memorisation.get("threshold"))
    if threshold is None:
        return ""
    share = as_estimate(memorisation.get("null_share"))
    expected = "few" if share is None else f"about {share.value:.1%}"
    return (
        "An image is flagged when its distance to the nearest training image, divided by the mean "
        f"distance to the next ones, is below {format_number(threshold.value)}. Chance brings "
        f"{expected} of images that copy nothing so close (the dashed line); so many held-out ones "
        "are, since they set it."
    )


def copy_table(memorisation: Metrics) -> Table | None:
    """Lay out the figures that are shown but decide nothing."""
    names = {
        "auth_pct": "AuthPct, synthetic",
        "auth_pct_held_out": "AuthPct, held-out real",
        "c_t": "C_T",
        "mirrored": "flagged as mirrored copies",
    }
    rows = [
        [label, format_number(memorisation.get(key))]
        for key, label in names.items()
        if as_estimate(memorisation.get(key)) is not None
    ]
    return Table(["shown, never a verdict", "value"], rows, frozenset({1})) if rows else None


def copy_share_words(facts: StudyFacts) -> tuple[str, str]:
    """Return the copy share and the control beside it, for the top of the page."""
    key = "found" if facts.memorisation.get("found") else "flagged"
    flagged = as_estimate(facts.memorisation.get(key))
    if flagged is None:
        return "", ""
    held_out = as_estimate(facts.memorisation.get(f"{key}_held_out"))
    control = "" if held_out is None else f"held-out real {held_out.value:.1%}"
    verdict = str(facts.memorisation.get("verdict") or "")
    return f"{flagged.value:.1%}", " · ".join(words for words in (verdict, control) if words)
