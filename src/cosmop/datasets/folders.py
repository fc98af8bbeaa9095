"""What people bring: a folder of images, the store, an export of labels."""

import csv
import hashlib
import json
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import ImagePreview, JSONPreview

from cosmop.datasets.checksums import listing_checksum
from cosmop.datasets.images import image_preview
from cosmop.errors import InputError
from cosmop.imaging.contact_sheet import contact_sheet
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore

_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_ARCHIVE_SUFFIXES = {".zip", ".tar"}  # of published image sets, which are read as they are


class _ReadOnlyFolder:
    """What the two folder datasets share: a path, metadata, and a contact sheet."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = PurePosixPath(filepath)
        self.metadata = metadata

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def preview(self, columns: int = 8, rows: int = 4) -> ImagePreview:
        """Return a contact sheet of some images in the folder."""
        images = _as_they_lie(Path(self._filepath))
        return image_preview(contact_sheet(images, columns=columns, rows=rows))


class FolderDataset(_ReadOnlyFolder, AbstractDataset[None, Path]):
    """A folder of images, or of archives of images, that somebody else keeps: it is only read."""

    def load(self) -> Path:
        """Return the folder.

        Raises:
            InputError: It is not there, or holds no image.
        """
        folder = Path(self._filepath)
        if not _image_files(folder, 1, _IMAGE_SUFFIXES | _ARCHIVE_SUFFIXES):
            came = "an empty folder" if folder.is_dir() else "no such folder"
            raise InputError(
                f"The catalog entry for {folder} wants a folder with JPEG, PNG or WebP images, or "
                f"with zip or tar archives of them, got "
                f"{came}; put images there or change the path in conf/<env>/catalog."
            )
        return folder

    def save(self, data: None) -> None:
        """Refuse: this folder belongs to somebody else."""
        raise DatasetError(f"{self._filepath} is read, never written; got {type(data).__name__}.")

    def fingerprint(self) -> str:
        """Return what changes when a file of the folder does."""
        return listing_checksum(Path(self._filepath))

    def _exists(self) -> bool:
        return Path(self._filepath).is_dir()


class ImageStoreDataset(_ReadOnlyFolder, AbstractDataset[None, ImageStore]):
    """The content-addressed store that all image sets share; nodes add to it as they work."""

    def load(self) -> ImageStore:
        """Return the store; its folder is made when the first image comes."""
        return ImageStore(Path(self._filepath))

    def save(self, data: None) -> None:
        """Refuse: images are added one by one."""
        raise DatasetError(f"The store adds images one by one, got {type(data).__name__}.")

    def _exists(self) -> bool:
        return True


def _as_they_lie(folder: Path) -> ImageSet:
    """Take the files of a folder for a set, unread, under their names: enough to look at them."""
    paths = [path.relative_to(folder).as_posix() for path in _image_files(folder)]
    table = pd.DataFrame({"image_id": paths, "path": paths, "width": 0, "height": 0})
    return ImageSet(table, ImageStore(folder))


def _image_files(
    folder: Path, limit: int = 2000, suffixes: Collection[str] = _IMAGE_SUFFIXES
) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    return sorted(path for path, _ in zip(found, range(limit), strict=False))


class LabelExportDataset(AbstractDataset[None, list[dict[str, Any]]]):
    """What the people who labelled give back: Label Studio JSON, JSON_MIN, or a CSV table.

    Without a file there are no records: nobody has labelled yet.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = PurePosixPath(filepath)
        self.metadata = metadata

    def load(self) -> list[dict[str, Any]]:
        """Return the records; none when there is no file.

        Raises:
            InputError: The file is neither a JSON list nor a CSV table.
        """
        path = Path(self._filepath)
        if not path.exists():
            return []
        records = self._read(path)
        if not isinstance(records, list):
            raise InputError(
                f"The label export {path} must be a list of records, got "
                f"{type(records).__name__}; export it as JSON, JSON_MIN or CSV."
            )
        for number, record in enumerate(records, start=1):
            if not isinstance(record, dict):
                raise InputError(
                    f"The label export {path} must hold records with named fields, got "
                    f"{str(record)[:80]!r} as record {number}; export it as JSON, JSON_MIN or CSV."
                )
        return records

    def _read(self, path: Path) -> Any:
        try:
            text = path.read_text(encoding="utf-8-sig")
            if path.suffix.lower() == ".csv":
                return list(csv.DictReader(text.splitlines()))
            return json.loads(text)
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise InputError(
                f"The label export {path} must be UTF-8 JSON or CSV, got something else ({error}); "
                "export it again."
            ) from error

    def receive(self, records: list[dict[str, Any]]) -> None:
        """Put `records` where a person would put the export; the demo's annotator does."""
        path = Path(self._filepath)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.part")
        aside.write_text(json.dumps(records), encoding="utf-8")
        aside.replace(path)

    def save(self, data: None) -> None:
        """Refuse: labels come from people."""
        raise DatasetError(f"{self._filepath} is read, never written; got {type(data).__name__}.")

    def fingerprint(self) -> str:
        """Return the SHA-256 (hex) of the export; nothing if there is none."""
        path = Path(self._filepath)
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""

    def _exists(self) -> bool:
        return Path(self._filepath).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def preview(self, records: int = 3) -> JSONPreview:
        """Return the first records."""
        return JSONPreview(json.dumps(self.load()[:records]))
