"""Is the number of suspicious synthetic images more than chance? Exact tests and one sentence.

The control are real images that were held out of training. For a generator that is perfect and
copies nothing, synthetic and held-out images are draws of one kind, so the tests hold their level
whatever the features are and however few the images; for an imperfect one only simulations say.
Simulated at a level of 1 %, innocent generators accused:
45 of 4,000 with 40 held-out images, 7 of 1,000 with 150, 9 of 1,000 with 0.8 of the spread, 6 of
1,000 by features, thumbnails and hashes together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scipy.stats import betabinom, hypergeom

from cosmop.metrics.memorisation_options import MemorisationOptions

Verdict = Literal["no sign of copying", "copies found", "cannot tell"]


@dataclass(frozen=True)
class Found:
    """So many of so many images."""

    count: int
    n: int

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.count} of {self.n}"


@dataclass(frozen=True)
class CopyCounts:
    """What the tests look at.

    Attributes:
        close: By view (``features``, ``thumbnails``), the synthetic images whose ratio is below the
            threshold.
        rank: The threshold is the ratio of the held-out image of this rank, 1 for the lowest.
        n_held_out: Held-out real images.
        hits: Synthetic and held-out images within the radius of a training image by perceptual
            hash; None without hashes.
        is_spoilt: A threshold is 0: held-out images are themselves copies of training images.
    """

    close: Mapping[str, Found]
    rank: int
    n_held_out: int
    hits: tuple[Found, Found] | None = None
    is_spoilt: bool = False

    @property
    def n(self) -> int:
        """How many synthetic images there are."""
        return next(iter(self.close.values())).n

    @property
    def tests(self) -> int:
        """How many tests share the level."""
        return len(self.close) + (self.hits is not None)


def threshold_rank(n_held_out: int, quantile: float) -> int:
    """Return the rank of the held-out ratio that is the threshold, at least 1.

    A fresh image falls below the ratio of rank r among H held-out ones with probability
    r / (H + 1) (as in split conformal prediction): at most `quantile`, if H + 1 ≥ 1 / quantile.
    """
    return max(1, int(quantile * (n_held_out + 1) + 1e-9))


def chance_of_close(count: int, n: int, rank: int, n_held_out: int) -> float:
    """Return how likely at least `count` of `n` fresh images fall below the threshold.

    The share of fresh images below the r-th lowest of H held-out ones is Beta(r, H + 1 − r)
    distributed, so the count is beta-binomial: the threshold's own error is part of it.
    """
    return float(betabinom.sf(count - 1, n, rank, n_held_out + 1 - rank))


def chance_of_hits(synthetic: Found, held_out: Found) -> float:
    """Return how likely so many of all hits fall on synthetic images (Fisher's exact test)."""
    hits = synthetic.count + held_out.count
    return float(hypergeom.sf(synthetic.count - 1, synthetic.n + held_out.n, hits, synthetic.n))


def fewest_telling(n: int, rank: int, n_held_out: int, level: float) -> int:
    """Return the lowest count of close images that is no chance at `level`; n + 1 if none is."""
    low, high = 0, n + 1
    while low < high:
        middle = (low + high) // 2
        if chance_of_close(middle, n, rank, n_held_out) <= level:
            high = middle
        else:
            low = middle + 1
    return low


def judge_copies(counts: CopyCounts, options: MemorisationOptions) -> tuple[Verdict, str]:
    """Say whether images were copied, and why, in one sentence.

    Each test takes an equal part of the level, so that the chance of a false accusation stays below
    ``options.false_alarm_level`` (Bonferroni).
    """
    level = options.false_alarm_level / counts.tests
    telling = fewest_telling(counts.n, counts.rank, counts.n_held_out, level)
    proofs = [
        f"{close} synthetic images lie closer to one training image, by {view}, than the closest "
        f"{counts.rank} of {counts.n_held_out} held-out real images, where chance gives fewer than "
        f"{telling}"
        for view, close in counts.close.items()
        if close.count >= telling
    ]
    if counts.hits is not None and chance_of_hits(*counts.hits) <= level:
        proofs.append(
            f"{counts.hits[0]} synthetic images are within {options.phash_radius_bits} bits of a "
            f"training image by perceptual hash, against {counts.hits[1]} held-out real images"
        )
    if proofs:
        return "copies found", ", and ".join(proofs) + "."
    doubt = _doubt(counts, options, (telling - 1) / counts.n)
    return ("cannot tell", doubt) if doubt else ("no sign of copying", _clear(counts, telling))


def _doubt(counts: CopyCounts, options: MemorisationOptions, unnoticed: float) -> str:
    """Say why the tests would not have noticed copies; nothing if they would."""
    if counts.is_spoilt:
        return (
            f"The closest {counts.rank} of {counts.n_held_out} held-out real images are copies of "
            "training images themselves; bring near-copies onto one side of the split and train "
            "again."
        )
    if unnoticed > options.largest_unnoticed_share:
        return (
            f"With {counts.n_held_out} held-out and {counts.n} synthetic images, up to "
            f"{unnoticed:.0%} of the synthetic images could be copies and pass for chance; hold "
            "out and generate more."
        )
    return ""


def _clear(counts: CopyCounts, telling: int) -> str:
    close = " and ".join(f"{found.count} by {view}" for view, found in counts.close.items())
    looked = ""
    if counts.hits is not None and counts.hits[0].count:
        looked = f"; look at the hits by perceptual hash nonetheless: {counts.hits[0]}"
    return (
        f"Of {counts.n} synthetic images, so many lie closer to one training image than the "
        f"closest {counts.rank} of {counts.n_held_out} held-out real images: {close}, which is "
        f"chance up to {telling - 1}{looked}."
    )
