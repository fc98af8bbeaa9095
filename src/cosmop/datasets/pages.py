"""What people look at: the report's page and interactive figures."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kedro_datasets._typing import HTMLPreview, PlotlyPreview

from cosmop.datasets.versioned_path import VersionedPathDataset

_HEADLINE = re.compile(r"<!-- headline -->(.*?)<!-- /headline -->", re.DOTALL)
_BETWEEN_FIGURES = re.compile(r"(?<=</b>)(?=<)|(?<=</span>)(?=<)")


class PageDataset(VersionedPathDataset[str]):
    """A self-contained HTML page."""

    def _read(self, path: Path) -> str:
        return path.read_text(encoding="utf-8")

    def _write(self, path: Path, data: str) -> None:
        path.write_text(data, encoding="utf-8")

    def preview(self) -> HTMLPreview:
        """Return the page's headline figures (the part between its headline marks)."""
        return _headline(self._existing_path())


class PagesDataset(VersionedPathDataset[Any]):
    """A folder of self-contained HTML pages, ``index.html`` first.

    Saving takes pairs of a file name and its HTML, which are written as they are made; loading
    gives the folder's path.
    """

    def _read(self, path: Path) -> Path:
        return path

    def _write(self, path: Path, data: Iterable[tuple[str, str]]) -> None:
        path.mkdir()
        for name, page in data:
            (path / name).write_text(page, encoding="utf-8")

    def preview(self) -> HTMLPreview:
        """Return the headline figures of ``index.html``."""
        return _headline(self._existing_path() / "index.html")


def _headline(page: Path) -> HTMLPreview:
    found = _HEADLINE.search(page.read_text(encoding="utf-8"))
    body = found.group(1) if found else f"<p>Open {page.name} in a browser.</p>"
    return HTMLPreview(_BETWEEN_FIGURES.sub(" ", body))  # kedro-viz applies no styles


class FigureDataset(VersionedPathDataset[Any]):
    """A Plotly figure as JSON."""

    def _read(self, path: Path) -> Any:
        import plotly.io  # noqa: PLC0415  plotly takes a second

        return plotly.io.from_json(path.read_text(encoding="utf-8"))

    def _write(self, path: Path, data: Any) -> None:
        path.write_text(data.to_json(), encoding="utf-8")

    def preview(self) -> PlotlyPreview:
        """Return the figure for kedro-viz."""
        return PlotlyPreview(json.loads(self._existing_path().read_text(encoding="utf-8")))
