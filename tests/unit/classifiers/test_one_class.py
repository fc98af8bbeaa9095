import numpy as np
import pytest
from sklearn.svm import OneClassSVM

from cosmop.classifiers.one_class import (
    OneClassOptions,
    captured_variance_share,
    fit_one_class,
    one_class_report,
    score_one_class,
)
from cosmop.errors import InputError


def cloud(seed, n, d=20, shift=0.0):
    scale = np.linspace(2, 0.1, d)
    return np.random.default_rng(seed).standard_normal((n, d)) * scale + shift


def test_the_steps_are_scaler_pca_and_svm_with_the_asked_for_options():
    pipeline = fit_one_class(cloud(0, 100), OneClassOptions(nu=0.2, gamma=0.5))

    assert list(pipeline.named_steps) == ["scaler", "pca", "svm"]
    assert (pipeline["svm"].nu, pipeline["svm"].gamma) == (0.2, 0.5)
    assert pipeline["pca"].explained_variance_ratio_.sum() >= 0.93


def test_the_score_is_an_svm_on_the_standardised_principal_components():
    x, unseen = cloud(0, 100), cloud(1, 10)
    pipeline = fit_one_class(x, OneClassOptions(pca_components=5))

    mean, deviation = x.mean(0), x.std(0)
    z = (x - mean) / deviation
    axes = np.linalg.svd(z - z.mean(0), full_matrices=False)[2][:5]
    svm = OneClassSVM(nu=0.1, gamma="scale").fit(z @ axes.T)
    expected = svm.decision_function((unseen - mean) / deviation @ axes.T)
    np.testing.assert_allclose(score_one_class(pipeline, unseen), expected, atol=1e-6)


def test_about_nu_of_the_training_images_are_refused_and_far_ones_all():
    x = cloud(0, 500)
    pipeline = fit_one_class(x, OneClassOptions(nu=0.1))

    assert (score_one_class(pipeline, x) < 0).mean() == pytest.approx(0.1, abs=0.03)
    assert (score_one_class(pipeline, cloud(1, 50, shift=20)) < 0).all()


def test_captured_variance_is_pcas_own_on_the_training_images():
    x = cloud(0, 100)
    pipeline = fit_one_class(x, OneClassOptions(pca_components=4))

    expected = pipeline["pca"].explained_variance_ratio_.sum()
    assert captured_variance_share(pipeline, x) == pytest.approx(expected)


def test_with_few_images_in_many_dimensions_held_out_images_fall_outside_as_in_the_study():
    chance = np.random.default_rng(0)
    x, unseen = chance.standard_normal((40, 2000)), chance.standard_normal((40, 2000))
    report = one_class_report(fit_one_class(x, OneClassOptions()), x, unseen)

    assert report["variance_share_training"] >= 0.93
    assert report["variance_share_held_out"] < 0.1
    assert report["n_held_out"] == 40


def test_more_components_than_images_are_cut_and_said(caplog):
    pipeline = fit_one_class(cloud(0, 10), OneClassOptions(pca_components=1024))

    assert pipeline["pca"].n_components_ == 9
    assert "1024 components asked for" in caplog.text


def test_scaler_and_pca_can_be_left_out():
    options = OneClassOptions(standardise=False, pca_variance_share=None)
    pipeline = fit_one_class(cloud(0, 30), options)

    assert list(pipeline.named_steps) == ["svm"]
    assert captured_variance_share(pipeline, cloud(1, 5)) == 1


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (np.zeros((1, 5)), "at least 2 images"),
        (np.full((9, 5), np.inf), "finite features"),
        (np.ones((9, 5)), "9 identical images"),
    ],
)
def test_unusable_features_are_refused(features, said):
    with pytest.raises(InputError, match=said):
        fit_one_class(features, OneClassOptions())


def test_features_of_another_extractor_are_refused():
    pipeline = fit_one_class(cloud(0, 30), OneClassOptions())
    with pytest.raises(InputError, match=r"needs 20 features per image .* got 7"):
        score_one_class(pipeline, cloud(0, 5, d=7))
