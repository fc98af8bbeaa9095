"""PASS as it is published: tars of photographs without people, and who took them.

Asano et al. 2021, "PASS: An ImageNet replacement for self-supervised pretraining without humans",
2109.13228. The licence of its photographs (CC-BY 4.0) asks to name their authors.
"""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from cosmop.errors import InputError
from cosmop.people.sources.photo_files import (
    choose_photos,
    files_named,
    list_photos,
    note_missing_archives,
)
from cosmop.people.sources.photos import KnownPeople, Photo, Request
from cosmop.people.sources.problems import Problems, printable

ARCHIVES = tuple(f"PASS.{number}.tar" for number in range(10))
METADATA = "pass_metadata.csv"


def read_pass(request: Request, problems: Problems) -> Iterator[Photo]:
    """Yield photographs in which people have found nobody.

    Args:
        request: A folder with ``PASS.0.tar`` to ``PASS.9.tar`` or unpacked images, and where it is
            known ``pass_metadata.csv`` (columns creator, hash, …).
        problems: Where missing or damaged archives, damaged photographs and photographs without a
            line in the table are noted.

    Raises:
        InputError: There is no photograph.
    """
    chosen = choose_photos(
        list_photos(request.folder, problems, archives=".tar"), request.max_images, request.seed
    )
    if not chosen:
        raise InputError(
            f"PASS in {request.folder} must hold photographs, got none that can be read; put "
            f"{ARCHIVES[0]} to {ARCHIVES[-1]} there, or the unpacked PASS_dataset."
        )
    note_missing_archives(request.folder, ARCHIVES, problems)
    authors = _authors(request.folder, {file.photo_id for file in chosen}, problems)
    for file, content in request.read(chosen, problems):
        yield Photo(file.photo_id, content, KnownPeople(), authors.get(file.photo_id, ""))


def _authors(folder: Path, wanted: Collection[str], problems: Problems) -> dict[str, str]:
    """Return who took which of the wanted photographs; empty without the table."""
    paths = [path for path in files_named(folder, ".csv") if path.name == METADATA]
    if not paths:
        return {}
    authors = {}
    try:
        with paths[0].open(encoding="utf-8", errors="replace", newline="") as lines:
            for row in csv.DictReader(lines):
                if row.get("hash") in wanted:
                    authors[row["hash"]] = printable(row.get("creator") or "")
    except csv.Error as error:
        problems.note("table of authors that cannot be read to its end", f"{METADATA}: {error}")
    lacking = sorted(set(wanted) - set(authors))
    problems.note("photograph without a line in the table of authors", *lacking)
    return authors
