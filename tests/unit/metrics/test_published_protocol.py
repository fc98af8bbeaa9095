import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.metrics.frechet import frechet_from_features
from cosmop.metrics.published_protocol import PUBLISHED_IMAGES, fid50k_full, published_seeds
from cosmop.metrics.statistics import gather_statistics

REAL = np.random.default_rng(0).standard_normal((300, 6)) * 1.2 + 0.1


def generated_batches(count=PUBLISHED_IMAGES):
    for start in range(0, count, 7000):
        size = min(7000, count - start)
        yield np.random.default_rng(1 + start).standard_normal((size, 6)).astype(np.float32)


def test_it_is_the_distance_of_all_real_images_to_50000_generated_ones():
    measured = fid50k_full([REAL[:100], REAL[100:]], generated_batches(), extractor="resnet50")

    expected = frechet_from_features(REAL, np.concatenate(list(generated_batches())))
    assert measured["value"] == pytest.approx(expected, rel=1e-9)
    assert (measured["n_real"], measured["n_generated"]) == (300, 50_000)
    assert (measured["first_seed"], measured["last_seed"]) == (0, 49_999)


def test_the_value_of_the_published_code_divides_by_n():
    measured = fid50k_full([REAL], generated_batches(), extractor="resnet50")

    generated = np.concatenate(list(generated_batches())).astype(np.float64)
    # features whose N - 1 covariance is the N covariance of the given ones
    shrunk = [x.mean(0) + (x - x.mean(0)) * np.sqrt(1 - 1 / len(x)) for x in (REAL, generated)]
    assert measured["value_divided_by_n"] == pytest.approx(frechet_from_features(*shrunk), rel=1e-9)
    assert measured["value_divided_by_n"] != pytest.approx(measured["value"], rel=1e-6)


def test_kept_statistics_of_the_real_side_give_the_same():
    kept = gather_statistics([REAL])

    assert fid50k_full(kept, generated_batches(), extractor="a") == pytest.approx(
        fid50k_full([REAL], generated_batches(), extractor="a")
    )


@pytest.mark.parametrize(
    ("extractor", "name"),
    [("inception_v3_2015", "fid50k_full"), ("resnet50", "fd_resnet50_50k_full")],
)
def test_only_inception_makes_it_fid(extractor, name):
    assert fid50k_full([REAL], generated_batches(), extractor=extractor)["name"] == name


def test_each_image_has_a_seed_of_its_own():
    assert len(set(published_seeds())) == 50_000


def test_another_number_of_generated_images_is_refused():
    with pytest.raises(InputError, match="50000 generated images, got 10000"):
        fid50k_full([REAL], generated_batches(10_000), extractor="a")
