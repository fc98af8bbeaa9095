"""Images in tar files, one after the other, as the ``webdataset`` package reads them.

``train-000000.tar`` holds ``<image_id>.jpg``, ``<image_id>.cls`` (0 negative, 1 positive) and
``<image_id>.json`` (all columns).
"""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from cosmop.exporting.cleaning import CleanImage
from cosmop.exporting.options import ExportOptions
from cosmop.exporting.records import CLASSES, ExportRecord

_BLOCK = tarfile.BLOCKSIZE


def write_web_dataset(
    images: Iterable[tuple[ExportRecord, CleanImage, dict[str, Any]]],
    folder: Path,
    options: ExportOptions,
) -> None:
    """Write images one by one into tar files in `folder`, which exists.

    Names, order, times and owners inside are fixed, so equal images give equal files.
    """
    placed = _placed(images, int(options.shard_megabytes * 1e6))
    for name, members in groupby(placed, key=itemgetter(0)):
        with tarfile.open(folder / name, "w", format=tarfile.USTAR_FORMAT) as tar:
            for _, file_name, content in members:
                entry = tarfile.TarInfo(file_name)  # time, owner and group are 0
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))


def _placed(
    images: Iterable[tuple[ExportRecord, CleanImage, dict[str, Any]]], limit_bytes: int
) -> Iterator[tuple[str, str, bytes]]:
    """Yield tar file, name and content of each file; an image's files stay together."""
    split, number, filled = "", 0, 0
    for record, image, columns in images:
        members = list(_members(record, image, columns))
        size = sum(_BLOCK + -(-len(content) // _BLOCK) * _BLOCK for _, content in members)
        if record.split != split:
            split, number, filled = record.split, 0, 0
        elif filled + size > limit_bytes:
            number, filled = number + 1, 0
        filled += size
        for name, content in members:
            yield f"{split}-{number:06d}.tar", name, content


def _members(
    record: ExportRecord, image: CleanImage, columns: dict[str, Any]
) -> Iterator[tuple[str, bytes]]:
    text = json.dumps(columns, ensure_ascii=False, allow_nan=False)
    yield f"{record.image_id}.{image.extension}", image.content
    yield f"{record.image_id}.cls", str(CLASSES.index(record.label)).encode()
    yield f"{record.image_id}.json", text.encode("utf-8")
