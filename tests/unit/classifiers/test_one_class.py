import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from cosmop.classifiers import dual_pca
from cosmop.classifiers.detectors import DetectorOptions, fit_detectors
from cosmop.classifiers.one_class import (
    OneClassOptions,
    captured_variance_share,
    fit_one_class,
    one_class_report,
    score_one_class,
)
from cosmop.datasets.models import SklearnModelDataset
from cosmop.errors import InputError
from cosmop.metrics.classification import auroc


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
    assert "of the 40 training images but 2% of that of 40 held-out" in report["warning"]


def test_nothing_is_warned_of_where_the_components_hold_for_new_images():
    x, unseen = cloud(0, 200), cloud(1, 200)
    report = one_class_report(fit_one_class(x, OneClassOptions()), x, unseen)

    assert report["variance_share_held_out"] > 0.85
    assert report["warning"] is None


@pytest.mark.parametrize(("held_out", "is_warned"), [(0.52, False), (0.48, True)])
def test_the_warning_comes_below_half_of_the_training_share(held_out, is_warned):
    """Of two axes one is kept; held-out images turn towards the other."""
    kept = np.sqrt(0.9) * np.tile([1.0, -1.0], 50)
    dropped = np.sqrt(0.1) * np.repeat([1.0, -1.0], 50)
    options = OneClassOptions(standardise=False, pca_components=1)
    x = 7 + np.stack([kept, dropped], axis=1)
    share = 0.9 * held_out
    unseen = 7 + np.array([[np.sqrt(share), np.sqrt(1 - share)]])

    report = one_class_report(fit_one_class(x, options), x, unseen)
    assert report["variance_share_training"] == pytest.approx(0.9)
    assert report["variance_share_held_out"] == pytest.approx(share)
    assert (report["warning"] is not None) == is_warned


def random_network_maps(images, seed, layers=12, channels=32):
    """Maps [N, 32, 16, 16] of digits by 3×3 convolutions with random weights, normalised, ReLU."""
    chance = torch.Generator().manual_seed(seed)
    maps = torch.from_numpy(images[:, None]).float()
    maps = torch.nn.functional.interpolate(maps, size=(16, 16), mode="bilinear")
    for _ in range(layers):
        weight = torch.randn(channels, maps.shape[1], 3, 3, generator=chance)
        maps = torch.conv2d(maps, weight, padding=1)
        deviation, mean = torch.std_mean(maps, dim=(0, 2, 3), keepdim=True)
        maps = ((maps - mean) / deviation).relu()
    return maps.numpy()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_on_real_digits_the_studys_model_fails_as_published_and_pooled_neighbours_do_not(seed):
    """Few images, many dimensions: 61 threes in 8,192; the map is the study's in small."""
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(digits))
    threes = order[digits[order] == 3][:183]
    chosen = np.concatenate([threes, order[digits[order] != 3][:120]])
    maps = random_network_maps(images[chosen].reshape(-1, 8, 8), seed)
    flat, pooled = maps.reshape(len(maps), -1), maps.mean(axis=(2, 3))
    is_three = np.repeat([1, 0], [61, 120])

    svm = fit_one_class(flat[:61], OneClassOptions())
    scores = score_one_class(svm, flat[122:])
    report = one_class_report(svm, flat[:61], flat[61:122])
    options = DetectorOptions(detectors=("knn",))
    neighbours = fit_detectors(pooled[:61], None, pooled[61:122], options)["knn"]
    svm_auroc = auroc(is_three, scores)
    knn_auroc = auroc(is_three, neighbours.score(pooled[122:]))

    assert report["variance_share_training"] == pytest.approx(0.93, abs=0.02)
    assert report["variance_share_held_out"] < 0.15
    assert report["warning"] is not None
    assert (scores[is_three == 0] >= 0).mean() > 0.8  # almost every negative is accepted
    assert svm_auroc["high"] < 0.5  # and negatives look more like the subject than positives
    assert knn_auroc["low"] > 0.5
    assert knn_auroc["value"] > svm_auroc["value"] + 0.3


def as_scikit_learn_fits_it(x):
    steps = [("scaler", StandardScaler()), ("pca", PCA(20, svd_solver="full"))]
    return Pipeline([*steps, ("svm", OneClassSVM(nu=0.1))]).fit(x.astype(np.float64))


def test_a_float32_memory_map_gives_the_scores_of_scikit_learns_pipeline(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", cloud(0, 60, d=500).astype(np.float32))
    x, unseen = np.load(tmp_path / "x.npy", mmap_mode="r"), cloud(1, 25, d=500)
    monkeypatch.setattr(dual_pca, "_ROW_BLOCK_VALUES", 500 * 10)  # ten rows at a time
    pipeline = fit_one_class(x, OneClassOptions(pca_components=20))

    expected = as_scikit_learn_fits_it(x)
    np.testing.assert_allclose(
        score_one_class(pipeline, unseen.astype(np.float32)),
        expected.decision_function(unseen),
        atol=1e-5,
    )
    kept = expected["pca"].explained_variance_ratio_.sum()
    assert captured_variance_share(pipeline, x) == pytest.approx(kept, abs=1e-5)


def test_the_model_survives_skops(tmp_path):
    pipeline = fit_one_class(cloud(0, 30).astype(np.float32), OneClassOptions())
    dataset = SklearnModelDataset(filepath=str(tmp_path / "one_class.skops"))
    dataset.save(pipeline)

    np.testing.assert_array_equal(
        score_one_class(dataset.load(), cloud(1, 9)), score_one_class(pipeline, cloud(1, 9))
    )


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


def test_unusable_features_are_refused_without_pca_too():
    options = OneClassOptions(pca_variance_share=None)
    with pytest.raises(InputError, match="9 identical images"):
        fit_one_class(np.ones((9, 5)), options)
    with pytest.raises(InputError, match="finite features"):
        fit_one_class(np.full((9, 5), np.nan), options)


def test_features_that_are_not_finite_are_not_scored():
    with pytest.raises(InputError, match="finite features, got NaN or infinity"):
        score_one_class(fit_one_class(cloud(0, 30), OneClassOptions()), np.full((2, 20), np.nan))


def test_features_of_another_extractor_are_refused():
    pipeline = fit_one_class(cloud(0, 30), OneClassOptions())
    with pytest.raises(InputError, match=r"needs 20 features per image .* got 7"):
        score_one_class(pipeline, cloud(0, 5, d=7))
