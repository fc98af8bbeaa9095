"""The page of results on duplicates, from the measured document."""

from collections.abc import Mapping, Sequence
from typing import Any

from scipy.stats import chi2

from cosmop.metrics.intervals import wilson
from cosmop.reports.tables import markdown_table

RADII = tuple(range(13))
_NAMES = {
    "median": "median (default)",
    "mean": "mean of 64 (the original study)",
    "mean_without_dc": "mean without DC",
}


_OTHERS = ("mean_without_dc", "mean")
_CUTTINGS = {
    "area": "up to 3 % of the area is cut off",
    "centred": "up to 3 % of the width and of the height is cut off, evenly from both ends",
    "anywhere": "up to 3 % of the width and of the height is cut off, from either end",
}


def page(document: Mapping[str, Any]) -> str:
    """Return the page in Markdown."""
    parts = [
        "# Duplicates: which rule, which radius",
        _words(document),
        "## In short\n\n" + _verdict(document),
        "## Unrelated photographs\n\n" + _unrelated(document),
        "## Tiny photographs, many pairs\n\n" + _tiny(document["tiny"]),
        "## Re-published copies\n\n" + _republished(document),
        "## Drawn scenes with planted copies\n\n" + _gallery(document["gallery"]),
    ]
    return "\n\n".join(parts) + "\n"


def _words(document: Mapping[str, Any]) -> str:
    return (
        "The perceptual hash compares 64 low-frequency terms with a threshold. Which threshold, "
        "and how many of 64 bits may differ before two images no longer count as one, is measured "
        f"here on {document['photographs']:,} real photographs and on drawn scenes whose copies "
        f"are known. Made by code at commit {document['commit'][:8]}, seed {document['seed']}; "
        f"decoders: {'; '.join(document['decoders'])}.\n\n"
        "```bash\npython docs/results/duplicates.py measure --data DIR --work FOLDER\n```"
    )


def _verdict(document: Mapping[str, Any]) -> str:
    radius = document["default_radius_bits"]
    upright, study = document["unrelated"]["median"], document["unrelated"]["mean"]
    turned = document["in_all_positions"]["median"]
    tiny = document["tiny"]["median"]
    recalls = "; ".join(
        f"{_share(document['republished'][name]['median'], radius)} where {words}"
        for name, words in _CUTTINGS.items()
    )
    harder = _share(document["republished"]["anywhere"]["median"], radius + 2)
    return (
        f"- **Re-published copies found by the default, median and {radius} bits**: {recalls}. "
        f"{radius + 2} bits would find {harder} of the last.\n"
        f"- **Unrelated photographs taken for copies**: {upright['within'][radius]} of "
        f"{upright['pairs']:,} pairs, {_rate(upright, radius)} per million. With one of the two "
        f"also mirrored, turned or transposed: {turned['within'][radius]} of {turned['pairs']:,}, "
        f"{_rate(turned, radius)} per million; of tiny photographs {_rate(tiny, radius)} per "
        f"million. At {radius + 2} bits: {_rate(upright, radius + 2)}, {_rate(turned, radius + 2)} "
        f"and {_rate(tiny, radius + 2)}.\n"
        f"- The original study's rule takes {study['within'][0]} unrelated pairs for copies when "
        f"hashes must be equal, and {study['within'][4]:,} within 4 bits: "
        f"{_rate(study, 4)} per million. It cannot tell copies from other photographs."
    )


def _rate(counted: Mapping[str, Any], radius: int) -> str:
    """Return pairs per million, with the one-sided 95 % upper bound of a Poisson count."""
    count, millions = counted["within"][radius], counted["pairs"] / 1e6
    upper = float(chi2.ppf(0.95, 2 * (count + 1))) / 2 / millions
    return f"{_short(count / millions)} (≤ {_short(upper)})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _unrelated(document: Mapping[str, Any]) -> str:
    upright, turned = document["unrelated"], document["in_all_positions"]
    rules = ("median", "mean_without_dc", "mean")
    head = [
        "bits",
        *(_NAMES[rule] for rule in rules),
        *(f"{_NAMES[rule]}, turned" for rule in rules[:2]),
    ]
    rows = [
        [
            str(radius),
            *(_rate(upright[rule], radius) for rule in rules),
            *(_rate(turned[rule], radius) for rule in rules[:2]),
        ]
        for radius in RADII
    ]
    words = (
        "False pairs per million pairs of different photographs within so many bits; in brackets "
        "the 95 % upper bound of a Poisson count, somewhat too low because pairs share "
        f"photographs. {upright['median']['pairs']:,} pairs; *turned*: one photograph and another "
        "in each of its eight positions. A median sets half of the bits, so distances are even. "
        "The photographs: one of each ImageNet class, and a crowd data set; a third set, frames of "
        "a video, was left out because neighbouring frames are copies.\n\n"
    )
    return words + markdown_table(head, rows) + "\n\n" + _closest(document["closest"])


def _closest(closest: Sequence[Sequence[Any]]) -> str:
    listed = "; ".join(f"{one} and {other}, {bits} bits" for bits, one, other in closest)
    return (
        "No photograph had to be removed as a true copy: the pairs within "
        f"{RADII[-1]} bits by the median rule were looked at, and none shows the same thing "
        f"({listed or 'there are none'})."
    )


def _tiny(tiny: Mapping[str, Any]) -> str:
    rules = ("median", "mean_without_dc")
    head = ["bits", *(_NAMES[rule] for rule in rules), "median, same class, pairs"]
    rows = [
        [
            str(radius),
            *(_rate(tiny[rule], radius) for rule in rules),
            f"{tiny['median']['same_class'][radius]:,}",
        ]
        for radius in RADII
    ]
    return (
        f"{tiny['pictures']:,} photographs of 32×32 pixels (CIFAR-10), too small to be typical, "
        "but enough for a narrow bound. CIFAR-10 holds true copies, so only pairs of different "
        f"classes count as surely unrelated: {tiny['median']['pairs']:,} pairs. Per million, upper "
        "bound in brackets.\n\n" + markdown_table(head, rows)
    )


def _republished(document: Mapping[str, Any]) -> str:
    measured, turned = document["republished"], document["turned"]
    hardest = measured["anywhere"]
    head = [f"median, {name}" for name in _CUTTINGS] + [
        f"{_NAMES[rule]}, anywhere" for rule in _OTHERS
    ]
    columns = [measured[name]["median"] for name in _CUTTINGS] + [hardest[rule] for rule in _OTHERS]
    rows = [[str(radius), *(_share(one, radius) for one in columns)] for radius in RADII]
    ways = "; ".join(f"*{name}*, where {words}" for name, words in _CUTTINGS.items())
    found = wilson(turned["found"], turned["copies"])
    return (
        "Share of copies within so many bits of the photograph they were made of. Each photograph "
        f"was published again {document['copies_of_each']} times: cut, scaled by 0.4 to 1, "
        "contrast × 0.9 to 1.15, JPEG of quality 40 to 85. What is cut off decides, so it is done "
        f"in three ways: {ways}. n = {hardest['median']['copies']:,} each, Wilson intervals at "
        "95 %.\n\n"
        + markdown_table(["bits", *head], rows)
        + "\n\nTurned copies: each photograph once more, mirrored, turned or transposed at random "
        "and then published again with up to 3 % of its area cut off. At "
        f"{document['default_radius_bits']} bits {_percent(found)} (n = {found['n']:,}) are found "
        f"with the right photograph and the right turn; {turned['wrong']} images are flagged "
        "with another photograph or another turn."
    )


def _share(counted: Mapping[str, Any], radius: int) -> str:
    total = counted["copies"] if "copies" in counted else counted["pairs"]
    return _percent(wilson(counted["within"][radius], total))


def _percent(share: Mapping[str, Any]) -> str:
    value, low, high = (100 * share[key] for key in ("value", "low", "high"))
    return f"{value:.2f} % ({low:.2f} to {high:.2f})"


def _gallery(gallery: Mapping[str, Any]) -> str:
    rules = ("median", "mean_without_dc", "mean")
    head = ["bits"]
    for rule in rules:
        head += [f"recall, {_NAMES[rule]}", f"false per million, {_NAMES[rule]}"]
    rows = []
    for radius in RADII:
        row = [str(radius)]
        for rule in rules:
            one = gallery[rule]
            row += [_share(one["copies"], radius), _rate(one["unrelated"], radius)]
        rows.append(row)
    first = gallery["median"]
    return (
        f"{gallery['images']:,} files of {gallery['scenes']:,} drawn scenes "
        f"(seed {gallery['options']['seed']}), copies re-encoded, resized, cropped or watermarked; "
        f"byte-identical copies are one file. {first['copies']['pairs']:,} pairs of copies, "
        f"{first['unrelated']['pairs']:,} pairs of different scenes. Drawn scenes share their "
        "backdrops and are more alike than photographs.\n\n" + markdown_table(head, rows)
    )
