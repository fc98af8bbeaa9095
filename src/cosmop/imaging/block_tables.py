"""The engine of the Hamming join: sort by some blocks of bits, compare within equal keys.

Cut 64 bits into m blocks. Two hashes within r bits of each other agree on at least m - r blocks, so
for each choice of m - r blocks they lie in one run of equal keys after sorting by those blocks
(Manku, Jain and Das Sarma, WWW 2007; Norouzi, Punjani and Fleet, TPAMI 2014).

Here a table is the hashes themselves with their bits rearranged, the key on top: they sort as plain
numbers, several times faster than an order of rows can be found, and a table carries no row
numbers. Rearranging bits changes no distance, and is undone for the few pairs that are found.
"""

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

HashArray = np.ndarray[Any, np.dtype[np.uint64]]
IntegerArray = np.ndarray[Any, np.dtype[np.int64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]
Batch = tuple[HashArray, HashArray]

_CHUNK = 1 << 15  # hashes worked on at once: 256 KB, within the second cache
_ROWS, _COLUMNS = 16, 2048  # one tile of the plain comparison
_LONG_RUN = 256  # runs from here on are compared by tiles
_GATHERED = 1 << 20  # candidates gathered at once
_SAMPLE = 512  # hashes whose pairs tell how many candidates to expect
# Nanoseconds on one core with AVX-512; only their ratios matter, for the plan.
_TABLE_NS, _HASH_NS, _NEIGHBOUR_NS, _GATHER_NS, _TILE_NS = 150_000.0, 12.0, 0.5, 8.0, 0.8


@dataclass(frozen=True)
class Table:
    """Which bits are the key, and where each bit goes.

    Attributes:
        key_bits: Width of the key, which lies on top.
        segments: ``(mask, shift)``: these bits move up by `shift` (down where negative).
        earlier: Rearranged masks of the blocks before the last chosen one that were not chosen.
    """

    key_bits: int
    segments: tuple[tuple[int, int], ...]
    earlier: tuple[np.uint64, ...]

    def rearrange(self, hashes: HashArray) -> HashArray:
        """Return the hashes with the key's bits on top, in the same order."""
        return _move(hashes, self.segments)

    def restore(self, hashes: HashArray) -> HashArray:
        """Undo `rearrange`."""
        return _move(hashes, [(_shifted(mask, shift), -shift) for mask, shift in self.segments])

    def owns(self, bits: HashArray) -> BoolArray:
        """Say which pairs, by the bits in which they differ, belong to this table.

        A pair that agrees on more blocks than chosen is in several tables. It belongs to the first
        of them: where the key agrees and every earlier block that was not chosen differs.
        """
        owned: BoolArray = bits >> np.uint64(64 - self.key_bits) == 0
        for mask in self.earlier:
            owned &= (bits & mask) != 0
        return owned


def near_pairs(hashes: HashArray, radius: int) -> Iterator[Batch]:
    """Yield every pair of `hashes`, distinct and ascending, within `radius` bits once, in batches.

    Memory is that of one more array of the same size, and of the batch.
    """
    blocks = _plan(hashes, radius)
    return _join(hashes, radius, blocks) if blocks else compare_all(hashes, radius)


def _plan(hashes: HashArray, radius: int) -> int:
    """Choose the number of blocks with the least expected work; 0 is comparing all pairs."""
    count = len(hashes)
    pairs = count * (count - 1) / 2
    cost, chosen = _TILE_NS * pairs, 0
    bits = _sampled_differences(hashes) if _TABLE_NS * (radius + 1) < cost else None
    for blocks in range(radius + 1, min(33, radius + 12)):
        tables = math.comb(blocks, radius)
        work = tables * (_TABLE_NS + _HASH_NS * count)
        if work < cost and bits is not None:
            work += 2 * _NEIGHBOUR_NS * pairs * _candidate_share(bits, blocks, radius)
        if work < cost:
            cost, chosen = work, blocks
    return chosen


def _sampled_differences(hashes: HashArray) -> HashArray:
    rows = np.random.default_rng(0).permutation(len(hashes))[:_SAMPLE]
    sample = hashes[rows]
    first, second = np.triu_indices(len(sample), 1)
    return sample[first] ^ sample[second]


def _candidate_share(bits: HashArray, blocks: int, radius: int) -> float:
    """Expect this many candidates, in all tables together, for each pair there is."""
    shared = blocks - radius
    agreeing = np.zeros(len(bits), dtype=np.uint8)
    for mask in _block_masks(blocks):
        agreeing += (bits & np.uint64(mask)) == 0
    times = np.bincount(agreeing, minlength=blocks + 1) / len(bits)
    seen = sum(share * math.comb(number, shared) for number, share in enumerate(times))
    return float(max(seen, math.comb(blocks, shared) / 2 ** (64 * shared / blocks)))


def _join(hashes: HashArray, radius: int, blocks: int) -> Iterator[Batch]:
    for table in tables(blocks, blocks - radius):
        ordered = table.rearrange(hashes)
        ordered.sort()
        for one, other in _within_runs(ordered, table.key_bits, radius):
            owned = table.owns(one ^ other)
            if owned.any():
                yield table.restore(one[owned]), table.restore(other[owned])


def tables(blocks: int, shared: int) -> Iterator[Table]:
    """Yield a table for each choice of `shared` of so many blocks of 64 bits."""
    masks = _block_masks(blocks)
    for chosen in itertools.combinations(range(blocks), shared):
        others = [block for block in range(blocks) if block not in chosen]
        segments, at = [], 0
        for block in (*others, *chosen):
            low = (masks[block] & -masks[block]).bit_length() - 1
            segments.append((masks[block], at - low))
            at += masks[block].bit_count()
        earlier = [_shifted(*segments[n]) for n, block in enumerate(others) if block < chosen[-1]]
        key_bits = sum(masks[block].bit_count() for block in chosen)
        yield Table(key_bits, _merge(segments), tuple(np.uint64(mask) for mask in earlier))


@functools.cache
def _block_masks(blocks: int) -> list[int]:
    edges = [round(64 * at / blocks) for at in range(blocks + 1)]
    return [((1 << (high - low)) - 1) << low for low, high in itertools.pairwise(edges)]


def _merge(segments: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: dict[int, int] = {}
    for mask, shift in segments:
        merged[shift] = merged.get(shift, 0) | mask
    return tuple((mask, shift) for shift, mask in merged.items())


def _shifted(mask: int, shift: int) -> int:
    return mask << shift if shift >= 0 else mask >> -shift


def _move(hashes: HashArray, segments: Sequence[tuple[int, int]]) -> HashArray:
    moved = np.zeros_like(hashes)
    part = np.empty(min(_CHUNK, len(hashes)), dtype=np.uint64)
    for start in range(0, len(hashes), _CHUNK):
        source, target = hashes[start : start + _CHUNK], moved[start : start + _CHUNK]
        piece = part[: len(source)]
        for mask, shift in segments:
            np.bitwise_and(source, np.uint64(mask), out=piece)
            turn = np.left_shift if shift >= 0 else np.right_shift
            turn(piece, np.uint64(abs(shift)), out=piece)
            np.bitwise_or(target, piece, out=target)
    return moved


def _within_runs(ordered: HashArray, key_bits: int, radius: int) -> Iterator[Batch]:
    """Yield the pairs near each other in a table, those in one run of equal keys among them.

    Hashes a few places apart are compared all along the table, whatever their keys: that is a
    tenth of the work of gathering candidates. The rest of longer runs is gathered, or compared by
    tiles when the run is long.
    """
    starts, lengths = _runs(ordered, key_bits)
    reach = _reach(lengths, len(ordered))
    yield from _neighbours(ordered, reach, radius)
    beyond = lengths > reach + 1
    starts, lengths = starts[beyond], lengths[beyond]
    is_long = lengths >= _LONG_RUN
    yield from _gathered(ordered, starts[~is_long], lengths[~is_long], reach, radius)
    for start, length in zip(starts[is_long].tolist(), lengths[is_long].tolist(), strict=True):
        yield from compare_all(ordered[start : start + length], radius, beyond=reach)


def _runs(ordered: HashArray, key_bits: int) -> tuple[IntegerArray, IntegerArray]:
    """Return where the runs of equal keys start, and how long they are."""
    changes = np.empty(len(ordered), dtype=bool)
    changes[0] = True
    least = np.uint64(1 << (64 - key_bits))
    for at in range(1, len(ordered), _CHUNK):
        here = ordered[at : at + _CHUNK]
        before = ordered[at - 1 : at - 1 + len(here)]
        np.greater_equal(here ^ before, least, out=changes[at : at + _CHUNK])
    starts = np.flatnonzero(changes)
    return starts, np.diff(starts, append=len(ordered))


def _reach(lengths: IntegerArray, count: int) -> int:
    """Choose up to how many places apart comparing all along the table is the cheaper way."""
    number = np.bincount(lengths[lengths < _LONG_RUN], minlength=2)
    at_least = np.cumsum(number[::-1])[::-1]  # runs of at least so many hashes
    with_partner = np.cumsum(at_least[:1:-1])[::-1]  # hashes with a partner 1, 2, 3 … places on
    return int(np.count_nonzero(with_partner * _GATHER_NS > count * _NEIGHBOUR_NS))


def _neighbours(ordered: HashArray, reach: int, radius: int) -> Iterator[Batch]:
    bits = np.empty(_CHUNK, dtype=np.uint64)
    distance = np.empty(_CHUNK, dtype=np.uint8)
    near = np.empty(_CHUNK, dtype=bool)
    for start in range(0, len(ordered), _CHUNK):
        for step in range(1, reach + 1):
            other = ordered[start + step : start + step + _CHUNK]
            one = ordered[start : start + len(other)]
            size = len(other)
            np.bitwise_xor(one, other, out=bits[:size])
            np.bitwise_count(bits[:size], out=distance[:size])
            np.less_equal(distance[:size], radius, out=near[:size])
            if near[:size].any():
                found = np.flatnonzero(near[:size])
                yield one[found], other[found]


def _gathered(
    ordered: HashArray, starts: IntegerArray, lengths: IntegerArray, reach: int, radius: int
) -> Iterator[Batch]:
    """Yield near pairs more than `reach` places apart within the given runs."""
    for begin in range(0, len(starts), _GATHERED // _LONG_RUN):
        part = slice(begin, begin + _GATHERED // _LONG_RUN)
        sizes = lengths[part] - reach - 1
        left = np.repeat(lengths[part], sizes)
        place = np.arange(len(left)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        one, left = np.repeat(starts[part], sizes) + place, left - place
        step = reach
        while len(one):
            step += 1
            bits = ordered[one] ^ ordered[one + step]
            near = one[np.bitwise_count(bits) <= radius]
            yield ordered[near], ordered[near + step]
            more = left > step + 1
            one, left = one[more], left[more]


def compare_all(hashes: HashArray, radius: int, beyond: int = 0) -> Iterator[Batch]:
    """Compare every pair more than `beyond` places apart, tile by tile: the reference as well."""
    for row in range(0, len(hashes), _ROWS):
        rows = hashes[row : row + _ROWS, None]
        for column in range(row, len(hashes), _COLUMNS):
            columns = hashes[None, column : column + _COLUMNS]
            near = np.bitwise_count(rows ^ columns) <= radius
            if near.any():
                i, j = np.nonzero(near)
                i, j = i + row, j + column
                wanted = j - i > beyond
                yield hashes[i[wanted]], hashes[j[wanted]]
