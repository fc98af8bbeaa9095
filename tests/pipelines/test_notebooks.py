"""The notebooks run from the first cell to the last on a finished study, and hold no outputs."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.project import PROJECT

NOTEBOOKS = sorted(path.stem for path in (PROJECT / "notebooks").glob("*.ipynb"))
PICTURES = {"01_explore_images": 9, "02_train_and_generate": 6, "03_compare_models": 4}


def read(name: str) -> Any:
    return nbformat.read(PROJECT / "notebooks" / f"{name}.ipynb", as_version=4)


def test_all_three_are_there() -> None:
    assert set(NOTEBOOKS) == PICTURES.keys()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_holds_no_outputs(name: str) -> None:
    code = [cell for cell in read(name).cells if cell.cell_type == "code"]

    assert [cell for cell in code if cell.outputs or cell.execution_count] == []


@pytest.mark.slow  # each starts a kernel that imports Kedro, and reads a study that has run
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_on_a_finished_study(
    name: str, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT / "src"))
    monkeypatch.setenv("KEDRO_ENV", "test")
    folder = {"metadata": {"path": str(finished)}}
    done = NotebookClient(read(name), timeout=240, resources=folder).execute()

    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    pictures = kinds.count("image/png") + kinds.count("application/vnd.plotly.v1+json")
    assert pictures == PICTURES[name]
