import itertools
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging import block_tables
from cosmop.imaging.duplicates import connected_groups
from cosmop.imaging.hamming_join import distinct_pairs, iterate_pairs, pairs_across, pairs_within
from cosmop.imaging.phash import phash


def _brute_force(hashes, radius):
    return [
        (i, j, (a ^ b).bit_count())
        for i, a in enumerate(hashes)
        for j, b in enumerate(hashes[i + 1 :], start=i + 1)
        if (a ^ b).bit_count() <= radius
    ]


def _clustered(count, seed, spread=12):
    """Random hashes, a third of them within `spread` bits of another, some of them equal."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    for at in range(0, count, 3):
        copy = int(hashes[rng.integers(count)])
        for bit in rng.integers(0, 64, rng.integers(0, spread)):
            copy ^= 1 << int(bit)
        hashes[at] = copy
    return hashes


@pytest.mark.parametrize("radius", [0, 1, 4, 8, 12, 20, 64])
def test_pairs_are_those_of_brute_force_in_its_order(radius):
    hashes = _clustered(150, seed=radius)

    pairs = list(zip(*(part.tolist() for part in pairs_within(hashes, radius)), strict=True))

    assert pairs == _brute_force(hashes.tolist(), radius)


def _pairs(batches):
    """All pairs of values of some batches, each sorted, so that repeated ones are seen."""
    return sorted(
        (min(pair), max(pair))
        for one, other in batches
        for pair in zip(one.tolist(), other.tolist(), strict=True)
    )


def _crowded(count, seed):
    """Hashes of which half lie in few keys: runs of every length, long ones among them."""
    rng = np.random.default_rng(seed)
    hashes = _clustered(count, seed)
    crowd = rng.integers(0, 2**12, count // 2, dtype=np.uint64) << np.uint64(20)
    hashes[: count // 2] = crowd | rng.integers(0, 2**6, count // 2, dtype=np.uint64)
    return np.unique(hashes)


@pytest.mark.parametrize(("radius", "extra"), [(0, 1), (1, 2), (3, 3), (6, 1), (8, 3), (12, 2)])
@pytest.mark.parametrize("draw", [_clustered, _crowded])
def test_the_block_join_finds_each_pair_once_for_any_number_of_blocks(draw, radius, extra):
    hashes = np.unique(draw(900, seed=extra))

    joined = _pairs(block_tables._join(hashes, radius, radius + extra))

    assert joined == _pairs(block_tables.compare_all(hashes, radius))


@pytest.mark.parametrize("chunk", [64, 1000])
def test_the_edges_of_chunks_lose_no_pair(monkeypatch, chunk):
    hashes = _crowded(3000, seed=5)
    monkeypatch.setattr(block_tables, "_CHUNK", chunk)
    monkeypatch.setattr(block_tables, "_LONG_RUN", 40)
    monkeypatch.setattr(block_tables, "_GATHERED", 400)

    joined = _pairs(block_tables._join(hashes, 6, 8))

    assert joined == _pairs(block_tables.compare_all(hashes, 6))


@pytest.mark.parametrize(("blocks", "shared"), [(5, 1), (6, 2), (11, 3), (7, 7)])
def test_a_table_has_its_key_on_top_and_loses_no_bit(blocks, shared):
    hashes = _clustered(100, seed=1)
    edges = [round(64 * at / blocks) for at in range(blocks + 1)]
    choices = list(itertools.combinations(range(blocks), shared))

    tables = list(block_tables.tables(blocks, shared))

    assert len(tables) == len(choices)
    for table, chosen in zip(tables, choices, strict=True):
        key = 0
        for block in reversed(chosen):
            width = edges[block + 1] - edges[block]
            key = key << width | (int(hashes[0]) >> edges[block]) % 2**width
        arranged = table.rearrange(hashes)
        assert int(arranged[0]) >> (64 - table.key_bits) == key
        assert np.array_equal(table.restore(arranged), hashes)
        distance = np.bitwise_count(arranged[1:] ^ arranged[:-1])
        assert np.array_equal(distance, np.bitwise_count(hashes[1:] ^ hashes[:-1]))


@pytest.mark.parametrize("radius", [4, 8])
def test_the_planned_search_equals_comparing_all_at_twenty_thousand(radius):
    hashes = np.unique(_clustered(20_000, seed=7))
    assert block_tables._plan(hashes, radius) > 0

    i, j, distance = pairs_within(hashes, radius)

    found = _pairs([(hashes[i], hashes[j])])
    assert found == _pairs(block_tables.compare_all(hashes, radius))
    assert np.array_equal(np.bitwise_count(hashes[i] ^ hashes[j]), distance)


def test_hashes_that_share_most_bits_are_all_compared_because_a_join_would_be_slower():
    rng = np.random.default_rng(0)
    shared = np.unique(rng.integers(0, 2**20, 30_000, dtype=np.uint64) << np.uint64(40))
    spread = rng.integers(0, 2**64, 30_000, dtype=np.uint64)

    assert block_tables._plan(shared, 8) == 0
    assert block_tables._plan(spread, 8) > 8


def test_a_join_of_real_hashes_is_one_of_brute_force(photo_files):
    values = [phash(Image.open(file)) for file in photo_files[:400]]
    hashes = np.array(values, dtype=np.uint64)

    pairs = list(zip(*(part.tolist() for part in pairs_within(hashes, 18)), strict=True))
    joined = _pairs(block_tables._join(np.unique(hashes), 18, 20))

    assert pairs == _brute_force(values, 18)
    assert len(pairs) > 20
    assert len(joined) == sum(distance > 0 for _, _, distance in pairs)


@pytest.mark.parametrize("radius", [0, 2, 8, 64])
def test_pairs_across_are_those_of_brute_force(radius):
    hashes = _clustered(260, seed=radius)
    left, right = np.append(hashes[:160], hashes[:9]), np.append(hashes[100:], hashes[200:205])

    pairs = list(zip(*(part.tolist() for part in pairs_across(left, right, radius)), strict=True))

    assert pairs == [
        (i, j, (a ^ b).bit_count())
        for i, a in enumerate(left.tolist())
        for j, b in enumerate(right.tolist())
        if (a ^ b).bit_count() <= radius
    ]


def test_pairs_across_of_nothing_are_none_and_of_too_much_are_refused():
    nothing, copies = np.zeros(0, np.uint64), np.full(100, 7, np.uint64)

    assert [len(part) for part in pairs_across(nothing, copies, 8)] == [0, 0, 0]
    with pytest.raises(InputError, match=r"at most 9999 pairs, but found 10000.*0000000000000007"):
        pairs_across(copies, copies, 8, max_pairs=9_999)


def test_pairs_on_one_side_do_not_count_as_pairs_across():
    star = np.array([0] + [1 << bit for bit in range(64)], dtype=np.uint64)
    far = np.array([2**64 - 1], dtype=np.uint64)

    assert len(pairs_across(star, far, 2, max_pairs=1)[0]) == 0


def test_distinct_pairs_are_refused_beyond_the_limit_only():
    star = np.array([0] + [1 << bit for bit in range(64)], dtype=np.uint64)

    assert len(distinct_pairs(star, 1, max_pairs=64)[0]) == 64
    with pytest.raises(InputError, match="at most 63 pairs, but found 64"):
        distinct_pairs(star, 1, max_pairs=63)


def test_a_search_at_scale_holds_few_arrays_of_its_size():
    hashes = np.random.default_rng(0).integers(0, 2**64, 300_000, dtype=np.uint64)
    hashes = np.unique(np.append(hashes, hashes[:20_000] ^ np.uint64(5)))
    tracemalloc.start()

    count = sum(len(bits) for _, _, bits in iterate_pairs(hashes, 4))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 6 * hashes.nbytes + 16 * 2**20


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_hashes_have_no_pairs(count):
    i, j, distance = pairs_within(np.zeros(count, np.uint64), 8)

    assert len(i) == len(j) == len(distance) == 0


def test_a_hundred_thousand_copies_are_refused_before_they_are_paired():
    hashes = np.append(
        np.full(100_000, 0xABCDEF, np.uint64), np.arange(5, dtype=np.uint64) << np.uint64(50)
    )

    with pytest.raises(InputError, match=r"4999950009 and more.*0000000000abcdef.*set the images"):
        pairs_within(hashes, 2)


def test_near_copies_beyond_the_limit_are_refused_by_name():
    star = np.array([0] + [1 << bit for bit in range(64)], dtype=np.uint64)

    with pytest.raises(InputError, match="hash 0000000000000000"):
        pairs_within(star, 1, max_pairs=63)
    assert len(pairs_within(star, 1, max_pairs=64)[0]) == 64


@pytest.mark.parametrize("radius", [-1, 65])
def test_a_radius_beyond_64_bits_is_refused(radius):
    with pytest.raises(ValueError, match="0 to 64"):
        pairs_within(np.zeros(3, np.uint64), radius)


@pytest.mark.parametrize("radius", [0, 4, 10])
def test_components_are_those_of_merging_pairs_one_by_one(radius):
    hashes = _clustered(400, seed=3)
    expected = np.arange(len(hashes))
    for i, j, _ in _brute_force(hashes.tolist(), radius):
        expected[expected == max(expected[i], expected[j])] = min(expected[i], expected[j])

    groups = connected_groups(hashes, radius)

    assert np.array_equal(groups, np.unique(expected, return_inverse=True)[1])


def test_a_million_equal_hashes_are_one_component():
    assert connected_groups(np.full(1_000_000, 7, np.uint64), 8).max() == 0


def test_no_hashes_have_no_components():
    assert connected_groups(np.zeros(0, np.uint64), 8).tolist() == []
