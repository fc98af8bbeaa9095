"""Folders of files for other people."""

from pathlib import Path
from typing import Any

from kedro_datasets._typing import HTMLPreview, JSONPreview
from markupsafe import escape

from cosmop.datasets.versioned_path import VersionedPathDataset
from cosmop.datasets.work_folders import folder_preview

_SHOWN = 3000


class ExportFolderDataset(VersionedPathDataset[Any]):
    """A folder that an export fills (`cosmop.exporting.export.Export`), whole or not at all.

    Loading gives the folder's path.
    """

    def _read(self, path: Path) -> Path:
        return path

    def _write(self, path: Path, data: Any) -> None:
        data.write_to(path)

    def preview(self) -> JSONPreview:
        """Return the number of files and their size."""
        return folder_preview(self._existing_path())


class CardsDataset(VersionedPathDataset[dict[str, str]]):
    """A folder of cards in Markdown, ``<name>.md``: what one must know before using something."""

    def _read(self, path: Path) -> dict[str, str]:
        return {card.stem: card.read_text("utf-8") for card in sorted(path.glob("*.md"))}

    def _write(self, path: Path, data: dict[str, str]) -> None:
        path.mkdir()
        for name, card in data.items():
            (path / f"{name}.md").write_text(card, encoding="utf-8")

    def preview(self) -> HTMLPreview:
        """Return the beginning of each card."""
        cards = self._read(self._existing_path())
        shown = (
            f"<details><summary>{escape(name)}</summary><pre>{escape(card[:_SHOWN])}</pre></details>"
            for name, card in cards.items()
        )
        return HTMLPreview("".join(shown))
