"""Images in folders by split and class, with one line of columns each.

``train/positive/<image_id>.jpg`` and ``train/metadata.jsonl``: torchvision's ``ImageFolder`` reads
a split's folder, Hugging Face's ``datasets`` the whole.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cosmop.exporting.cleaning import CleanImage
from cosmop.exporting.options import ExportOptions
from cosmop.exporting.records import CLASSES, ExportRecord

METADATA = "metadata.jsonl"


def write_image_folder(
    images: Iterable[tuple[ExportRecord, CleanImage, dict[str, Any]]],
    folder: Path,
    options: ExportOptions,  # noqa: ARG001  both writers are called alike
) -> None:
    """Write images one by one into `folder`, which exists."""
    for record, image, columns in images:
        split = folder / record.split
        name = f"{record.label}/{record.image_id}.{image.extension}"
        if not split.exists():  # ImageFolder numbers the classes it finds: all splits alike
            for label in CLASSES:
                (split / label).mkdir(parents=True)
        (split / name).write_bytes(image.content)
        line = json.dumps({"file_name": name, **columns}, ensure_ascii=False, allow_nan=False)
        with (split / METADATA).open("a", encoding="utf-8") as metadata:
            metadata.write(line + "\n")
