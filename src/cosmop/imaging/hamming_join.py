"""All pairs of 64-bit hashes within a Hamming radius: exact, by a sorted block join."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cosmop.errors import InputError
from cosmop.imaging.block_tables import HashArray, IntegerArray, near_pairs

Pairs = tuple[IntegerArray, IntegerArray, IntegerArray]

MAX_PAIRS = 20_000_000


def pairs_within(hashes: HashArray, radius: int, max_pairs: int = MAX_PAIRS) -> Pairs:
    """Find all pairs of `hashes` at most `radius` bits apart.

    Equal hashes are collapsed first, so that copies cost no search.

    Args:
        hashes: uint64 [N].
        radius: Bits, 0 to 64.
        max_pairs: Refuse more pairs than this.

    Returns:
        ``(i, j, distance)``, int64 [P] each, i < j, sorted by i, then j.

    Raises:
        InputError: More than `max_pairs` pairs; it names the hash that has most of them.
    """
    distinct, number = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    copies = _Copies.of(number, len(distinct))
    near = _collect(iterate_pairs(distinct, radius), distinct, max_pairs)
    itself = np.flatnonzero(copies.counts > 1)
    first, second, bits = _join([near, (itself, itself, np.zeros_like(itself))])
    sizes = copies.counts[first] * copies.counts[second]
    sizes[len(near[0]) :] = copies.counts[itself] * (copies.counts[itself] - 1) // 2
    _refuse_explosion(distinct, first, second, sizes, max_pairs)
    i, j, distance = _expand(copies, copies, first, second, bits)
    wanted = (i < j) | (number[i] != number[j])
    i, j = i[wanted], j[wanted]
    return _sorted(np.minimum(i, j), np.maximum(i, j), distance[wanted])


def pairs_across(
    left: HashArray, right: HashArray, radius: int, max_pairs: int = MAX_PAIRS
) -> Pairs:
    """Find all pairs of one hash of `left` and one of `right` at most `radius` bits apart.

    Args:
        left: uint64 [N].
        right: uint64 [M].
        radius: Bits, 0 to 64.
        max_pairs: Refuse more pairs than this.

    Returns:
        ``(i, j, distance)``, int64 [P] each, i into `left`, j into `right`, sorted by i, then j.

    Raises:
        InputError: More than `max_pairs` pairs; it names the hash that has most of them.
    """
    both = np.concatenate([left, right]).astype(np.uint64)
    distinct, number = np.unique(both, return_inverse=True)
    ours = _Copies.of(number[: len(left)], len(distinct))
    theirs = _Copies.of(number[len(left) :], len(distinct))
    near = (
        (first[wanted], second[wanted], bits[wanted])
        for one, other, bits in iterate_pairs(distinct, radius)
        for first, second in ((one, other), (other, one))
        for wanted in [(ours.counts[first] > 0) & (theirs.counts[second] > 0)]
    )
    equal = np.arange(len(distinct))
    found = _collect(near, distinct, max_pairs)
    first, second, bits = _join([found, (equal, equal, np.zeros_like(equal))])
    sizes = ours.counts[first] * theirs.counts[second]
    _refuse_explosion(distinct, first, second, sizes, max_pairs)
    return _sorted(*_expand(ours, theirs, first, second, bits))


def distinct_pairs(distinct: HashArray, radius: int, max_pairs: int = MAX_PAIRS) -> Pairs:
    """Find all pairs within `radius` among hashes that are distinct and ascending, in no order.

    Raises:
        InputError: More than `max_pairs` pairs.
        ValueError: `radius` is not between 0 and 64.
    """
    return _collect(iterate_pairs(distinct, radius), distinct, max_pairs)


def iterate_pairs(distinct: HashArray, radius: int) -> Iterator[Pairs]:
    """Yield what `distinct_pairs` returns batch by batch, in bounded memory however many there are.

    Raises:
        ValueError: `radius` is not between 0 and 64.
    """
    if not 0 <= radius <= 64:
        raise ValueError(f"The radius of a Hamming join must be 0 to 64 bits, got {radius}.")
    for one, other in near_pairs(distinct, radius):
        bits = np.bitwise_count(one ^ other).astype(np.int64)
        yield np.searchsorted(distinct, one), np.searchsorted(distinct, other), bits


@dataclass(frozen=True)
class _Copies:
    """Which rows hold each distinct hash: ``rows[begins[n] : begins[n] + counts[n]]``."""

    rows: IntegerArray
    begins: IntegerArray
    counts: IntegerArray

    @classmethod
    def of(cls, number: IntegerArray, count: int) -> "_Copies":
        counts = np.bincount(number, minlength=count)
        return cls(np.argsort(number, kind="stable"), np.cumsum(counts) - counts, counts)


def _expand(
    left: _Copies, right: _Copies, first: IntegerArray, second: IntegerArray, bits: IntegerArray
) -> Pairs:
    """Turn pairs of distinct hashes into pairs of rows, every copy with every copy."""
    widths = right.counts[second]
    sizes = left.counts[first] * widths
    pair = np.repeat(np.arange(len(first)), sizes)
    at = np.arange(len(pair)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    one, other = np.divmod(at, widths[pair])
    i = left.rows[left.begins[first][pair] + one]
    j = right.rows[right.begins[second][pair] + other]
    return i, j, bits[pair]


def _sorted(i: IntegerArray, j: IntegerArray, distance: IntegerArray) -> Pairs:
    order = np.lexsort((j, i))
    return i[order], j[order], distance[order]


def _join(parts: list[Pairs]) -> Pairs:
    first, second, bits = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return first, second, bits


def _collect(batches: Iterator[Pairs], hashes: HashArray, max_pairs: int) -> Pairs:
    """Put batches together; an error when they explode."""
    nothing = np.zeros(0, np.int64)
    parts, total = [(nothing, nothing, nothing)], 0
    for batch in batches:
        parts.append(batch)
        total += len(batch[0])
        if total > max_pairs:
            first, second, _ = _join(parts)
            raise _explosion(hashes, first, second, np.ones_like(first), max_pairs)
    return _join(parts)


def _refuse_explosion(
    hashes: HashArray, first: IntegerArray, second: IntegerArray, sizes: IntegerArray, limit: int
) -> None:
    """Count the pairs that copies of the same hashes will make, before making them."""
    if sizes.sum() > limit:
        raise _explosion(hashes, first, second, sizes, limit)


def _explosion(
    hashes: HashArray, first: IntegerArray, second: IntegerArray, sizes: IntegerArray, limit: int
) -> InputError:
    pairs_of = np.zeros(len(hashes), dtype=np.int64)
    np.add.at(pairs_of, first, sizes)
    np.add.at(pairs_of, second, sizes * (first != second))
    return InputError(
        f"The duplicate search wanted at most {limit} pairs, but found {sizes.sum()} and more, "
        f"most of them with the hash {int(hashes[pairs_of.argmax()]):016x}; set the images with "
        "this hash apart, lower the radius, or take the threshold 'median'."
    )
