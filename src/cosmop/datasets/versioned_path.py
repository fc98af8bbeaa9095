"""The base of our datasets: one file or folder per version, published atomically."""

import hashlib
import shutil
from abc import abstractmethod
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVar

from kedro.io import AbstractVersionedDataset
from kedro.io.core import Version

from cosmop.errors import InputError, is_no_room

T = TypeVar("T")


class VersionedPathDataset(AbstractVersionedDataset[T, T], Generic[T]):
    """A file or folder that is written aside and renamed, so a version exists whole or not at all.

    Subclasses say how to read and write one path; ``metadata`` feeds kedro-viz.
    """

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata

    @abstractmethod
    def _read(self, path: Path) -> T:
        """Return what lies at `path`."""

    @abstractmethod
    def _write(self, path: Path, data: T) -> None:
        """Write `data` to `path`, which does not exist yet; its folder does."""

    def load(self) -> T:
        """Return the newest version, or the pinned one."""
        return self._read(self._existing_path())

    def _existing_path(self) -> Path:
        path = Path(self._get_load_path())
        if not path.exists():
            raise InputError(
                f"The data set {self._filepath.name} wants a version, but nothing lies at {path}; "
                "name another after `--load-versions`, or run the pipeline that makes it first."
            )
        return path

    def save(self, data: T) -> None:
        """Publish `data` as a new version.

        Raises:
            InputError: The disk is full; what was there before is untouched.
        """
        target = Path(self._get_save_path())
        aside = target.with_name(f"{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._write(aside, data)
            if target.is_dir():
                shutil.rmtree(target)
            aside.replace(target)
        except OSError as error:
            if not is_no_room(error):
                raise
            raise InputError(
                f"Saving {target.name} to {target.parent} needs more space than the disk has left; "
                "free some and run the same command again, earlier versions are untouched."
            ) from error
        finally:
            _remove(aside)

    def fingerprint(self) -> str:
        """Return the SHA-256 (hex) of a file that has no versions; nothing if it is absent."""
        path = Path(self._get_load_path())
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""

    def _exists(self) -> bool:
        return Path(self._get_load_path()).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
