"""Probabilities that mean what they say, and some that do not."""

import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.metrics.calibration import calibration, expected_calibration_error


def slow_error(probabilities, labels, bins):
    total = 0.0
    for index in range(bins):
        last = index == bins - 1
        chosen = [
            i
            for i, p in enumerate(probabilities)
            if index / bins <= p and (p < (index + 1) / bins or last)
        ]
        if chosen:
            gap = np.mean(probabilities[chosen]) - np.mean(labels[chosen])
            total += len(chosen) / len(labels) * abs(gap)
    return total


def test_the_calibration_error_is_that_of_the_definition():
    chance = np.random.default_rng(0)
    probabilities = np.append(chance.random(300), [0.0, 1.0, 0.5])
    labels = chance.random(303) < probabilities**2

    for bins in (1, 8, 16):  # edges that floats hold exactly
        expected = slow_error(probabilities, labels, bins)
        assert expected_calibration_error(labels, probabilities, bins) == pytest.approx(expected)


def test_the_calibration_error_of_three_images_by_hand():
    # bins of a fifth: 0.1 with a no (gap 0.1), 0.9 and 0.9 with a yes and a no (gap 0.4)
    probabilities, labels = np.array([0.1, 0.9, 0.9]), np.array([False, True, False])

    assert expected_calibration_error(labels, probabilities, 5) == pytest.approx(0.1 / 3 + 0.8 / 3)


def test_calibrated_probabilities_stay_at_the_floor_and_bold_ones_do_not(chance):
    p = chance.random(2000)
    labels = chance.random(2000) < p
    bold = 1 / (1 + ((1 - p) / p) ** 3)  # three times the logit
    fine, wrong = calibration(labels, p), calibration(labels, bold)

    assert fine["expected_error"]["value"] <= fine["expected_error_floor"]["high"]
    assert wrong["expected_error"]["low"] > wrong["expected_error_floor"]["high"]
    assert wrong["brier"]["low"] > fine["brier"]["high"]
    assert fine["brier"]["value"] == pytest.approx(1 / 6, abs=0.02)  # ∫ p (1 − p)


def test_expected_error_and_bins_by_hand():
    found = calibration([1, 0, 0, 1], [0.9, 1.0, 0.22, 0.28], resamples=10)

    assert [(each["low"], each["high"]) for each in found["bins"]] == [(0.2, 0.3), (0.9, 1.0)]
    assert [each["mean"] for each in found["bins"]] == pytest.approx([0.25, 0.95])
    assert [each["share"]["value"] for each in found["bins"]] == [0.5, 0.5]
    # half of the images are off by 0.25, half by 0.45
    assert found["expected_error"]["value"] == pytest.approx(0.35)


def test_the_interval_of_the_expected_error_covers_what_is_expected_at_this_n():
    chance = np.random.default_rng(0)

    def judged():
        p = chance.random(200)
        return chance.random(200) < p**1.7, p

    expected = np.mean(
        [calibration(*judged(), resamples=2)["expected_error"]["value"] for _ in range(600)]
    )
    intervals = [
        calibration(*judged(), resamples=100, seed=i)["expected_error"] for i in range(200)
    ]

    assert np.mean([i["low"] <= expected <= i["high"] for i in intervals]) >= 0.9


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: calibration([1, 0], [0.5, 1.5]), "between 0 and 1, got 1.5"),
        (lambda: calibration([1, 0], [0.5, np.nan]), "between 0 and 1, got nan"),
        (lambda: calibration([], []), "at least one label"),
        (lambda: expected_calibration_error([1, 0], [-3.0, 0.5]), "between 0 and 1, got -3"),
    ],
)
def test_unusable_probabilities_are_refused_in_one_sentence(call, said):
    with pytest.raises(InputError, match=said):
        call()
