"""Planted copies are found, whatever was done to them, and no innocent generator is accused."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from cosmop.errors import InputError
from cosmop.metrics.authenticity import authenticity_percent, data_copying_score
from cosmop.metrics.closeness import Pictures, measure_closeness
from cosmop.metrics.copy_verdict import (
    CopyCounts,
    Found,
    chance_of_close,
    chance_of_hits,
    fewest_telling,
    judge_copies,
    threshold_rank,
)
from cosmop.metrics.memorisation import closest_pairs, measure_memorisation
from cosmop.metrics.memorisation_options import MemorisationOptions
from cosmop.metrics.training_distances import distance_ratios, nearest_training

Features = NDArray[np.float64]
OPTIONS = MemorisationOptions()
EXTRACTOR = {"name": "numbers", "checksum": "0" * 64}


def pictures(name: str, features: Features, hashes: NDArray[np.uint64] | None = None) -> Pictures:
    return Pictures([f"{name}{at}" for at in range(len(features))], features, None, hashes)


def mirror(features: Features) -> Features:
    """Swap the halves of the vector, as a mirror swaps the halves of a picture."""
    return np.roll(features, features.shape[1] // 2, axis=1)


def measure(training: Features, held_out: Features, synthetic: Features, **options: int | float):
    return measure_memorisation(
        pictures("t", training),
        pictures("t", mirror(training)),
        pictures("h", held_out),
        pictures("s", synthetic),
        options=MemorisationOptions(**options),
        extractor=EXTRACTOR,
    )


# Distances


def slow_ratio(query: Features, training: Features, mirrored: Features, k: int) -> float:
    once = sorted(
        min(float(np.linalg.norm(query - one)), float(np.linalg.norm(query - other)))
        for one, other in zip(training, mirrored, strict=True)
    )
    return once[0] / (sum(once[1:k]) / (k - 1))


def test_ratios_are_those_of_a_loop_far_from_the_origin(chance: np.random.Generator) -> None:
    training, queries = chance.normal(1000, 1, (80, 6)), chance.normal(1000, 1, (30, 6))

    near = nearest_training(queries, [training], [mirror(training)], k=20)

    slow = [slow_ratio(query, training, mirror(training), 20) for query in queries]
    np.testing.assert_allclose(distance_ratios(near), slow, rtol=1e-7)
    assert near.is_mirrored_MK.any()
    assert not near.is_mirrored_MK.all()


def test_several_blocks_give_what_one_gives(chance: np.random.Generator) -> None:
    training, queries = chance.normal(size=(2000, 3)), chance.normal(size=(3000, 3))

    whole = nearest_training(queries, [training], k=3)
    last = nearest_training(queries[-1:], [training], k=3)

    np.testing.assert_allclose(whole.distances_MK[-1:], last.distances_MK, rtol=1e-6)
    assert (whole.rows_MK[-1:] == last.rows_MK).all()


def test_the_mirror_image_of_the_nearest_is_no_second_neighbour(
    chance: np.random.Generator,
) -> None:
    training = chance.normal(size=(60, 8))
    symmetric = training + chance.normal(0, 1e-3, training.shape)  # nearly its own mirror image

    near = nearest_training(training + 0.01, [training], [symmetric], k=50)

    assert (near.rows_MK[:, 0] == np.arange(60)).all()
    assert (near.rows_MK[:, 1] != near.rows_MK[:, 0]).all()
    assert distance_ratios(near).max() < 0.05


def test_a_copy_of_an_image_that_is_there_sixty_times_is_a_copy(
    chance: np.random.Generator,
) -> None:
    training = np.concatenate([chance.normal(7, 1, (40, 5)), np.full((60, 5), 7.123456789)])

    near = nearest_training(training[-1:] * (1 + 1e-9), [training], k=50)

    assert distance_ratios(near) == 0


# The verdict


@pytest.mark.parametrize(("n_held_out", "rank"), [(1, 1), (50, 1), (199, 2), (340, 3), (1000, 10)])
def test_at_most_the_quantile_of_fresh_images_is_below_the_threshold(
    n_held_out: int, rank: int
) -> None:
    assert threshold_rank(n_held_out, 0.01) == rank
    assert rank / (n_held_out + 1) <= max(0.01, 1 / (n_held_out + 1))


def test_the_chance_of_close_images_is_what_a_simulation_gives(chance: np.random.Generator) -> None:
    n, rank, held_out, draws = 60, 2, 100, 20_000
    threshold = np.sort(chance.random((draws, held_out)), axis=1)[:, rank - 1]

    close = (chance.random((draws, n)) < threshold[:, None]).sum(axis=1)

    for count in (1, 3, 5):
        simulated = (close >= count).mean()
        assert chance_of_close(count, n, rank, held_out) == pytest.approx(simulated, abs=0.015)


def test_one_or_two_images_fall_below_the_threshold_by_rank_alone() -> None:
    assert chance_of_close(1, 1, 3, 9) == pytest.approx(3 / 10)
    assert chance_of_close(2, 2, 1, 9) == pytest.approx(2 / (10 * 11))
    assert chance_of_close(0, 2, 1, 9) == 1


def test_the_lowest_telling_count_is_that_of_a_walk() -> None:
    telling = fewest_telling(200, 3, 340, 0.01)

    walk = next(count for count in range(201) if chance_of_close(count, 200, 3, 340) <= 0.01)
    assert telling == walk
    assert fewest_telling(1, 1, 2, 0.01) == 2


def test_the_chance_of_hits_is_that_of_drawing_without_replacement() -> None:
    # All 3 hits among 4 of 6 images: 4·3·2 of 6·5·4 orders.
    assert chance_of_hits(Found(3, 4), Found(0, 2)) == pytest.approx(24 / 120)
    assert chance_of_hits(Found(0, 4), Found(2, 2)) == 1


def test_innocent_generators_are_accused_no_more_often_than_the_level_allows() -> None:
    accused, runs = 0, 120
    for seed in range(runs):
        chance = np.random.default_rng(seed)
        training, held_out, fresh = (chance.normal(size=(n, 6)) for n in (60, 40, 80))
        doc = measure(training, held_out, fresh, false_alarm_level=0.1, neighbours=20)
        accused += doc["verdict"] == "copies found"

    assert accused <= runs * 0.1 + 3 * np.sqrt(runs * 0.1 * 0.9)
    assert accused > 0  # the level is used, not wasted


@pytest.fixture(scope="module")
def world() -> tuple[Features, Features, Features]:
    chance = np.random.default_rng(1)
    training, held_out, fresh = (chance.normal(size=(n, 16)) for n in (500, 340, 400))
    return training, held_out, fresh


INNOCENTS: dict[str, Callable[[Features], Features]] = {
    "perfect": lambda fresh: fresh,
    "spread 0.9": lambda fresh: 0.9 * fresh,
    "spread 0.8": lambda fresh: 0.8 * fresh,
    "spread 1.1": lambda fresh: 1.1 * fresh,
    "noise": lambda fresh: fresh + np.random.default_rng(2).normal(0, 0.3, fresh.shape),
    "region dropped": lambda fresh: fresh[fresh[:, 0] < 0.67],
}


@pytest.mark.parametrize("name", INNOCENTS)
def test_a_poor_generator_is_no_copyist(
    world: tuple[Features, Features, Features], name: str
) -> None:
    training, held_out, fresh = world

    doc = measure(training, held_out, INNOCENTS[name](fresh))

    assert doc["verdict"] == "no sign of copying"
    assert doc["flagged"]["value"] < 0.03


def test_the_published_measures_take_a_small_spread_for_copying(
    world: tuple[Features, Features, Features],
) -> None:
    training, held_out, fresh = world

    perfect, shrunk = measure(*world), measure(training, held_out, 0.8 * fresh)

    assert shrunk["auth_pct"] < perfect["auth_pct"] - 10
    assert abs(perfect["c_t"]) < 3
    assert shrunk["c_t"] < -3
    assert abs(perfect["auth_pct"] - perfect["auth_pct_held_out"]) < 10


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_one_copy_in_twenty_is_found_and_named(
    world: tuple[Features, Features, Features], is_mirrored: bool
) -> None:
    training, held_out, fresh = world
    copies = mirror(training[:20]) if is_mirrored else training[:20]

    doc = measure(training, held_out, np.concatenate([fresh[:380], copies + 1e-3]))

    assert doc["verdict"] == "copies found"
    assert doc["flagged"]["value"] == pytest.approx(0.05, abs=0.02)
    assert doc["flagged"]["low"] > doc["null_share"]
    assert {pair["image_id"] for pair in doc["closest"]} == {f"s{at}" for at in range(380, 400)}
    for pair in doc["closest"]:
        assert pair["nearest_id"] == f"t{int(pair['image_id'][1:]) - 380}"
        assert pair["is_mirrored"] == is_mirrored
    assert (doc["mirrored"] >= 20) == is_mirrored
    ratios = [pair["ratio"] for pair in doc["closest"]]
    assert ratios == sorted(ratios)
    assert json.loads(json.dumps(doc, allow_nan=False)) == doc


def test_with_few_held_out_images_only_many_copies_can_be_told(
    world: tuple[Features, Features, Features],
) -> None:
    training, held_out, fresh = world

    few = measure(training, held_out[:20], fresh)
    one = measure(training, held_out[:1], fresh[:1])
    all_copied = measure(training, held_out[:20], training[:100])

    assert few["verdict"] == one["verdict"] == "cannot tell"
    assert "With 20 held-out and 400 synthetic images, up to" in few["reason"]
    assert few["null_share"] == pytest.approx(1 / 21)
    assert all_copied["verdict"] == "copies found"


def test_held_out_images_that_are_copies_themselves_are_no_control(
    world: tuple[Features, Features, Features],
) -> None:
    training, held_out, fresh = world

    doc = measure(training, np.concatenate([held_out, training[:20]]), fresh)

    assert doc["verdict"] == "cannot tell"
    assert "are copies of training images themselves" in doc["reason"]


def test_copies_that_the_features_miss_are_found_by_hash(
    world: tuple[Features, Features, Features], chance: np.random.Generator
) -> None:
    training, held_out, fresh = world
    draw = lambda n: chance.integers(0, 2**64, n, dtype=np.uint64)  # noqa: E731
    bank, mirrored, real, fake = draw(500), draw(500), draw(340), draw(400)
    fake[:60] = bank[:60] ^ np.uint64(7)
    fake[60:100] = mirrored[60:100]

    doc = measure_memorisation(
        pictures("t", training, bank),
        pictures("t", mirror(training), mirrored),
        pictures("h", held_out, real),
        pictures("s", fresh, fake),
        options=OPTIONS,
        extractor=EXTRACTOR,
    )

    assert doc["verdict"] == "copies found"
    assert "100 of 400 synthetic images are within 8 bits" in doc["reason"]
    assert (doc["phash_hits"]["value"], doc["phash_hits_held_out"]["value"]) == (0.25, 0)
    assert doc["found"]["value"] == pytest.approx(0.25, abs=0.03)


def test_single_hits_are_pointed_out_without_an_accusation() -> None:
    counts = CopyCounts({"features": Found(2, 500)}, 3, 340, (Found(1, 500), Found(0, 340)))

    verdict, reason = judge_copies(counts, OPTIONS)

    assert verdict == "no sign of copying"
    assert "look at the hits by perceptual hash nonetheless: 1 of 500" in reason


def test_the_closest_view_of_each_image_is_listed(chance: np.random.Generator) -> None:
    training, fresh = chance.normal(size=(60, 8)), chance.normal(size=(2, 8))
    small, fresh_small = (chance.random((n, 16, 16, 3)).astype(np.float32) for n in (60, 2))
    fresh_small[1] = small[7, :, ::-1]  # a mirrored copy, in its thumbnail only
    ids = [f"t{at}" for at in range(60)]

    seen = measure_closeness(
        Pictures(["a", "b"], fresh, fresh_small),
        Pictures(ids, training, small),
        Pictures(ids, mirror(training)),
    )
    first, second = closest_pairs(seen, ids, {"features": 0.5, "thumbnails": 0.5}, 5)

    assert (first["image_id"], first["by"], first["ratio"]) == ("b", "thumbnails", 0)
    assert (first["nearest_id"], first["is_mirrored"]) == ("t7", True)
    assert second["image_id"] == "a"


# The published measures


def test_authenticity_is_that_of_a_loop(chance: np.random.Generator) -> None:
    training, images = chance.normal(size=(50, 4)), chance.normal(size=(40, 4))
    training[3] = training[4]
    authentic = 0
    for image in images:
        apart = np.linalg.norm(training - image, axis=1)
        nearest = int(apart.argmin())
        others = np.delete(np.linalg.norm(training - training[nearest], axis=1), nearest)
        authentic += others.min() < apart[nearest]

    assert authenticity_percent(training, images) == pytest.approx(100 * authentic / 40)


@pytest.mark.parametrize("dimensions", [3, 80])
def test_c_t_is_that_of_counting_pairs(chance: np.random.Generator, dimensions: int) -> None:
    training, held_out, images = (chance.normal(size=(n, dimensions)) for n in (200, 50, 90))
    sets = training, held_out, images
    if dimensions > 64:
        turn = np.linalg.svd(training - training.mean(0), full_matrices=False)[2][:64].T
        sets = tuple((part - training.mean(0)) @ turn for part in sets)
    cells = KMeans(3, n_init=10, random_state=0).fit(sets[0])
    total = weight = 0.0
    for cell in range(3):
        t, h, s = (part[cells.predict(part) == cell] for part in sets)
        if len(s) <= 20:
            continue
        real, fake = ([np.linalg.norm(t - x, axis=1).min() for x in part] for part in (h, s))
        n, m = len(real), len(fake)
        farther = sum(x > y for x in fake for y in real)
        z = (farther - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12)
        total, weight = total + z * n, weight + n

    assert data_copying_score(training, held_out, images) == pytest.approx(total / weight, rel=1e-6)


def test_c_t_needs_more_than_twenty_images_in_a_cell(chance: np.random.Generator) -> None:
    training, held_out, images = (chance.normal(size=(n, 3)) for n in (90, 60, 12))

    assert data_copying_score(training, held_out, images) is None
    assert data_copying_score(training, held_out, training) < -3


# Bad input


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((0, 5, 5), "at least 3 images on each side, got 0"),
        ((2, 5, 5), "at least 3 images on each side, got 2"),
        ((9, 0, 5), "at least 1 images on each side, got 0"),
        ((9, 5, 0), "at least 1 images on each side, got 0"),
    ],
)
def test_too_few_images_are_refused(
    chance: np.random.Generator, counts: tuple[int, int, int], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        measure(*(chance.normal(size=(count, 4)) for count in counts))


def test_three_training_images_and_one_of_each_other_kind_are_enough(
    chance: np.random.Generator,
) -> None:
    doc = measure(*(chance.normal(size=(count, 4)) for count in (3, 1, 1)))

    assert (doc["verdict"], doc["neighbours"]) == ("cannot tell", 3)


def test_features_that_say_nothing_are_refused(chance: np.random.Generator) -> None:
    x = chance.normal(size=(20, 4))
    broken = x.copy()
    broken[4, 1] = np.nan

    with pytest.raises(InputError, match="features that vary, got 20 identical images"):
        measure(np.ones((20, 4)), x, x)
    with pytest.raises(InputError, match="NaN or infinity in 1 of 20"):
        measure(x, x, broken)
    with pytest.raises(InputError, match="from one extractor"):
        measure(x, x, chance.normal(size=(5, 6)))


def test_parts_that_do_not_belong_together_are_refused(chance: np.random.Generator) -> None:
    x, bits = chance.normal(size=(20, 4)), np.arange(20, dtype=np.uint64)
    sides = [pictures(name, x, bits) for name in "tths"]

    def run(*parts: Pictures) -> None:
        measure_memorisation(*parts, options=OPTIONS, extractor=EXTRACTOR)

    with pytest.raises(InputError, match=r"hashes of all of training, .* got none of held-out"):
        run(sides[0], sides[1], pictures("h", x), sides[3])
    with pytest.raises(InputError, match="every training image mirrored, in the same order"):
        run(sides[0], pictures("m", x, bits), sides[2], sides[3])
    with pytest.raises(InputError, match=r"got \{'ids': 1, 'vectors': 20\}"):
        Pictures(["a"], x)
