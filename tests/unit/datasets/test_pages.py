import pytest
from kedro.io.core import Version

from cosmop.datasets import PagesDataset


def _pages(names):
    yield from ((name, f"<!-- headline --><p>{name}</p><!-- /headline -->") for name in names)


def test_pages_lie_in_a_folder_of_the_version(tmp_path):
    version = Version(None, "2026-01-01T00.00.00.000Z")
    dataset = PagesDataset(filepath=str(tmp_path / "review"), version=version)

    dataset.save(_pages(["index.html", "page-0001.html"]))

    folder = dataset.load()
    assert sorted(file.name for file in folder.iterdir()) == ["index.html", "page-0001.html"]
    assert folder.parent.name == version.save
    assert "index.html" in dataset.preview()


def test_pages_are_written_before_the_next_is_made_and_none_is_published_after_a_failure(tmp_path):
    dataset = PagesDataset(filepath=str(tmp_path / "review"))

    def fails_at_the_second():
        yield "index.html", "first"
        assert (tmp_path / "review.part" / "index.html").read_text() == "first"
        raise RuntimeError("no second page")

    with pytest.raises(Exception, match="no second page"):
        dataset.save(fails_at_the_second())

    assert list(tmp_path.iterdir()) == []


def test_saving_again_replaces_all_pages(tmp_path):
    dataset = PagesDataset(filepath=str(tmp_path / "review"))
    dataset.save(_pages(["index.html", "page-0001.html"]))

    dataset.save(_pages(["index.html"]))

    assert [file.name for file in dataset.load().iterdir()] == ["index.html"]
