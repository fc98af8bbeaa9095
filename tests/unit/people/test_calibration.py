import numpy as np
import pytest
from scipy.special import expit

from cosmop.errors import InputError
from cosmop.people.calibration import (
    calibrate,
    fit_temperature,
)


def planted(count, temperature, seed=0):
    """Logits that are `temperature` times too large for the labels they came with."""
    chance = np.random.default_rng(seed)
    honest = chance.normal(0, 2, count)
    return honest * temperature, chance.random(count) < expit(honest)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_planted_temperature_is_found(temperature):
    # 200,000 images: standard error of the estimate 0.4 %
    found = fit_temperature(*planted(200_000, temperature))

    assert found == pytest.approx(temperature, rel=0.02)


def test_no_temperature_of_a_fine_grid_is_better():
    logits, labels = planted(60, 3.0)
    targets = np.where(labels, (labels.sum() + 1) / (labels.sum() + 2), 1 / ((~labels).sum() + 2))

    def loss(temperature):
        yes, no = expit(logits / temperature), expit(-logits / temperature)
        return -(targets * np.log(yes) + (1 - targets) * np.log(no)).mean()

    grid = np.geomspace(0.5, 20, 20_000)
    best = grid[np.argmin([loss(t) for t in grid])]
    assert fit_temperature(logits, labels) == pytest.approx(best, rel=1e-3)


def test_a_part_told_apart_without_an_error_does_not_ask_for_certainty():
    labels = np.arange(40) < 20
    temperature = fit_temperature(np.where(labels, 3.0, -3.0), labels)

    # All logits alike: the best probability is Platt's target, 21 / 22.
    assert expit(3.0 / temperature) == pytest.approx(21 / 22, rel=1e-5)


def test_logits_worse_than_chance_become_a_half():
    logits, labels = planted(500, 1.0)

    assert np.abs(expit(-logits / fit_temperature(-logits, labels)) - 0.5).max() < 0.03


def test_calibrating_removes_the_error_and_changes_no_verdict():
    logits, labels = planted(20_000, 4.0)
    calibration = calibrate(logits, labels)

    assert calibration.error_before > 0.1
    assert calibration.error_after < 0.02
    assert calibration.loss_after < calibration.loss_before
    assert (calibration.n, calibration.reason) == (20_000, None)


def test_too_few_images_of_a_class_leave_the_network_as_it_is():
    labels = np.arange(30) < 4
    calibration = calibrate(np.linspace(-1, 1, 30), labels)

    assert calibration.temperature == 1
    assert calibration.error_after is None
    assert "got 4 positive and 26 negative" in calibration.reason


def test_unusable_values_are_refused_in_one_sentence():
    labels = np.array([True, False])
    with pytest.raises(InputError, match=r"got \[3\] values and \[2\] labels"):
        calibrate(np.zeros(3), labels)
    with pytest.raises(InputError, match="of at least one image"):
        fit_temperature(np.zeros(0), labels[:0])
    with pytest.raises(InputError, match="got 1 that are not of 2"):
        calibrate(np.array([0.0, np.nan]), labels)
