import tracemalloc

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from cosmop.classifiers import dual_pca
from cosmop.classifiers.dual_pca import decompose, fit_dual_pca
from cosmop.errors import InputError


def features(n=40, d=300, seed=0, dtype=np.float64):
    """A few strong directions and noise, cut at zero as after a ReLU."""
    chance = np.random.default_rng(seed)
    strong = chance.standard_normal((n, 6)) * [6, 4, 3, 2, 1.5, 1]
    mixed = strong @ chance.standard_normal((6, d)) + chance.standard_normal((n, d))
    return np.maximum(mixed + 1, 0).astype(dtype)


def sklearn_on(x, n_components, standardise=True):
    z = StandardScaler().fit_transform(x) if standardise else x
    pca = PCA(n_components, svd_solver="full")
    return pca.fit(z), pca.transform(z)


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("n_components", [12, 0.8])
@pytest.mark.parametrize("shape", [(40, 300), (40, 40), (300, 20)])
def test_everything_is_as_scikit_learns_full_solver_has_it(shape, n_components, standardise):
    x = features(*shape)
    expected, scores = sklearn_on(x, n_components, standardise)
    ours = fit_dual_pca(x, n_components, standardise=standardise)

    assert ours.pca.n_components_ == expected.n_components_
    np.testing.assert_allclose(ours.scores_NK, scores, atol=1e-8)
    names = ("components_", "mean_", "explained_variance_", "explained_variance_ratio_")
    for name in (*names, "singular_values_", "noise_variance_"):
        wanted = getattr(expected, name)
        np.testing.assert_allclose(getattr(ours.pca, name), wanted, atol=1e-9, err_msg=name)
    for name in ("n_features_in_", "n_samples_"):
        assert getattr(ours.pca, name) == getattr(expected, name)


def test_the_scaler_is_scikit_learns_with_constant_columns():
    x = features()
    x[:, :3] = [0, 7, 0.1]
    expected, ours = StandardScaler().fit(x), fit_dual_pca(x, 5).scaler

    for name in ("mean_", "var_", "scale_", "n_samples_seen_", "n_features_in_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(expected, name), atol=1e-12)


def test_constant_columns_have_no_part_in_any_component():
    x = features()
    x[:, :3] = [0, 7, 0.1]

    np.testing.assert_allclose(fit_dual_pca(x).pca.components_[:, :3], 0, atol=1e-12)


def test_float32_variances_are_within_1e_5_of_float64_and_stay_float32():
    x = features(200, 5000, dtype=np.float32)
    expected, _ = sklearn_on(x.astype(np.float64), 150)
    ours = fit_dual_pca(x, 150)

    np.testing.assert_allclose(
        ours.pca.explained_variance_, expected.explained_variance_, rtol=1e-6
    )
    assert (ours.pca.components_.dtype, ours.pca.mean_.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("shape", [(60, 2000), (2000, 60)])
def test_float32_components_hold_where_means_are_far_above_deviations(shape):
    x = (features(*shape) + 1000).astype(np.float32)
    expected, _ = sklearn_on(x.astype(np.float64), 5)

    np.testing.assert_allclose(fit_dual_pca(x, 5).pca.components_, expected.components_, atol=1e-5)


def test_a_wide_spectrum_in_float32_is_solved_in_float64(monkeypatch):
    x = steep()
    expected, _ = sklearn_on(x.astype(np.float64), 60, standardise=False)

    def worst_error():
        found = fit_dual_pca(x, 60, standardise=False).pca.explained_variance_
        return np.abs(found / expected.explained_variance_ - 1).max()

    assert worst_error() < 1e-6
    monkeypatch.setattr(dual_pca, "_SPREAD_OF_FLOAT32", np.inf)
    assert worst_error() > 1e-5  # what the guard is for


def steep(n=100, d=4000):
    """Singular values that fall by a factor of 3,000 over the first 60 directions."""
    chance = np.random.default_rng(0)
    left, _ = np.linalg.qr(chance.standard_normal((n, n)))
    right, _ = np.linalg.qr(chance.standard_normal((d, n)))
    return ((left * np.geomspace(1e4, 0.1, n)) @ right.T).astype(np.float32)


def test_the_fitted_objects_work_in_a_pipeline():
    x, unseen = features(), features(10, seed=1)
    expected = PCA(7, svd_solver="full").fit(StandardScaler().fit_transform(x))
    fitted = fit_dual_pca(x, 7)
    pipeline = Pipeline([("scaler", fitted.scaler), ("pca", fitted.pca)])

    np.testing.assert_allclose(
        pipeline.transform(unseen),
        expected.transform(StandardScaler().fit(x).transform(unseen)),
        atol=1e-8,
    )
    np.testing.assert_allclose(pipeline.transform(x), fitted.scores_NK, atol=1e-8)
    assert pipeline.inverse_transform(fitted.scores_NK).shape == x.shape


def test_a_memory_map_is_never_held_as_a_whole(tmp_path, monkeypatch):
    x = features(100, 30_000, dtype=np.float32)
    np.save(tmp_path / "features.npy", x)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    monkeypatch.setattr(dual_pca, "_BLOCK_VALUES", 100 * 500)

    tracemalloc.start()
    found = decompose(mapped, 5)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 0.3 * x.nbytes
    np.testing.assert_array_equal(found.scores_NK, decompose(x, 5).scores_NK)


def test_components_are_made_on_demand_for_any_columns():
    for x in (features(), features(300, 20)):
        found, whole = decompose(x, 6), fit_dual_pca(x, 6).pca
        part = found.components(slice(5, 17))

        signs = np.sign((part * whole.components_[:, 5:17]).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(part * signs, whole.components_[:, 5:17], atol=1e-12)
        np.testing.assert_array_equal(found.explained_variance, whole.explained_variance_)


def test_blocks_change_nothing(monkeypatch):
    x, long = features(), features(300, 20)
    whole = fit_dual_pca(x, 9), fit_dual_pca(long, 9)
    monkeypatch.setattr(dual_pca, "_BLOCK_VALUES", 500)
    monkeypatch.setattr(dual_pca, "_ROW_BLOCK_VALUES", 500)
    parts = fit_dual_pca(x, 9), fit_dual_pca(long, 9)

    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one.scores_NK, other.scores_NK, atol=1e-9)
        np.testing.assert_allclose(one.pca.components_, other.pca.components_, atol=1e-9)


def test_two_images_have_one_component():
    x = features(2, 50)
    ours = fit_dual_pca(x, standardise=False)

    direction = (x[1] - x[0]) / np.linalg.norm(x[1] - x[0])
    assert ours.pca.components_.shape == (1, 50)
    assert abs(ours.pca.components_[0] @ direction) == pytest.approx(1)
    assert ours.pca.explained_variance_[0] == pytest.approx(np.square(x[1] - x[0]).sum() / 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_duplicates_add_no_component_and_the_cut_is_said(dtype, caplog):
    x = np.repeat(features(10, 300, dtype=dtype), 3, axis=0)
    ours = fit_dual_pca(x, 20)

    assert ours.pca.n_components_ == 9
    assert ours.pca.explained_variance_ratio_.sum() == pytest.approx(1)
    np.testing.assert_allclose(ours.pca.components_ @ ours.pca.components_.T, np.eye(9), atol=1e-5)
    assert "20 components asked for, the 30 images in 300 dimensions span 9" in caplog.text


def test_the_components_do_not_depend_on_the_order_of_images():
    x = features()
    order = np.random.default_rng(1).permutation(len(x))

    np.testing.assert_allclose(
        fit_dual_pca(x, 8).pca.components_, fit_dual_pca(x[order], 8).pca.components_, atol=1e-9
    )


def broken(value):
    x = features()
    x[3, 250] = value
    return x


@pytest.mark.parametrize(
    ("x", "n_components", "said"),
    [
        (np.zeros((1, 5)), 2, "at least 2 images, got shape"),
        (np.zeros((0, 5)), 2, "at least 2 images, got shape"),
        (np.zeros(5), 2, "at least 2 images, got shape"),
        (np.ones((9, 5)), 2, "got 9 identical images"),
        (np.ones((9, 50)), 0.9, "got 9 identical images"),
        (broken(np.nan), 2, "NaN or infinity between columns"),
        (broken(np.inf), 2, "NaN or infinity between columns"),
        (features(), 0, "got 0;"),
        (features(), 1.5, "got 1.5;"),
        (features(), -0.2, "got -0.2;"),
    ],
)
def test_what_has_no_components_is_refused(x, n_components, said):
    with pytest.raises(InputError, match=said):
        fit_dual_pca(x, n_components)
