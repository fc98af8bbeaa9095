"""Folders in which long work keeps what it has finished, so that it survives a power cut."""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview

from cosmop.datasets.checksums import content_checksum, listing_checksum
from cosmop.errors import InputError

Listener = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class WorkFolder:
    """A folder that outlives runs, and those who want to hear what is finished in it.

    Attributes:
        path: The folder; it exists.
        listeners: Called with one mapping for each piece of work that is finished.
    """

    path: Path
    listeners: list[Listener] = field(default_factory=list)

    def tell(self, finished: dict[str, Any]) -> None:
        """Call every listener."""
        for listener in self.listeners:
            listener(finished)


class WorkFolderDataset(AbstractDataset[NoReturn, WorkFolder]):
    """A `WorkFolder`, made when it is first asked for.

    Args:
        filepath: The folder.
        decisive: Files in it, relative to it, that make the nodes that read it run when their
            content changes; what else lies in it does not count.
        metadata: For kedro-viz.
    """

    _access = os.R_OK | os.W_OK | os.X_OK

    def __init__(
        self,
        *,
        filepath: str,
        decisive: Sequence[str] = (),
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._path = Path(filepath)
        self._decisive = decisive
        self.metadata = metadata

    def load(self) -> WorkFolder:
        """Return the folder, with no listeners yet.

        Raises:
            InputError: It cannot be made or used.
        """
        with suppress(OSError):
            self._path.mkdir(parents=True, exist_ok=True)
        if not (self._path.is_dir() and os.access(self._path, self._access)):
            raise InputError(
                f"The work folder {self._path} must be a folder that can be read and written, but "
                "is none; see to its rights, or to what is in its place, and run the same command "
                "again."
            )
        return WorkFolder(self._path)

    def save(self, data: NoReturn) -> None:
        """Refuse: nodes write into the folder themselves."""
        raise DatasetError(
            f"The work folder {self._path} is filled by nodes themselves, got {data!r} to save."
        )

    def fingerprint(self) -> str:
        """Return what changes when the content of a decisive file does; nothing without one."""
        return content_checksum([self._path / name for name in self._decisive])

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}

    def preview(self) -> JSONPreview:
        """Return the number of files and their size."""
        return folder_preview(self._path)


def folder_preview(folder: Path) -> JSONPreview:
    """Return the number of files below a folder, and their size."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    megabytes = round(sum(path.stat().st_size for path in files) / 1e6, 1)
    return JSONPreview(json.dumps({"files": len(files), "megabytes": megabytes}))


class InputFolderDataset(WorkFolderDataset):
    """A `WorkFolder` that people fill between runs: unlike a cache, what lies in it counts."""

    _access = os.R_OK | os.X_OK

    def fingerprint(self) -> str:
        """Return what changes when a file of the folder does."""
        return listing_checksum(self._path)
