"""Whether the generator copied its training images, with the control that makes it a finding."""

from markupsafe import Markup

from cosmop.reports.estimates import Estimate, as_estimate, format_number
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
        f"{expected} of images that copy nothing so close (the dashed line). Held-out real images "
        "are judged likewise, each by thresholds that other held-out images set; by one measure "
        "alone their share is near the dashed line unless near-copies of training images are among "
        "them, so it is the share found in any way that tells what chance gives."
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
    flagged, held_out = _widest_share(facts.memorisation)
    if flagged is None:
        return "", ""
    control = "" if held_out is None else f"held-out real {held_out.value:.1%}"
    verdict = str(facts.memorisation.get("verdict") or "")
    return f"{flagged.value:.1%}", " · ".join(words for words in (verdict, control) if words)


def copy_share_sentence(memorisation: Metrics) -> str:
    """Say the copy share and its control with their intervals; empty when it is not known."""
    flagged, held_out = _widest_share(memorisation)
    if flagged is None:
        return ""
    shares = [f"of the synthetic images {_in_per_cent(flagged)}"]
    if held_out is not None:
        shares.append(
            "of held-out real ones, judged by thresholds that others of them set, "
            + _in_per_cent(held_out)
        )
    return f"Suspicious are {'; '.join(shares)}."


def _widest_share(memorisation: Metrics) -> tuple[Estimate | None, Estimate | None]:
    """Return the share found in any way, or else by features, and that of held-out images."""
    key = "found" if memorisation.get("found") else "flagged"
    return as_estimate(memorisation.get(key)), as_estimate(memorisation.get(f"{key}_held_out"))


def _in_per_cent(share: Estimate) -> str:
    ends = [end for end in (share.low, share.high) if end is not None]
    interval = f" [{', '.join(f'{end:.1%}' for end in ends)}]" if ends else ""
    return f"{share.value:.1%}{interval}" + ("" if share.n is None else f" n={share.n:,}")
