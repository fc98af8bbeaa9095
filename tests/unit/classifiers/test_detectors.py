import json

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from cosmop.classifiers.detectors import (
    DetectorOptions,
    conformal_threshold,
    fit_detectors,
)
from cosmop.classifiers.options import DETECTORS
from cosmop.errors import InputError
from cosmop.metrics.classification import auroc

D = 12


def subject(seed, n=120, d=D):
    """Features of the subject: a mean direction and a few correlated deviations."""
    chance = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).standard_normal((3, d))
    centre = np.linspace(3, 0, d)
    return centre + chance.standard_normal((n, 3)) @ mixing + 0.3 * chance.standard_normal((n, d))


def others(seed, n=120, d=D):
    """Features of anything else: as far out, but not along the subject's deviations."""
    chance = np.random.default_rng(seed)
    return np.linspace(0, 3, d) + 1.5 * chance.standard_normal((n, d))


@pytest.fixture(scope="module")
def detectors():
    options = DetectorOptions(landmarks=50, trees=50)
    return fit_detectors(subject(0), others(1), subject(2, 60), options)


def only(name, **settings):
    options = DetectorOptions(detectors=(name,), **settings)
    return fit_detectors(subject(0), others(1), subject(2, 60), options)[name]


def test_all_detectors_are_fitted_in_the_order_of_the_options(detectors):
    assert tuple(detectors) == DETECTORS
    assert all(name == detector.name for name, detector in detectors.items())


@pytest.mark.parametrize("name", DETECTORS)
def test_what_is_like_the_subject_scores_higher(detectors, name):
    x = np.concatenate([subject(3), others(4)])
    is_positive = np.repeat([1, 0], 120)

    assert auroc(is_positive, detectors[name].score(x), resamples=20)["value"] > 0.9


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_knn_score_is_the_mean_distance_in_a_slow_search(metric):
    train, unseen = subject(0), others(5, 9)

    def unit(v):
        return v / np.linalg.norm(v)

    def distance(a, b):
        return 1 - unit(a) @ unit(b) if metric == "cosine" else np.linalg.norm(unit(a) - unit(b))

    expected = [-np.mean(sorted(distance(a, b) for b in train)[:5]) for a in unseen]
    np.testing.assert_allclose(only("knn", metric=metric).score(unseen), expected, atol=1e-12)


def test_the_mahalanobis_score_is_that_of_the_explicit_inverse():
    train, unseen = subject(0), others(5, 9)

    inverse = np.linalg.inv(ledoit_wolf(train)[0])
    centred = unseen - train.mean(0)
    expected = [-np.sqrt(row @ inverse @ row) for row in centred]
    np.testing.assert_allclose(only("mahalanobis").score(unseen), expected)


def test_ledoit_wolfs_shrinkage_is_that_of_its_paper():
    """δ = min(b̄², d²) / d² with d² = ‖S − mI‖² and b̄² = Σ ‖xxᵀ − S‖² / n² (their section 3)."""
    x = subject(0) - subject(0).mean(0)
    n = len(x)
    s = x.T @ x / n
    d2 = np.square(s - np.trace(s) / D * np.eye(D)).sum()
    b2 = sum(np.square(np.outer(row, row) - s).sum() for row in x) / n**2

    assert only("mahalanobis").details["shrinkage"] == pytest.approx(min(b2, d2) / d2)


def test_the_pca_residual_is_that_of_least_squares_on_the_leading_directions():
    train, unseen = subject(0), others(5, 9)
    detector = only("pca_residual")
    centre, count = train.mean(0), detector.details["components"]
    axes = np.linalg.svd(train - centre, full_matrices=False)[2][:count].T

    fitted = np.linalg.lstsq(axes, (unseen - centre).T, rcond=None)[0]
    expected = -np.linalg.norm((unseen - centre).T - axes @ fitted, axis=0)
    np.testing.assert_allclose(detector.score(unseen), expected)


def test_the_pca_residual_always_leaves_a_direction():
    flat = np.random.default_rng(0).standard_normal((50, 2))
    options = DetectorOptions(detectors=("pca_residual",), residual_variance_share=0.999)
    detector = fit_detectors(flat, None, flat + 1, options)["pca_residual"]

    assert detector.details["components"] == 1
    assert (detector.score(flat + 5) < 0).all()


def test_logistic_regression_scores_probabilities_of_the_penalty_that_predicts_best():
    x, unseen = np.concatenate([subject(0), others(1)]), others(5, 9)
    detector = only("logistic_regression", inverse_penalties=(0.01,))
    mean, deviation = x.mean(0), x.std(0)

    plain = LogisticRegression(C=0.01, max_iter=5000)
    plain.fit((x - mean) / deviation, np.repeat([1, 0], 120))
    expected = plain.predict_proba((unseen - mean) / deviation)[:, 1]
    np.testing.assert_allclose(detector.score(unseen), expected, atol=1e-6)
    assert detector.threshold == 0.5
    assert only("logistic_regression").details["inverse_penalty"] > 1e-4


def test_the_penalty_has_the_lowest_log_loss_over_folds_that_scale_by_themselves():
    train, negatives = subject(0, 40), subject(1, 40) + 0.3
    x, y = np.concatenate([train, negatives]), np.repeat([1, 0], 40)
    penalties = (1e-4, 1e-2, 1.0, 100.0)

    def loss(penalty):
        losses = []
        for fold, rest in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
            mean, deviation = x[fold].mean(0), x[fold].std(0)
            model = LogisticRegression(C=penalty, max_iter=5000)
            model.fit((x[fold] - mean) / deviation, y[fold])
            losses.append(log_loss(y[rest], model.predict_proba((x[rest] - mean) / deviation)))
        return np.mean(losses)

    options = DetectorOptions(detectors=("logistic_regression",), inverse_penalties=penalties)
    detector = fit_detectors(train, negatives, train, options)["logistic_regression"]
    assert detector.details["inverse_penalty"] == min(penalties, key=loss)


@pytest.mark.parametrize("n", [9, 19, 60, 333])
def test_new_positives_are_refused_at_most_as_often_as_promised(n):
    """The expected share is exactly ⌊q (n + 1)⌋ / (n + 1) for continuous scores: five sigma."""
    quantile, draws = 0.1, 4000
    chance = np.random.default_rng(0)
    scores = chance.standard_gamma(0.5, (draws, n))
    thresholds = np.array([conformal_threshold(row, quantile) for row in scores])
    refused = (chance.standard_gamma(0.5, (draws, 50)) < thresholds[:, None]).mean(axis=1)

    expected = int(quantile * (n + 1) + 1e-9) / (n + 1)
    assert expected <= quantile
    error = refused.std() / np.sqrt(draws)
    assert refused.mean() == pytest.approx(expected, abs=5 * error)


def test_the_plain_quantile_would_refuse_more_than_promised():
    """What the finite-sample rank is for: with 12 held out, the interpolated one misses 14 %."""
    chance = np.random.default_rng(0)
    scores, new = chance.random((4000, 12)), chance.random(4000)

    assert np.mean(new < np.quantile(scores, 0.1, axis=1)) > 0.12
    assert np.mean(new < [conformal_threshold(row, 0.1) for row in scores]) < 0.1


def test_ties_are_accepted():
    held_out = np.ones((50, D))
    options = DetectorOptions(detectors=("knn",))
    detector = fit_detectors(subject(0), None, held_out, options)["knn"]

    assert conformal_threshold([1.0] * 50, 0.1) == 1.0
    assert (detector.score(held_out) >= detector.threshold).all()


@pytest.mark.parametrize("name", [name for name in DETECTORS if name != "logistic_regression"])
def test_the_thresholds_accept_nine_of_ten_new_positives(detectors, name):
    accepted = (detectors[name].score(subject(7, 2000)) >= detectors[name].threshold).mean()

    assert accepted == pytest.approx(0.9, abs=0.1)  # one held-out set of 60: its own sigma is 0.04


def test_too_few_held_out_positives_accept_everything_and_say_so(caplog):
    detectors = fit_detectors(subject(0), None, subject(2, 8), DetectorOptions(detectors=("knn",)))

    assert (detectors["knn"].score(others(3)) >= detectors["knn"].threshold).all()
    assert detectors["knn"].describe()["threshold"] is None
    assert "needs at least 9 held out, there are 8" in caplog.text


def test_descriptions_are_json_with_counts_thresholds_and_choices(detectors):
    for name, detector in detectors.items():
        found = json.loads(json.dumps(detector.describe(), allow_nan=False))
        expected = {"name": name, "n_train": 120, "n_held_out": 60, "dimensions": D}
        assert expected.items() <= found.items()
        assert found["threshold"] == detector.threshold
    assert detectors["knn"].describe()["neighbours"] == 5
    assert detectors["logistic_regression"].describe()["n_negatives"] == 120


def test_the_same_seed_gives_the_same_scores(detectors):
    again = fit_detectors(
        subject(0), others(1), subject(2, 60), DetectorOptions(landmarks=50, trees=50)
    )

    for name in DETECTORS:
        np.testing.assert_array_equal(
            again[name].score(others(3)), detectors[name].score(others(3)), err_msg=name
        )


def test_without_negatives_logistic_regression_is_left_out_and_said(caplog):
    detectors = fit_detectors(subject(0), others(1, 0), subject(2), DetectorOptions())

    assert tuple(detectors) == DETECTORS[:-1]
    assert "needs negatives" in caplog.text


@pytest.mark.parametrize("n", [3, 20])
def test_few_images_in_many_dimensions_are_no_obstacle(n):
    detectors = fit_detectors(
        subject(0, n, 64), others(1, n, 64), subject(2, 9, 64), DetectorOptions()
    )

    assert all(np.isfinite(d.score(others(3, 10, 64))).all() for d in detectors.values())


GOOD = subject(0)
WITH_NAN = np.where(np.arange(D) == 3, np.nan, GOOD)


@pytest.mark.parametrize(
    ("positive", "negative", "held_out", "said"),
    [
        (GOOD[:2], GOOD, GOOD, "at least 3 images"),
        (np.ones((9, D)), GOOD, GOOD, "9 identical images"),
        (WITH_NAN, GOOD, GOOD, "NaN or infinity in 120 of 120 images"),
        (GOOD, GOOD[:1], GOOD, "with negatives needs at least 2 images"),
        (GOOD, GOOD, GOOD[:0], "with held-out positives needs at least 1 image"),
        (GOOD, GOOD, WITH_NAN, "with held-out positives needs finite"),
        (GOOD, GOOD[:, :5], GOOD, "negatives with 12 features per image .* got 5"),
        (GOOD, GOOD, GOOD[:, :5], "held-out positives with 12 features per image .* got 5"),
        (GOOD[:, :1], GOOD, GOOD, "pooled features of 2 to 8192 dimensions, got 1"),
        (np.eye(3, 9000), GOOD, GOOD, "pooled features of 2 to 8192 dimensions, got 9000"),
    ],
)
def test_what_no_detector_can_learn_from_is_refused(positive, negative, held_out, said):
    with pytest.raises(InputError, match=said):
        fit_detectors(positive, negative, held_out, DetectorOptions())


@pytest.mark.parametrize(
    ("scores", "quantile"), [([], 0.1), ([1, np.nan], 0.1), ([1, 2], 0.0), ([1, 2], 1.0)]
)
def test_a_threshold_of_nothing_is_refused(scores, quantile):
    with pytest.raises(InputError, match="needs finite scores of held-out positives"):
        conformal_threshold(scores, quantile)


def test_features_of_another_extractor_are_refused(detectors):
    with pytest.raises(InputError, match=r"detector knn needs 12 features per image .* got 7"):
        detectors["knn"].score(subject(0, d=7))
