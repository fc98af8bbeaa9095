"""Does the generator repeat its training images? Ratios of distances, hashes, and a verdict.

The nearest training image of a copy is much nearer than the next ones; that of a fresh image is
not. So each synthetic image is judged by d1 / mean(d2 … d50) to the training images and their
mirror images, against a low quantile of the same ratio for real images held out of training.
Distances alone (C_T, AuthPct) take low diversity for copying; ratios do not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.metrics.authenticity import authenticity_percent, data_copying_score
from cosmop.metrics.checks import checked_features
from cosmop.metrics.closeness import Closeness, Pictures, measure_closeness, only
from cosmop.metrics.copy_verdict import CopyCounts, Found, judge_copies, threshold_rank
from cosmop.metrics.intervals import Interval, wilson
from cosmop.metrics.memorisation_options import MemorisationOptions

_WHO = "The search for copies"
_FEWEST_TRAINING = 3
_TINY = 1e-12


def measure_memorisation(
    training: Pictures,
    training_mirrored: Pictures,
    held_out: Pictures,
    synthetic: Pictures,
    *,
    options: MemorisationOptions,
    extractor: Mapping[str, Any],
) -> dict[str, Any]:
    """Search the synthetic images for copies of training images.

    A threshold is the ratio of the held-out image of rank max(1, ⌊quantile · (H + 1)⌋), so
    ``null_share`` = rank / (H + 1) of fresh images fall below it: at most the quantile, or more
    where fewer than 1 / quantile images were held out. Held-out images within the hash radius of a
    training image set no threshold: such near-copies would make the search blind. The verdict tests
    the number that did by its exact distribution, the threshold's own error included (see
    `cosmop.metrics.copy_verdict`); so it holds its level with few held-out images too, and says
    "cannot tell" where only a large share of copies would show.

    Measured on 1,000 photographs (500 trained on, 250 held out, 250 fresh; 10 such splits; features
    of a pooled CIFAR ResNet-56, thumbnails and hashes): found are 1.0 % of the fresh ones (at most
    1.6 %), all exact, re-encoded (JPEG quality 50) and mirrored copies, 99.9 % (at least 99.3 %) of
    those cropped by 2.5 % on every side, but 94 % (at least 86 %) of those cropped by 5 % on every
    side.

    Args:
        training: Images the generator was trained on, N ≥ 3.
        training_mirrored: The same images mirrored left to right, in the same order.
        held_out: Real images of the same kind that it never saw, H ≥ 1, with no near-copies among
            the training images.
        synthetic: Generated images, M ≥ 1.
        options: See the class.
        extractor: ``name`` and ``checksum`` of the network behind the features.

    Returns:
        The document ``memorisation.json``. ``verdict`` and ``reason``; of the features
        ``threshold``, ``flagged`` and ``flagged_held_out`` (shares below it) and ``mirrored``
        (flagged images nearest to a mirror image), and ``thumbnails`` with the same keys, or None
        (``flagged_held_out`` is what the threshold was set by, no measurement);
        ``held_out_left_out``, how many set no threshold;
        ``phash_hits`` and ``phash_hits_held_out``, or None; ``found`` and ``found_held_out``: by
        any of these; ``auth_pct`` (0 to 100) and ``c_t``, shown only; ``closest`` and
        ``closest_held_out``: lowest ratio in proportion to the threshold first, ``by`` which view.

    Raises:
        InputError: Too few images, lists that do not match, features that are not finite or all
            the same, or hashes or thumbnails for some sets only.
    """
    _check(training, training_mirrored, held_out, synthetic)
    fake, real = (
        measure_closeness(side, training, training_mirrored, options.neighbours)
        for side in (synthetic, held_out)
    )
    apart = _without_hits(real, options.phash_radius_bits)
    rank, thresholds = thresholds_of(apart, options.quantile)
    counts = _count(fake, apart, real, rank, thresholds, options.phash_radius_bits)
    verdict, reason = judge_copies(counts, options)
    return {
        "extractor": dict(extractor),
        "seed": options.seed,
        "neighbours": fake.views["features"].near.rows_MK.shape[1],
        "null_share": rank / (len(apart.ids) + 1),
        "held_out_left_out": len(real.ids) - len(apart.ids),
        **_flagged(fake, apart, thresholds, "features"),
        "thumbnails": (
            _flagged(fake, apart, thresholds, "thumbnails") if "thumbnails" in thresholds else None
        ),
        **_found_shares(fake, real, thresholds, options.phash_radius_bits),
        **_as_published(training, held_out, synthetic, options.seed),
        "verdict": verdict,
        "reason": reason,
        "closest": closest_pairs(fake, training.ids, thresholds, options.pairs),
        "closest_held_out": closest_pairs(real, training.ids, thresholds, options.held_out_pairs),
    }


def thresholds_of(held_out: Closeness, quantile: float) -> tuple[int, dict[str, float]]:
    """Return the rank of the held-out ratio that is the threshold, and the threshold by view."""
    rank = threshold_rank(len(held_out.ids), quantile)
    ratios = {name: np.sort(view.ratios_M) for name, view in held_out.views.items()}
    return rank, {name: float(ratios_M[rank - 1]) for name, ratios_M in ratios.items()}


def found_copies(
    closeness: Closeness, thresholds: Mapping[str, float], radius_bits: int
) -> NDArray[np.bool_]:
    """Mark images below any threshold or within the radius of a training image, bool [M]."""
    is_found = _hits(closeness, radius_bits)
    for name, view in closeness.views.items():
        is_found = is_found | (view.ratios_M < thresholds[name])
    return is_found


def closest_pairs(
    closeness: Closeness, training_ids: Sequence[str], thresholds: Mapping[str, float], count: int
) -> list[dict[str, Any]]:
    """Return the `count` closest images, each with its two nearest training images.

    Views are compared by the ratio in proportion to its threshold.
    """
    names = list(closeness.views)
    relative_VM = np.stack(
        [closeness.views[name].ratios_M / max(thresholds[name], _TINY) for name in names]
    )
    order = np.argsort(relative_VM.min(axis=0), kind="stable")[:count]
    return [
        _pair(closeness, training_ids, names[relative_VM[:, row].argmin()], row) for row in order
    ]


def _pair(closeness: Closeness, training_ids: Sequence[str], by: str, row: int) -> dict[str, Any]:
    view = closeness.views[by]
    near = view.near
    return {
        "image_id": str(closeness.ids[row]),
        "nearest_id": str(training_ids[near.rows_MK[row, 0]]),
        "second_id": str(training_ids[near.rows_MK[row, 1]]),
        "by": by,
        "ratio": float(view.ratios_M[row]),
        "distance": float(near.distances_MK[row, 0]),
        "is_mirrored": bool(near.is_mirrored_MK[row, 0]),
        "phash_distance": None if view.bits_M is None else int(view.bits_M[row]),
    }


def _check(training: Pictures, mirrored: Pictures, held_out: Pictures, synthetic: Pictures) -> None:
    bank = checked_features(training.features, f"{_WHO} among training images", _FEWEST_TRAINING)
    if not np.ptp(bank, axis=0).any():
        raise InputError(
            f"{_WHO} needs features that tell images apart, got the same vector for all "
            f"{len(bank)} training images; take another extractor."
        )
    if list(training.ids) != list(mirrored.ids):
        raise InputError(
            f"{_WHO} needs every training image mirrored, in the same order, got {len(bank)} "
            f"images and {len(mirrored.ids)} mirrored ones that differ; extract both again."
        )
    sides = {"training": training, "held-out": held_out, "synthetic": synthetic}
    _all_or_none("thumbnails", {name: side.thumbnails for name, side in sides.items()})
    hashed = {name: side.hashes for name, side in sides.items()} | {"mirrored": mirrored.hashes}
    _all_or_none("hashes", hashed)


def _all_or_none(what: str, given: Mapping[str, object]) -> None:
    missing = [name for name, part in given.items() if part is None]
    if 0 < len(missing) < len(given):
        raise InputError(
            f"{_WHO} needs {what} of all of {', '.join(given)} images or of none, got none of "
            f"{', '.join(missing)}; make the missing ones."
        )


def _hits(closeness: Closeness, radius_bits: int) -> NDArray[np.bool_]:
    if closeness.bits_M is None:
        return np.zeros(len(closeness.ids), dtype=bool)
    return closeness.bits_M <= radius_bits


def _found(mask: NDArray[np.bool_]) -> Found:
    return Found(int(mask.sum()), len(mask))


def _share(mask: NDArray[np.bool_]) -> Interval:
    return wilson(int(mask.sum()), len(mask))


def _without_hits(held_out: Closeness, radius: int) -> Closeness:
    """Leave out near-copies of training images; all of them stay if there is nothing else."""
    is_apart = ~_hits(held_out, radius)
    return only(held_out, is_apart) if is_apart.any() else held_out


def _count(
    fake: Closeness,
    apart: Closeness,
    real: Closeness,
    rank: int,
    thresholds: Mapping[str, float],
    radius: int,
) -> CopyCounts:
    hits = None
    if fake.bits_M is not None:
        hits = _found(_hits(fake, radius)), _found(_hits(real, radius))
    close = {name: _found(view.ratios_M < thresholds[name]) for name, view in fake.views.items()}
    is_spoilt = min(thresholds.values()) == 0
    return CopyCounts(close, rank, len(apart.ids), hits, is_spoilt)


def _flagged(
    fake: Closeness, real: Closeness, thresholds: Mapping[str, float], name: str
) -> dict[str, Any]:
    threshold, view = thresholds[name], fake.views[name]
    is_flagged = view.ratios_M < threshold
    return {
        "threshold": threshold,
        "flagged": _share(is_flagged),
        "flagged_held_out": _share(real.views[name].ratios_M < threshold),
        "mirrored": int((view.near.is_mirrored_MK[:, 0] & is_flagged).sum()),
    }


def _found_shares(
    fake: Closeness, real: Closeness, thresholds: Mapping[str, float], radius: int
) -> dict[str, Any]:
    shares: dict[str, Any] = {}
    for suffix, side in (("", fake), ("_held_out", real)):
        shares[f"found{suffix}"] = _share(found_copies(side, thresholds, radius))
        hits = _share(_hits(side, radius))
        shares[f"phash_hits{suffix}"] = None if side.bits_M is None else hits
    return shares


def _as_published(
    training: Pictures, held_out: Pictures, synthetic: Pictures, seed: int
) -> dict[str, Any]:
    bank, real, fake = training.features, held_out.features, synthetic.features
    return {
        "auth_pct": authenticity_percent(bank, fake),
        "auth_pct_held_out": authenticity_percent(bank, real),
        "c_t": data_copying_score(bank, real, fake, seed),
    }
