"""All versions of a table at once, for what must not be forgotten with the newest run."""

import pandas as pd
import pytest
from kedro.io import DatasetError
from kedro.io.core import Version

from cosmop.datasets import EveryVersionDataset, TableDataset
from cosmop.errors import InputError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.parquet"


def save(path, version, **columns):
    TableDataset(filepath=str(path), version=Version(None, version)).save(pd.DataFrame(columns))


def every(path):
    return EveryVersionDataset(filepath=str(path), columns=["name", "image"])


def test_rows_of_all_versions_come_once_the_oldest_first(path):
    save(path, "2026-01-01", name=["a", "b"], image=["1", "2"], more=[3, 4])
    save(path, "2026-01-02", name=["b", "c"], image=["2", ""], more=[1, 2])
    save(path, "2026-01-03", name=["c"], image=["3"], more=[5])

    rows = every(path).load()

    assert rows.to_dict("list") == {"name": ["a", "b", "c", "c"], "image": ["1", "2", "", "3"]}
    assert every(path).exists()
    assert every(path).preview() is not None


def test_a_new_version_changes_the_fingerprint(path):
    save(path, "2026-01-01", name=["a"], image=["1"])
    before = every(path).fingerprint()
    save(path, "2026-01-02", name=["a"], image=["1"])

    assert every(path).fingerprint() != before


def test_without_a_version_the_way_out_is_named(path):
    assert not every(path).exists()
    with pytest.raises(DatasetError) as raised:
        every(path).load()

    assert isinstance(raised.value.__cause__, InputError)
    assert "run the pipeline that makes it first" in str(raised.value.__cause__)


def test_nobody_saves_all_versions(path):
    with pytest.raises(DatasetError, match="cannot be saved"):
        every(path).save(pd.DataFrame())
