"""Paired comparisons: closed forms, published figures, and simulations with a known truth."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest
from scipy.stats import t as student

from cosmop.errors import InputError
from cosmop.metrics.classification import mcnemar_exact
from cosmop.metrics.paired import (
    auroc_per_seed,
    balanced_per_seed,
    compare_paired,
    draw_two_way,
    holm,
    is_shown,
    majority,
    mean_per_seed,
    two_way_interval,
)
from cosmop.metrics.power import mcnemar_power, smallest_detectable_gain

SEEDS = 5


def simulated_arms(chance, n=300, *, gain=0.0, seed_deviation=0.0, group_size=1):
    """Two arms that differ by `gain` on average, and by chance of image, group and seed.

    How often an image is judged right depends on its group (alike in both arms), on the arm, and
    on the training, which moves all images at once.
    """
    groups = np.arange(n) // group_size
    easy_N = chance.beta(4, 1, groups.max() + 1)[groups]
    arms = []
    for shift in (0.0, gain):
        moved_S1 = chance.normal(shift, seed_deviation, (SEEDS, 1))
        right_SN = chance.random((SEEDS, n)) < np.clip(easy_N + moved_S1, 0, 1)
        arms.append(right_SN)
    labels = chance.random(n) < 0.4
    return labels, *(np.where(right == labels, 0.9, 0.1) for right in arms), groups


def compared(arms, resamples=300, seed=0):
    labels, before, after, groups = arms
    draws = draw_two_way(groups, SEEDS, resamples=resamples, seed=seed)
    return compare_paired(labels, before, after, draws)


def test_groups_are_drawn_whole_and_seeds_beside_them():
    groups = np.array(["b", "a", "b", "c", "a", "b"])
    draws = draw_two_way(groups, 4, resamples=200)

    for name in "abc":
        drawn = draws.images_BN[:, groups == name]
        assert (drawn == drawn[:, :1]).all()
    assert (draws.images_BN[:, [0, 1, 3]].sum(axis=1) == 3).all()  # one image of each group
    assert draws.seeds_BS.shape == (200, 4)
    assert (draws.seeds_BS.sum(axis=1) == 4).all()


def half_width_by_analysis_of_variance(groups_SG):
    """Work out the two-way clustered interval from a complete table, without drawing."""
    seeds, groups = groups_SG.shape
    rest = groups_SG - groups_SG.mean(0) - groups_SG.mean(1)[:, None] + groups_SG.mean()
    of_groups = groups_SG.mean(0).var() / groups
    of_seeds = groups_SG.mean(1).var(ddof=1) / seeds - np.square(rest).sum() / rest.size**2
    freedom = (of_groups + of_seeds) ** 2 / (
        of_groups**2 / (groups - 1) + of_seeds**2 / (seeds - 1)
    )
    return student.ppf(0.975, freedom) * np.sqrt(of_groups + of_seeds)


@pytest.mark.parametrize("seed_deviation", [0.3, 1.0])
def test_the_interval_is_that_of_an_analysis_of_variance(chance, seed_deviation):
    groups = np.arange(60) // 3
    values = chance.standard_normal((SEEDS, 60)) + seed_deviation * np.arange(SEEDS)[:, None]
    draws = draw_two_way(groups, SEEDS, resamples=8000)
    interval = two_way_interval(mean_per_seed(values), draws, (-9, 9))

    half = half_width_by_analysis_of_variance(values.reshape(SEEDS, 20, 3).mean(axis=2))
    assert interval["value"] == pytest.approx(values.mean())
    assert interval["high"] - interval["value"] == pytest.approx(half, rel=0.05)
    assert interval["value"] - interval["low"] == pytest.approx(half, rel=0.05)
    assert interval["n"] == 60


def test_an_interval_stays_within_what_the_figure_can_be():
    right = np.ones((SEEDS, 40), bool)
    right[0, :3] = False
    draws = draw_two_way(range(40), SEEDS, resamples=100)

    assert two_way_interval(mean_per_seed(right), draws, (0, 1))["high"] == 1


@pytest.mark.parametrize("images", [6, 5])
def test_a_perfect_arm_on_a_handful_of_images_is_not_certain(images):
    labels = np.arange(images) % 2 == 0
    right, wrong = (np.tile(np.where(answer, 0.9, 0.1), (2, 1)) for answer in (labels, ~labels))
    draws = draw_two_way(np.arange(images), 2, resamples=50)
    accuracy = two_way_interval(mean_per_seed((right >= 0.5) == labels), draws, (0, 1))
    result = compare_paired(labels, wrong, right, draws)

    exact = binomtest(images, images).proportion_ci(0.95, method="exact")
    assert (accuracy["low"], accuracy["high"]) == pytest.approx((exact.low, 1))
    # All images gained: shown from 6 on, where McNemar's exact test shows it, too.
    assert is_shown(result["gain"], 0) == (result["p_mcnemar"] < 0.05) == (images == 6)


def test_the_fewer_images_of_a_class_are_what_a_perfect_figure_rests_on():
    truth = np.repeat([True, False], [5, 400])
    draws = draw_two_way(np.arange(405), 2, resamples=50)
    perfect = auroc_per_seed(truth, np.tile(truth, (2, 1)).astype(float))

    interval = two_way_interval(perfect, draws, (0, 1), cases=5)
    assert interval["low"] == pytest.approx(0.025 ** (1 / 5))


def test_statistics_without_drawing_are_the_plain_ones(chance):
    truth = np.repeat([True, False], [10, 30])
    right = chance.random((SEEDS, 40)) < 0.7
    once = np.ones((1, 40), np.int64)

    balanced = (right[:, truth].mean(axis=1) + right[:, ~truth].mean(axis=1)) / 2
    assert balanced_per_seed(truth, right)(once)[0] == pytest.approx(balanced)
    assert mean_per_seed(right)(once)[0] == pytest.approx(right.mean(axis=1))
    assert auroc_per_seed(truth, np.tile(truth, (SEEDS, 1)).astype(float))(once).tolist() == [
        [1.0] * SEEDS
    ]


def test_draws_that_lack_a_class_are_left_out_and_do_not_break():
    truth = np.array([True, False, False])
    draws = draw_two_way(np.arange(3), 2, resamples=200)
    scores = np.array([[0.9, 0.1, 0.2], [0.3, 0.4, 0.2]])

    for statistic in (auroc_per_seed(truth, scores), balanced_per_seed(truth, scores >= 0.5)):
        interval = two_way_interval(statistic, draws, (0, 1))
        assert 0 <= interval["low"] <= interval["value"] <= interval["high"] <= 1


def test_most_seeds_decide_and_the_mean_breaks_a_tie():
    p = np.array([[0.9, 0.4, 0.6, 0.51], [0.6, 0.4, 0.1, 0.0], [0.2, 0.9, 0.1, 0.9]])

    assert majority(p).tolist() == [True, False, False, True]
    assert majority(p[:2]).tolist() == [True, False, False, False]


def test_a_comparison_by_hand():
    labels = np.array([True, True, False, False])
    before = np.array([[0.9, 0.1, 0.1, 0.9], [0.9, 0.1, 0.1, 0.1]])
    after = np.array([[0.9, 0.9, 0.1, 0.1], [0.9, 0.9, 0.9, 0.2]])
    result = compare_paired(labels, before, after, draw_two_way(range(4), 2, resamples=50))

    # seed 1 gains two images, seed 2 gains one and loses one
    assert result["per_seed"] == [0.5, 0.0]
    assert result["gain"]["value"] == 0.25
    # votes: before +, −, −, tie at 0.5 is yes; after +, +, tie at 0.5 is yes, −
    assert (result["fixed"], result["broken"], result["disagreement"]) == (2, 1, 0.75)
    assert result["p_value"] == pytest.approx(binomtest(2, 3).pvalue)


def test_equal_arms_do_not_differ(chance):
    labels, before, _, groups = simulated_arms(chance)
    result = compared((labels, before, before, groups))

    assert result["p_value"] == 1
    unseen = 1 - 0.025 ** (1 / 300)  # 300 images that agree do not prove that all do
    assert result["gain"]["value"] == 0
    assert [result["gain"][name] for name in ("low", "high")] == pytest.approx([-unseen, unseen])
    assert not is_shown(result["gain"], result["p_value"])


@pytest.mark.parametrize(
    "nature",
    [
        {},
        {"seed_deviation": 0.02},  # a training is better or worse as a whole
        {"group_size": 5},  # near copies: five images are judged alike
    ],
    ids=["images", "images and seeds", "groups"],
)
def test_exchangeable_arms_are_called_different_no_more_often_than_stated(nature):
    chance = np.random.default_rng(0)
    results = [compared(simulated_arms(chance, **nature), seed=i) for i in range(250)]

    false_alarms = np.mean([is_shown(each["gain"], each["p_value"]) for each in results])
    covered = np.mean([each["gain"]["low"] <= 0 <= each["gain"]["high"] for each in results])
    assert false_alarms <= 0.05
    assert covered >= 0.89  # two deviations of 250 studies below the least that was measured


def test_a_real_gain_is_found_and_its_interval_covers_it():
    chance = np.random.default_rng(0)
    results = [compared(simulated_arms(chance, n=800, gain=0.08), seed=i) for i in range(100)]

    # 0.08 more, less what is cut off where images are always judged right
    expected = np.mean(np.minimum(chance.beta(4, 1, 10**6) + 0.08, 1)) - 0.8
    covered = [r["gain"]["low"] <= expected <= r["gain"]["high"] for r in results]
    assert np.mean([is_shown(each["gain"], each["p_value"]) for each in results]) >= 0.95
    assert np.mean(covered) >= 0.9


def test_without_the_seeds_in_the_interval_luck_would_pass_for_a_gain():
    chance = np.random.default_rng(0)
    studies = [simulated_arms(chance, n=2000, seed_deviation=0.05) for _ in range(100)]
    by_test = [compared(each, resamples=100) for each in studies]

    mcnemar_alone = np.mean([each["p_mcnemar"] <= 0.05 for each in by_test])
    both = np.mean([is_shown(each["gain"], each["p_value"]) for each in by_test])
    assert mcnemar_alone > 0.15
    assert both < 0.12  # 5 % promised; 12 of 100 has a chance below 1 %


def test_of_six_equal_arms_none_is_found_better_more_often_than_promised():
    chance = np.random.default_rng(0)
    findings = {"p_mcnemar": 0, "p_value": 0}
    for _ in range(60):
        truth, *arms = equal_arms(chance, images=400, arms=7)
        draws = draw_two_way(np.arange(400), 5, resamples=60, seed=int(chance.integers(1 << 30)))
        compared_arms = [compare_paired(truth, arms[0], arm, draws) for arm in arms[1:]]
        for key in findings:
            adjusted = holm([each[key] for each in compared_arms])
            shown = [
                is_shown(each["gain"], p) for each, p in zip(compared_arms, adjusted, strict=True)
            ]
            findings[key] += any(shown)

    assert findings["p_value"] <= 8  # 5 % of 60 promised; above 8 has a chance below 1 %
    assert findings["p_mcnemar"] > findings["p_value"]


def equal_arms(chance, images, arms):
    """Labels, then probabilities [5, images] of arms whose trainings differ by 4 points."""
    truth, easy = chance.random(images) < 0.5, chance.normal(0, 1.2, images)
    yield truth
    for _ in range(arms):
        shift_S = chance.normal(0.9, 0.16, (5, 1))
        right_SN = easy + chance.normal(0, 0.7, (5, images)) + shift_S > 0
        yield np.where(right_SN == truth, 0.9, 0.1)


def test_holm_by_hand_and_in_any_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.5]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.2]) == [0.2]


def test_holm_keeps_the_chance_of_any_false_alarm():
    chance = np.random.default_rng(0)
    alarms = [min(holm(chance.random(6))) <= 0.05 for _ in range(3000)]

    assert np.mean(alarms) == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize(
    ("disagreement", "gain", "published"),
    [(0.06, 0.0240, 0.025), (0.10, 0.0309, 0.033), (0.15, 0.0377, 0.040)],
)
def test_the_smallest_gain_on_the_studys_866_test_images(disagreement, gain, published):
    """The published figures are rounded up: they have a power of 0.83 to 0.86."""
    found = smallest_detectable_gain(866, disagreement)

    assert found == pytest.approx(gain, abs=1e-4)
    assert 0 <= published - found <= 0.0025
    assert 0.8 <= mcnemar_power(866, disagreement, published) <= 0.86


@pytest.mark.parametrize("disagreement", [0.03, 0.10, 0.3])
def test_studies_with_the_smallest_gain_show_it_in_four_of_five_cases(disagreement):
    chance = np.random.default_rng(0)
    gain = smallest_detectable_gain(400, disagreement)
    better, worse = (disagreement + gain) / 2, (disagreement - gain) / 2
    counts = chance.multinomial(400, [better, worse, 1 - disagreement], size=1500)
    labels = np.ones(400, bool)
    shown = []
    for fixed, broken, same in counts:
        first = np.repeat([False, True, True], [fixed, broken, same])
        second = np.repeat([True, False, True], [fixed, broken, same])
        shown.append(mcnemar_exact(labels, first, second)["p_value"] <= 0.05)

    assert np.mean(shown) == pytest.approx(0.8, abs=0.03)  # 1500 studies give ± 0.02


def test_power_without_a_gain_is_the_level_and_never_above():
    powers = [mcnemar_power(n, 0.2, 0.0) for n in (20, 200, 2000)]

    assert max(powers) <= 0.05
    assert powers[2] > 0.035


def test_a_stricter_level_and_fewer_images_need_a_larger_gain():
    usual = smallest_detectable_gain(866, 0.1)

    assert smallest_detectable_gain(866, 0.1, alpha=0.01) > usual
    assert smallest_detectable_gain(400, 0.1) > usual
    assert smallest_detectable_gain(866, 0.1, power=0.5) < usual


def test_arms_that_hardly_disagreed_would_have_to_by_as_much_as_the_gain():
    gain = smallest_detectable_gain(866, 0.0)

    # six disagreements, all on one side, are the fewest with p ≤ 0.05: 2 / 2⁶ = 0.03
    assert binom.sf(5, 866, gain) == pytest.approx(0.8, abs=0.002)
    assert smallest_detectable_gain(866, gain / 2) == gain


def test_no_gain_can_be_shown_on_five_images():
    assert smallest_detectable_gain(5, 1.0) is None
    assert smallest_detectable_gain(6, 1.0) is not None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: draw_two_way([], 5), r"shape \[0\], 0 groups"),
        (lambda: draw_two_way([1, 2], 1), r"shape \[2\], 2 groups, 1 seeds"),
        (lambda: draw_two_way([1, 2], 2, resamples=1), "1 resamples"),
        (lambda: draw_two_way(["a", "a", "a"], 2), "1 groups, 2 seeds"),
        (lambda: holm([0.5, np.nan]), "between 0 and 1"),
        (lambda: smallest_detectable_gain(0, 0.1), "at least 1 test image"),
        (lambda: smallest_detectable_gain(9, 1.1), "within 0 and 1, got 9, 1.1"),
        (
            lambda: compare_paired(
                [True, False], np.ones((2, 2)), np.ones((3, 2)), draw_two_way([1, 2], 2)
            ),
            r"\[seeds, images\] = \[2, 2\] of both arms, got \[2, 2\] and \[3, 2\]",
        ),
        (lambda: auroc_per_seed(np.ones(3, bool), np.ones((1, 3))), "got 3 positive of 3"),
    ],
)
def test_unusable_input_is_refused_in_one_sentence(call, said):
    with pytest.raises(InputError, match=said):
        call()
