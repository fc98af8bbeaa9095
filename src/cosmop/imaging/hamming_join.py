"""All pairs of 64-bit hashes within a Hamming radius: exact, by a sorted block join.

Cut 64 bits into m blocks. Two hashes within r bits of each other agree on at least m - r blocks, so
for each choice of m - r blocks they lie in one run of equal keys after sorting by those blocks
(Manku, Jain and Das Sarma, WWW 2007; Norouzi, Punjani and Fleet, TPAMI 2014).
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cosmop.errors import InputError

HashArray = np.ndarray[Any, np.dtype[np.uint64]]
IntegerArray = np.ndarray[Any, np.dtype[np.int64]]
Pairs = tuple[IntegerArray, IntegerArray, IntegerArray]
Batch = tuple[IntegerArray, IntegerArray]

MAX_PAIRS = 20_000_000
_CHUNK = 1 << 18  # candidates compared at once: 2 MB an array, within the cache
_ROWS, _COLUMNS = 64, 4096  # one tile of the plain comparison, 2 MB
# Nanoseconds measured on one core with AVX-512; only their ratios matter for the plan.
_SORT_NS, _COMPARE_NS, _TILE_NS, _TABLE_NS = 60.0, 6.0, 1.8, 40_000.0


class _JoinIsSlowerError(Exception):
    """The hashes share so many bits that sorting them by blocks saves nothing."""


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
    hashes = np.asarray(hashes, dtype=np.uint64)
    distinct, inverse, copies = np.unique(hashes, return_inverse=True, return_counts=True)
    first, second, bits = distinct_pairs(distinct, radius, max_pairs)
    _refuse_explosion(distinct, copies, first, second, max_pairs)
    itself = np.flatnonzero(copies > 1)
    i, j, pair = _expand(inverse, copies, np.append(first, itself), np.append(second, itself))
    distance = np.append(bits, np.zeros(len(itself), np.int64))[pair]
    i, j = np.minimum(i, j), np.maximum(i, j)
    order = np.lexsort((j, i))
    return i[order], j[order], distance[order]


def distinct_pairs(distinct: HashArray, radius: int, max_pairs: int = MAX_PAIRS) -> Pairs:
    """Find all pairs within `radius` among hashes that are distinct and ascending, in no order.

    Raises:
        InputError: More than `max_pairs` pairs.
        ValueError: `radius` is not between 0 and 64.
    """
    if not 0 <= radius <= 64:
        raise ValueError(f"The radius of a Hamming join must be 0 to 64 bits, got {radius}.")
    blocks = _plan(len(distinct), radius)
    try:
        batches = _join(distinct, radius, blocks) if blocks else _compare_all(distinct, radius)
        first, second = _collect(batches, distinct, max_pairs)
    except _JoinIsSlowerError:
        first, second = _collect(_compare_all(distinct, radius), distinct, max_pairs)
    bits = np.bitwise_count(distinct[first] ^ distinct[second]).astype(np.int64)
    return first, second, bits


def _plan(count: int, radius: int) -> int:
    """Choose the number of blocks with the least expected work; 0 is comparing all pairs."""
    cost, chosen = _TILE_NS * count**2 / 2, 0
    for blocks in range(radius + 1, min(33, radius + 12)):
        shared = blocks - radius
        tables = math.comb(blocks, shared)
        candidates = count**2 / 2 / 2 ** (64 * shared / blocks)
        work = tables * (_TABLE_NS + count * _SORT_NS + candidates * _COMPARE_NS)
        if work < cost:
            cost, chosen = work, blocks
    return chosen


def _collect(batches: Iterator[Batch], hashes: HashArray, max_pairs: int) -> Batch:
    """Put batches together; an error when they explode."""
    firsts, seconds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    total = 0
    for batch in batches:
        firsts.append(batch[0])
        seconds.append(batch[1])
        total += len(batch[0])
        if total > max_pairs:
            ends = np.concatenate(firsts + seconds)
            raise _explosion(hashes[np.bincount(ends).argmax()], total, max_pairs)
    return np.concatenate(firsts), np.concatenate(seconds)


def _join(hashes: HashArray, radius: int, blocks: int) -> Iterator[Batch]:
    """Yield each pair once; give up when comparing all pairs turns out to be less work."""
    edges = [round(64 * at / blocks) for at in range(blocks + 1)]
    masks = [((1 << (high - low)) - 1) << low for low, high in itertools.pairwise(edges)]
    budget = len(hashes) ** 2 // 2
    for chosen in itertools.combinations(range(blocks), blocks - radius):
        key_mask = np.uint64(sum(masks[block] for block in chosen))
        # A pair that agrees on more blocks than chosen is in several tables. It belongs to the
        # first of them: where it differs in every earlier block that was not chosen.
        earlier = [np.uint64(masks[b]) for b in range(chosen[-1]) if b not in chosen]
        for start, stop, order, ordered in _runs(hashes, key_mask):
            budget -= len(start)
            if budget < 0:
                raise _JoinIsSlowerError
            bits = ordered[start] ^ ordered[stop]
            near = np.flatnonzero(np.bitwise_count(bits) <= radius)
            if len(near):
                near = near[_differs_in_all(bits[near], earlier)]
                yield order[start[near]], order[stop[near]]


def _differs_in_all(bits: HashArray, masks: list[np.uint64]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    differs = np.ones(len(bits), dtype=bool)
    for mask in masks:
        differs &= (bits & mask) != 0
    return differs


def _runs(
    hashes: HashArray, key_mask: np.uint64
) -> Iterator[tuple[IntegerArray, IntegerArray, IntegerArray, HashArray]]:
    """Yield chunks of candidate pairs: places in the order sorted by key that have equal keys."""
    keys = hashes & key_mask
    order = np.argsort(keys)
    keys, ordered = keys[order], hashes[order]
    start = np.flatnonzero(keys[1:] == keys[:-1])
    shift = 1
    while len(start):
        for at in range(0, len(start), _CHUNK):
            chunk = start[at : at + _CHUNK]
            yield chunk, chunk + shift, order, ordered
        shift += 1
        start = start[start + shift < len(keys)]
        start = start[keys[start] == keys[start + shift]]


def _compare_all(hashes: HashArray, radius: int) -> Iterator[Batch]:
    """Compare every pair, tile by tile: the reference, and the faster way for few hashes."""
    for row in range(0, len(hashes), _ROWS):
        rows = hashes[row : row + _ROWS, None]
        for column in range(row, len(hashes), _COLUMNS):
            bits = np.bitwise_count(rows ^ hashes[None, column : column + _COLUMNS])
            i, j = np.nonzero(bits <= radius)
            i, j = i + row, j + column
            yield i[i < j], j[i < j]


def _refuse_explosion(
    distinct: HashArray, copies: IntegerArray, first: IntegerArray, second: IntegerArray, limit: int
) -> None:
    """Count the pairs that copies of the same hashes will make, before making them."""
    pairs = copies * (copies - 1) // 2
    across = copies[first] * copies[second]
    total = int(pairs.sum() + across.sum())
    if total > limit:
        np.add.at(pairs, first, across)
        np.add.at(pairs, second, across)
        raise _explosion(distinct[pairs.argmax()], total, limit)


def _explosion(worst: np.uint64, total: int, limit: int) -> InputError:
    return InputError(
        f"The duplicate search wanted at most {limit} pairs, but found {total} and more, most of "
        f"them with the hash {int(worst):016x}; set the images with this hash apart, lower the "
        "radius, or take the threshold 'median'."
    )


def _expand(
    inverse: IntegerArray, copies: IntegerArray, first: IntegerArray, second: IntegerArray
) -> Pairs:
    """Turn pairs of distinct hashes into pairs of images, every copy with every copy.

    A pair of a hash with itself (first == second) gives each pair of its copies once.

    Returns:
        Image i, image j, and the number of the pair they come from.
    """
    members = np.argsort(inverse, kind="stable")
    begins = np.cumsum(copies) - copies
    widths = copies[second]
    sizes = copies[first] * widths
    pair = np.repeat(np.arange(len(first)), sizes)
    at = np.arange(len(pair)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    one, other = at // widths[pair], at % widths[pair]
    wanted = (first != second)[pair] | (one < other)
    pair, one, other = pair[wanted], one[wanted], other[wanted]
    return members[begins[first[pair]] + one], members[begins[second[pair]] + other], pair
