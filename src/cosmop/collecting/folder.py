"""A folder of images as a source, for people who already have theirs."""

import os
from pathlib import Path

from cosmop.collecting.candidates import FoundImage
from cosmop.errors import InputError

# Formats that the store refuses are offered all the same: then a row says why they are missing.
IMAGE_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".heic", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
)


def find_in_folder(folder: Path) -> list[FoundImage]:
    """Return the image files below `folder`, sorted by path.

    The title is the sub-folder (``""`` at the top), so that folders named by class keep their
    names; ``source_path`` is relative to `folder`. Hidden files and links to folders are skipped.

    Raises:
        InputError: No such folder, or no image file in it.
    """
    if not folder.is_dir():
        raise InputError(
            f"The folder source wants a folder of images, but {folder} is none; correct "
            "folder in the ingestion parameters."
        )
    relative = sorted(
        (Path(parent) / name).relative_to(folder)
        for parent, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")
    )
    if not relative:
        raise InputError(
            f"The folder source wants image files ({', '.join(sorted(IMAGE_SUFFIXES))}), but found "
            f"none below {folder}; put images there or name another folder."
        )
    return [_found(folder, path) for path in relative]


def _found(folder: Path, path: Path) -> FoundImage:
    title = "" if path.parent == Path() else path.parent.as_posix()
    location = str((folder / path).absolute())
    return FoundImage(location=location, title=title, source_path=path.as_posix())
