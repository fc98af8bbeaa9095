"""Image sets out of folders that somebody has sorted already."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cosmop.errors import InputError
from cosmop.imaging.decoding import DecodingLimits, UnreadableImageError, inspect_image
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.progress import track

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def image_set_from_folders(
    folders: Mapping[bool, Path], store: ImageStore, limits: DecodingLimits, *, label: str
) -> ImageSet:
    """Take labelled folders into the store.

    Args:
        folders: One folder for each value of the label.
        store: Where the bytes go.
        limits: What counts as a usable image; others are left out.
        label: Name of the bool column that tells the folders apart.

    Returns:
        The images with ``label`` and ``location`` (path relative to its folder). An image that
        lies in both folders is left out of both, since one of them is wrong.

    Raises:
        InputError: A folder holds no usable image.
    """
    rows: list[dict[str, Any]] = []
    for value, folder in folders.items():
        found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _SUFFIXES]
        usable = [
            row | {label: value, "location": path.relative_to(folder).as_posix()}
            for path in track(found, f"reading {folder.name}", unit="image")
            if (row := _take_in(path, store, limits)) is not None
        ]
        if not usable:
            raise InputError(
                f"The folder {folder} must hold usable images, got {len(found)} files and not one "
                "that can be used; put JPEG, PNG or WebP photographs there."
            )
        rows += usable
    table = pd.DataFrame(rows)
    is_contradictory = table.groupby("image_id")[label].transform("nunique") > 1
    return ImageSet(table[~is_contradictory].drop_duplicates("image_id"), store)


def _take_in(path: Path, store: ImageStore, limits: DecodingLimits) -> dict[str, Any] | None:
    content = path.read_bytes()
    try:
        facts = inspect_image(content, limits)
    except UnreadableImageError:
        return None
    image_id, stored = store.add(content, facts.extension)
    return {"image_id": image_id, "path": stored, "width": facts.width, "height": facts.height}
