"""Does the generator repeat its training images? Ratios of distances, hashes, and a verdict.

The nearest training image of a copy is much nearer than the next ones; that of a fresh image is
not. So each synthetic image is judged by d1 / mean(d2 … d50) to the training images, mirrored and
cropped ones included, against a low quantile of the same ratio for held-out real images. Distances
alone (C_T, AuthPct) take low diversity for copying; ratios do not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.metrics.authenticity import authenticity_percent, data_copying_score
from cosmop.metrics.checks import checked_features, require_variation
from cosmop.metrics.closeness import Closeness, Pictures, measure_closeness, only
from cosmop.metrics.copy_marks import (
    Marks,
    apart_from_training,
    hash_hits,
    held_out_share,
    mark_held_out,
    mark_images,
    thresholds_of,
)
from cosmop.metrics.copy_verdict import CopyCounts, Found, judge_copies
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

    Measured on 1,000 photographs of 256 × 256 pixels (500 trained on and copied, 250 held out, 250
    fresh; 40 such splits; features of a pooled CIFAR ResNet-56, thumbnails and hashes). Found are
    all copies that are exact, re-encoded (JPEG quality 50), mirrored, or cropped by 2.5 or 5 % on
    every side, and all that are cropped so, mirrored and re-encoded; of squares of 90 % of each
    side all from a corner and 99.9 % (in the worst split 98.8 %) from anywhere; cropped by 7.5 % on
    every side 99.8 % (98.2 %). Larger cuts are not looked for. False alarms are 1.3 % of the fresh
    images, in the worst split 4.4 % (of the first ten splits 1.0 and 2.0 %), since 250 held-out
    images set a threshold no more exactly.

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
        ``threshold``, ``flagged`` (share below it), ``flagged_held_out`` and ``mirrored`` (flagged
        images nearest to a mirror image), and ``thumbnails`` with the same keys, or None;
        ``held_out_left_out``, how many set no threshold; ``phash_hits`` and
        ``phash_hits_held_out``, or None; ``found`` and ``found_held_out``: by any of these;
        ``auth_pct`` (0 to 100) and ``c_t``, shown only; ``closest`` and ``closest_held_out``:
        lowest ratio in proportion to the threshold first, ``by`` which view.

        ``flagged_held_out`` and ``found_held_out`` are shares of held-out images, each judged by
        thresholds that other held-out images set, in ``held_out_parts`` parts (see
        `cosmop.metrics.copy_marks`); None where fewer than two may set one.

    Raises:
        InputError: Too few images, lists that do not match, features that are not finite or all
            the same, or hashes or thumbnails for some sets only.
    """
    _check(training, training_mirrored, held_out, synthetic)
    fake, real = (
        measure_closeness(side, training, training_mirrored, options.neighbours)
        for side in (synthetic, held_out)
    )
    apart = only(real, apart_from_training(real, options.phash_radius_bits))
    rank, thresholds = thresholds_of(apart, options.quantile)
    marks = mark_images(fake, thresholds, options.phash_radius_bits)
    hits = _hits(fake, real, options.phash_radius_bits)
    verdict, reason = judge_copies(_count(marks, hits, rank, len(apart.ids), thresholds), options)
    return {
        "extractor": dict(extractor),
        "seed": options.seed,
        "neighbours": fake.views["features"].near.rows_MK.shape[1],
        "null_share": rank / (len(apart.ids) + 1),
        "held_out_left_out": len(real.ids) - len(apart.ids),
        "held_out_parts": min(options.held_out_parts, len(apart.ids)),
        **_shares(fake, thresholds, marks, mark_held_out(real, options)),
        **_hit_shares(hits),
        **_as_published(training, held_out, synthetic, options.seed),
        "verdict": verdict,
        "reason": reason,
        "closest": closest_pairs(fake, training.ids, thresholds, options.pairs),
        "closest_held_out": closest_pairs(real, training.ids, thresholds, options.held_out_pairs),
    }


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
    require_variation(f"{_WHO} among training images", len(bank), np.ptp(bank, axis=0))
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


def _hits(fake: Closeness, real: Closeness, radius: int) -> tuple[Found, Found] | None:
    if fake.bits_M is None:
        return None
    return _found(hash_hits(fake, radius)), _found(hash_hits(real, radius))


def _hit_shares(hits: tuple[Found, Found] | None) -> dict[str, Interval | None]:
    synthetic, held_out = (None, None) if hits is None else map(_share, hits)
    return {"phash_hits": synthetic, "phash_hits_held_out": held_out}


def _found(mask: NDArray[np.bool_]) -> Found:
    return Found(int(mask.sum()), len(mask))


def _share(found: Found) -> Interval:
    return wilson(found.count, found.n)


def _count(
    marks: Marks,
    hits: tuple[Found, Found] | None,
    rank: int,
    n_held_out: int,
    thresholds: Mapping[str, float],
) -> CopyCounts:
    close = {name: _found(is_close_M) for name, is_close_M in marks.close.items()}
    return CopyCounts(close, rank, n_held_out, hits, min(thresholds.values()) == 0)


def _shares(
    fake: Closeness, thresholds: Mapping[str, float], marks: Marks, control: Marks | None
) -> dict[str, Any]:
    views = {}
    for name, is_close_M in marks.close.items():
        is_mirrored_M = fake.views[name].near.is_mirrored_MK[:, 0]
        views[name] = {
            "threshold": thresholds[name],
            "flagged": _share(_found(is_close_M)),
            "flagged_held_out": None if control is None else held_out_share(control.close[name]),
            "mirrored": int((is_mirrored_M & is_close_M).sum()),
        }
    return {
        **views["features"],
        "thumbnails": views.get("thumbnails"),
        "found": _share(_found(marks.found)),
        "found_held_out": None if control is None else held_out_share(control.found),
    }


def _as_published(
    training: Pictures, held_out: Pictures, synthetic: Pictures, seed: int
) -> dict[str, Any]:
    bank, real, fake = training.features, held_out.features, synthetic.features
    return {
        "auth_pct": authenticity_percent(bank, fake),
        "auth_pct_held_out": authenticity_percent(bank, real),
        "c_t": data_copying_score(bank, real, fake, seed),
    }
