import pytest
from kedro.io import DatasetError

from cosmop.datasets import OptionalCSVDataset
from cosmop.errors import InputError


def load(tmp_path, content: bytes):
    path = tmp_path / "decisions.csv"
    path.write_bytes(content)
    return OptionalCSVDataset(filepath=str(path)).load()


def test_an_absent_file_has_no_columns_and_can_be_shown(tmp_path):
    dataset = OptionalCSVDataset(filepath=str(tmp_path / "none.csv"))

    assert dataset.load().shape == (0, 0)
    assert not dataset.exists()
    assert dataset.preview() is not None


def test_cells_are_text_and_the_index_is_the_line(tmp_path):
    table = load(tmp_path, '\ufeffimage_id, note\n0012,"well, yes"\n\n é ,\n'.encode())

    assert table.to_dict("split") == {
        "columns": ["image_id", "note"],
        "index": [2, 4],
        "data": [["0012", "well, yes"], ["é", ""]],
    }


@pytest.mark.parametrize("content", [b"", b"image_id,note\n"])
def test_a_file_without_rows_has_no_rows(tmp_path, content):
    assert len(load(tmp_path, content)) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n3\n", r"2 cells in each line, got \['3'\] in line 3"),
        (b"a,b\n1,2,3\n", r"got \['1', '2', '3'\] in line 2"),
        (b"a,b\n\xff\xfe,2\n", "in UTF-8, got other bytes"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path, content, message):
    with pytest.raises((InputError, DatasetError), match=message):
        load(tmp_path, content)
