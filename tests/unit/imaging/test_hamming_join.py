import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.imaging import hamming_join
from cosmop.imaging.duplicates import connected_groups, pairs_within


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


@pytest.mark.parametrize("radius", [0, 3, 4, 6, 8, 10, 12])
@pytest.mark.parametrize("extra", [1, 2, 3])
def test_the_block_join_finds_each_pair_once_for_any_number_of_blocks(radius, extra):
    hashes = np.unique(_clustered(3000, seed=extra))

    joined = np.concatenate(
        [np.zeros((2, 0), np.int64)]
        + [np.sort(b, axis=0) for b in hamming_join._join(hashes, radius, radius + extra)],
        axis=1,
    )
    compared = np.concatenate(list(hamming_join._compare_all(hashes, radius)), axis=1)

    assert sorted(joined.T.tolist()) == sorted(compared.T.tolist())


@pytest.mark.parametrize("radius", [4, 8])
def test_the_planned_search_equals_comparing_all_at_twenty_thousand(radius):
    hashes = np.unique(_clustered(20_000, seed=7))
    assert hamming_join._plan(len(hashes), radius) > 0

    i, j, distance = pairs_within(hashes, radius)

    compared = np.concatenate(list(hamming_join._compare_all(hashes, radius)), axis=1)
    assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == sorted(
        map(tuple, compared.T.tolist())
    )
    assert np.array_equal(np.bitwise_count(hashes[i] ^ hashes[j]), distance)


def test_hashes_that_share_most_bits_fall_back_to_comparing_all():
    rng = np.random.default_rng(0)
    shared = rng.integers(0, 2**20, 3000, dtype=np.uint64) << np.uint64(40)  # 44 bits all equal
    hashes = np.unique(shared)
    with pytest.raises(hamming_join._JoinIsSlowerError):
        list(hamming_join._join(hashes, 4, 6))

    i, _, _ = pairs_within(hashes, 4)

    compared = np.concatenate(list(hamming_join._compare_all(hashes, 4)), axis=1)
    assert len(i) == compared.shape[1]


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
