"""The page of the ingestion names the columns that its tables have, all of them and no other."""

import re

import pandas as pd
import pytest

from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.queries import QueryOptions
from cosmop.collecting.searching.search_options import SearchOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.store import ImageStore
from cosmop.pipelines.ingestion import nodes
from tests.project import PROJECT
from tests.unit.collecting.conftest import jpeg

PAGE = (PROJECT / "docs/stages/ingestion.md").read_text(encoding="utf-8")
ROWS = PAGE.split("| table | columns |")[1].split("\n\n")[0].splitlines()[2:]


def described() -> dict[str, list[str]]:
    """Return the tables of the page, each with its columns as they stand there."""
    cells = [row.strip("| ").split(" | ") for row in ROWS]
    lists = [re.sub(r"\([^)]*\)", "", columns) for _, columns in cells]  # without explanations
    return {
        table.strip("`"): re.findall(r"`(\w+)`", columns)
        for (table, _), columns in zip(cells, lists, strict=True)
    }


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """Run the nodes on a folder with an image and its copy."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "mine").mkdir()
    for name in ("a.jpg", "copy.jpg"):
        (folder / "mine" / name).write_bytes(jpeg(1, (80, 80)))
    search = SearchOptions(sources=("folder",), folder=str(folder / "mine"))
    queries = nodes.build_queries(QueryOptions(keywords=["mine"]))
    work = WorkFolder(folder / "searching")
    candidates, search_log = nodes.search_images(queries, search, {}, None, {}, {}, work)
    images, log, hashes, statistics = nodes.download_images(
        *(candidates, ImageStore(folder / "images"), DownloadOptions(), {}),
        WorkFolder(folder / "downloading"),
    )
    found = {"search_queries": queries, "search_log": search_log, "image_candidates": candidates}
    fetched = {"raw_images": images.manifest, "download_log": log, "raw_hashes": hashes}
    return {**found, **fetched, "download_statistics": statistics}


def test_every_table_is_described(tables: dict[str, pd.DataFrame]) -> None:
    assert set(described()) == set(tables)


@pytest.mark.parametrize("name", sorted(set(described()) - {"raw_images"}))
def test_the_columns_stand_there_in_their_order(name: str, tables: dict[str, pd.DataFrame]) -> None:
    assert described()[name] == list(tables[name].columns)


def test_an_image_has_the_columns_of_its_candidate_and_its_own(
    tables: dict[str, pd.DataFrame],
) -> None:
    first, *own = described()["raw_images"]
    of_candidates = set(described()[first])

    assert first == "image_candidates"
    assert not of_candidates & set(own)
    assert set(tables["raw_images"].columns) - of_candidates == set(own)
