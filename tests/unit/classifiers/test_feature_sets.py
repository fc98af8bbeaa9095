import numpy as np
import pytest

from cosmop.classifiers import feature_room as rooms
from cosmop.classifiers.feature_cache import FeatureCache
from cosmop.classifiers.feature_room import feature_room
from cosmop.classifiers.feature_sets import feature_table
from cosmop.datasets.tables import FeatureTableDataset
from cosmop.errors import InputError
from cosmop.imaging.generated_form import GeneratedForm
from tests.unit.classifiers.test_feature_cache import CountingNetwork, draw, extractor_of

FORM = GeneratedForm(12, 12)


@pytest.fixture
def sets(tmp_path):
    images = draw(tmp_path / "images").with_columns(is_positive=np.arange(11) % 2 == 0)
    return {"train": images.where(np.arange(11) < 7), "test": images.where(np.arange(11) >= 7)}


def test_a_row_has_the_features_of_its_image_and_mirrored_sets_come_last(sets, tmp_path):
    extractor = extractor_of(CountingNetwork())
    cache = FeatureCache(tmp_path / "cache")
    table = feature_table(sets, extractor, cache=cache, through=FORM, mirrored=["train"])

    assert table.rows["set"].tolist() == ["train"] * 7 + ["test"] * 4 + ["train_mirrored"] * 7
    assert table.rows["image_id"][:7].tolist() == table.rows["image_id"][11:].tolist()
    for name, images in sets.items():
        expected = extractor.extract(images, through=FORM)
        np.testing.assert_allclose(table.of(name), expected, rtol=1e-5)
    expected = extractor.extract(sets["train"], through=FORM, mirrored=True)
    np.testing.assert_allclose(table.of("train_mirrored"), expected, rtol=1e-5)
    assert table.of("test", is_positive=True).shape == (2, 5)
    assert table.extractor == extractor.recipe_through(FORM)


def test_a_set_that_is_not_there_cannot_be_mirrored(sets):
    with pytest.raises(InputError, match=r"among \['test', 'train'\], got \['synthetic'\]"):
        feature_table(sets, extractor_of(CountingNetwork()), mirrored=["synthetic"])


def test_many_features_lie_in_a_file_and_are_the_same(sets, tmp_path, monkeypatch):
    extractor = extractor_of(CountingNetwork())
    in_memory = feature_table(sets, extractor)
    monkeypatch.setattr(rooms, "_MEMORY_BYTES", 16)
    mapped = feature_table(sets, extractor, cache=FeatureCache(tmp_path / "cache"))

    assert isinstance(mapped.vectors, np.memmap)
    np.testing.assert_allclose(mapped.vectors, in_memory.vectors, rtol=1e-5)
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_file()]


def test_a_disk_without_room_is_said(tmp_path):
    with pytest.raises(InputError, match=r"need .* MiB in .*, which has no room"):
        feature_room(2**30, 2**20, tmp_path)


def test_a_saved_table_is_mapped_and_its_file_never_changes(sets, tmp_path):
    dataset = FeatureTableDataset(filepath=str(tmp_path / "features"))
    table = feature_table(sets, extractor_of(CountingNetwork()))
    dataset.save(table)
    loaded = dataset.load()

    assert isinstance(loaded.vectors, np.memmap)
    loaded.vectors[:] = 0
    np.testing.assert_array_equal(dataset.load().vectors, table.vectors)
    assert dataset.load().extractor == table.extractor


def test_an_empty_table_is_saved_and_loaded(sets, tmp_path):
    empty = {name: images.where(np.zeros(len(images), bool)) for name, images in sets.items()}
    dataset = FeatureTableDataset(filepath=str(tmp_path / "features"))
    dataset.save(feature_table(empty, extractor_of(CountingNetwork())))

    assert dataset.load().vectors.shape == (0, 5)
