"""An export: records, the store they lie in, and how to write them."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmop.errors import InputError
from cosmop.exporting.cleaning import CleanImage, clean_image
from cosmop.exporting.image_folder import write_image_folder
from cosmop.exporting.options import ExportOptions
from cosmop.exporting.records import ExportRecord
from cosmop.exporting.web_dataset import write_web_dataset
from cosmop.imaging.store import ImageStore
from cosmop.progress import track

_WRITERS = {
    "imagefolder": write_image_folder,
    "huggingface": write_image_folder,
    "webdataset": write_web_dataset,
}


@dataclass(frozen=True)
class Export:
    """What is to be written; nothing happens before `write_to`.

    Attributes:
        records: One per image.
        store: Where the images lie.
        card: Text of ``README.md``.
        options: The form.
    """

    records: Sequence[ExportRecord]
    store: ImageStore
    card: str
    options: ExportOptions

    def write_to(self, folder: Path) -> None:
        """Write images, their columns and the card into `folder`, which must not exist yet.

        The same records give the same bytes.

        Raises:
            InputError: There is no image, images are missing or damaged in the store, or the disk
                has too little space.
        """
        self._check(folder.parent)
        folder.mkdir()
        (folder / "README.md").write_text(self.card, encoding="utf-8")
        _WRITERS[self.options.layout](self._cleaned(), folder, self.options)

    def _check(self, disk: Path) -> None:
        if not self.records:
            raise InputError("An export wants at least one image, got none; make some first.")
        files = [self.store.root / record.path for record in self.records]
        missing = [file for file in files if not file.is_file()]
        if missing:
            raise InputError(
                f"An export wants the files of all {len(files)} images, got {len(missing)} that "
                f"are not in the store, first {missing[0]}; bring them back or collect them again."
            )
        wanted, free = sum(file.stat().st_size for file in files), shutil.disk_usage(disk).free
        if wanted > free:
            raise InputError(
                f"An export wants {wanted / 1e6:,.0f} MB in {disk}, got {free / 1e6:,.0f} MB free; "
                "free some space or put the export elsewhere."
            )

    def _cleaned(self) -> Iterator[tuple[ExportRecord, CleanImage, dict[str, Any]]]:
        """Yield each record with its cleaned file and the columns that are written of it."""
        for record in track(self.records, "exporting images", unit="image"):
            image = self._clean(record)
            yield record, image, _columns(record, image)

    def _clean(self, record: ExportRecord) -> CleanImage:
        content = self.store.read(record.path)
        try:
            if hashlib.sha256(content).hexdigest() != record.image_id:
                raise ValueError("another checksum than when it was stored")  # noqa: TRY301
            return clean_image(content, record.path.rpartition(".")[2])
        except ValueError as error:
            raise InputError(
                f"An export wants the images as they were stored, got {record.path} with damage "
                f"({error}); delete it from the store and collect it again."
            ) from error


def _columns(record: ExportRecord, image: CleanImage) -> dict[str, Any]:
    return {
        "image_id": record.image_id,
        "sha256": hashlib.sha256(image.content).hexdigest(),
        "split": record.split,
        "label": record.label,
        "width": image.width,
        "height": image.height,
        "is_encoded_again": image.is_encoded_again,
        **record.columns,
    }
