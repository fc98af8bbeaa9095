"""A folder of images as a source, for people who already have theirs."""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from cosmop.collecting.candidates import FoundImage
from cosmop.errors import InputError

logger = logging.getLogger(__name__)

# Formats that the store refuses are offered all the same: then a row says why they are missing.
IMAGE_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".heic", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
)
_BATCH_ROWS = 50_000
_NO_TEXT = "with a name that is no UTF-8"
_CLOSED = "folders that may not be read"


class ImageFolder:
    """Iterates over the image files below a folder, batch by batch, sorted by path.

    A batch maps names of `cosmop.collecting.candidates.FoundImage` to values. The title is the
    sub-folder (``""`` at the top), so that folders named by class keep their names; ``source_path``
    is relative to the folder. Hidden files and folders and links to folders are skipped.

    Attributes:
        left_out: What could not be taken to how many there were.

    Raises:
        InputError: No such folder, or no image file in it.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(
                f"The folder source wants a folder of images, but {folder} is none; correct "
                "folder in the ingestion parameters."
            )
        self._folder = folder
        self.left_out: Counter[str] = Counter()

    def __iter__(self) -> Iterator[dict[str, list[str]]]:
        root = str(self._folder.absolute())
        files = self._files(root, "")
        taken = 0
        while names := list(islice(files, _BATCH_ROWS)):
            taken += len(names)
            yield {
                "location": [f"{root}{os.sep}{name.replace('/', os.sep)}" for name in names],
                "title": [name.rpartition("/")[0] for name in names],
                "source_path": names,
            }
        if not taken:
            raise InputError(
                f"The folder source wants image files ({', '.join(sorted(IMAGE_SUFFIXES))}), but "
                f"found none below {self._folder}{self.reason and f' ({self.reason})'}; put images "
                "there or name another folder."
            )

    @property
    def reason(self) -> str:
        """Why there are not more rows; empty when everything could be taken."""
        parts = [f"{count} {what}" for what, count in self.left_out.items()]
        return f"left out: {', '.join(parts)}" if parts else ""

    def _files(self, folder: str, prefix: str) -> Iterator[str]:
        """Yield relative paths with ``/``, one folder's names in memory at a time."""
        try:
            with os.scandir(folder) as entries:
                wanted = sorted(
                    (entry.name, entry.is_dir(follow_symlinks=False))
                    for entry in entries
                    if not entry.name.startswith(".") and _is_wanted(entry)
                )
        except OSError:
            self.left_out[_CLOSED] += 1
            return
        for name, is_folder in wanted:
            if not _is_text(name):
                self.left_out[_NO_TEXT] += 1
            elif is_folder:
                yield from self._files(f"{folder}{os.sep}{name}", f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}"


def _is_wanted(entry: "os.DirEntry[str]") -> bool:
    """Tell whether `entry` is a folder, or a file or link to a file that is named as an image."""
    if entry.is_dir(follow_symlinks=False):
        return True
    is_image = "".join(entry.name.rpartition(".")[1:]).lower() in IMAGE_SUFFIXES
    return is_image and entry.is_file()


def _is_text(name: str) -> bool:
    """Tell whether a table can hold `name`: names of files may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def find_in_folder(folder: Path) -> list[FoundImage]:
    """Return the image files below `folder`, see `ImageFolder`.

    Raises:
        InputError: No such folder, or no image file in it.
    """
    return [
        FoundImage(location=location, title=title, source_path=path)
        for batch in ImageFolder(folder)
        for location, title, path in zip(*batch.values(), strict=True)
    ]
