"""A photograph of a source, and what its source knows of the people in it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosmop.people.sources.photo_files import PhotoFile, read_photos
from cosmop.people.sources.problems import Problems
from cosmop.progress import track

Boxes = NDArray[np.float32]  # [N, 4]: left, top, right, bottom in pixels


def no_boxes() -> Boxes:
    """Return boxes of nobody, float32 [0, 4]."""
    return np.empty((0, 4), np.float32)


@dataclass(frozen=True)
class KnownPeople:
    """Boxes that people have drawn, in pixels of the photograph.

    Attributes:
        visible: The visible part of each person that counts, float32 [N, 4].
        taken: Everything that may show somebody: whole bodies, heads, crowds that are masked out,
            pictures of people, float32 [M, 4].
    """

    visible: Boxes = field(default_factory=no_boxes)
    taken: Boxes = field(default_factory=no_boxes)


@dataclass(frozen=True)
class Photo:
    """A photograph, not yet decoded.

    Attributes:
        photo_id: What its source calls it.
        content: Bytes of the file.
        people: None where nobody has drawn boxes.
        author: Who took it, empty where the source does not say.
    """

    photo_id: str
    content: bytes
    people: KnownPeople | None = None
    author: str = ""


@dataclass(frozen=True)
class Request:
    """Which photographs to read from where.

    Attributes:
        folder: Where the source lies.
        max_images: At most so many, chosen by `seed`; None for all.
        seed: Of the choice.
        max_file_bytes: Larger files are left out.
    """

    folder: Path
    max_images: int | None = None
    seed: int = 0
    max_file_bytes: int = 64 * 10**6

    def read(self, files: list[PhotoFile], problems: Problems) -> Iterator[tuple[PhotoFile, bytes]]:
        """Yield files with their bytes behind a progress bar."""
        what = f"reading {self.folder.name}"
        contents = read_photos(files, self.max_file_bytes, problems)
        yield from track(contents, what, total=len(files), unit="image")
