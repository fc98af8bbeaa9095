"""From photographs with and without people, as they are published, to one set to learn from."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from cosmop.errors import InputError
from cosmop.imaging.decoding import DecodingLimits
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.people.sources.crowdhuman import read_crowdhuman
from cosmop.people.sources.intake import Intake, Row
from cosmop.people.sources.options import SourcesOptions
from cosmop.people.sources.pass_images import read_pass
from cosmop.people.sources.photo_files import choose_photos, list_photos
from cosmop.people.sources.photos import Photo, Request
from cosmop.people.sources.problems import Problems, problem_table

_LOG = logging.getLogger(__name__)
_WORDS = {True: "with", False: "without"}
_TYPES = {
    "is_person": "bool",
    "people": "Int64",
    "largest_person_share": "float64",
    "source": "str",
    "original_id": "str",
    "kind": "str",
    "author": "str",
}


def read_folder(request: Request, problems: Problems) -> Iterator[Photo]:
    """Yield the images below a folder, whose people nobody has marked."""
    folder = request.folder
    listed = list_photos(folder, problems, identify=lambda name: f"{folder.name}/{name}")
    chosen = choose_photos(listed, request.max_images, request.seed)
    for file, content in request.read(chosen, problems):
        yield Photo(file.photo_id, content)


Reader = Callable[[Request, Problems], Iterator[Photo]]

READERS: Mapping[str, Reader] = {
    "folder": read_folder,
    "crowdhuman": read_crowdhuman,
    "pass": read_pass,
}
"""How each layout is read."""


def collect_person_images(
    folders: Mapping[bool, Path],
    store: ImageStore,
    limits: DecodingLimits,
    options: SourcesOptions,
) -> tuple[ImageSet, pd.DataFrame]:
    """Take images with and without people into the store.

    Args:
        folders: Where the photographs with people (True) and without (False) lie, each in the
            layout that `options` say.
        store: Where the bytes go; archives are not unpacked.
        limits: What counts as a usable image; others are noted and left out.
        options: What is taken, cut out and encoded again.

    Returns:
        The images with ``is_person``; ``source``, the layout; ``original_id``, the photograph (of
        which there may be several images); ``kind`` (photo, person_crop, person_free_crop);
        ``people``, how many are visible, unknown without boxes; ``largest_person_share``, the
        height of the tallest over that of the image; ``author``. An image that lies on both sides
        is left out of both, since one of them is wrong. And a table of what was not as expected:
        source, problem, n, example.

    Raises:
        InputError: A side without a usable image, or a layout that is not what it should be.
    """
    sides = {True: options.people, False: options.no_people}
    told = [Problems(side.layout) for side in sides.values()]
    rows = [
        row
        for (is_person, side), problems in zip(sides.items(), told, strict=True)
        for row in _side_rows(
            folders[is_person],
            Intake(is_person, side, options.reencoding, options.seed, store, limits, problems),
            options,
        )
    ]
    table = pd.DataFrame(rows).astype(_TYPES)
    is_contradictory = table.groupby("image_id")["is_person"].transform("nunique") > 1
    told[0].note("image that lies on both sides", *table["original_id"][is_contradictory])
    usable = ImageSet(table[~is_contradictory].drop_duplicates("image_id"), store)
    return usable, problem_table(told)


def _side_rows(folder: Path, intake: Intake, options: SourcesOptions) -> list[Row]:
    side, problems = intake.side, intake.problems
    request = Request(folder, side.max_images, options.seed, options.max_file_mb * 10**6)
    rows = [row for photo in READERS[side.layout](request, problems) for row in intake.rows(photo)]
    if not any(row["is_person"] == intake.is_person for row in rows):
        raise InputError(
            f"The folder {folder} must hold usable images {_WORDS[intake.is_person]} people, in "
            f"the layout {side.layout!r}, got none ({problems.words()}); put JPEG, PNG or WebP "
            "photographs there, or correct person_filter.sources."
        )
    _LOG.log(problems.log_level, problems.sentence(len({row["original_id"] for row in rows})))
    return rows
