"""CrowdHuman as it is published: zips of photographs, and a line of JSON with boxes for each.

Shao et al. 2018, "CrowdHuman: A Benchmark for Detecting Human in a Crowd", 1805.00123.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cosmop.errors import InputError
from cosmop.people.sources.photo_files import (
    PhotoFile,
    choose_photos,
    files_named,
    list_photos,
    note_missing_archives,
)
from cosmop.people.sources.photos import Boxes, KnownPeople, Photo, Request
from cosmop.people.sources.problems import Problems, printable

ARCHIVES = (
    "CrowdHuman_train01.zip",
    "CrowdHuman_train02.zip",
    "CrowdHuman_train03.zip",
    "CrowdHuman_val.zip",
)
ANNOTATIONS = ("annotation_train.odgt", "annotation_val.odgt")

_LONGEST_LINE = 2**24  # bytes; those published are far below 2**20
_LARGEST_COORDINATE = 1e6
_DAMAGES = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def read_crowdhuman(request: Request, problems: Problems) -> Iterator[Photo]:
    """Yield annotated photographs with at least one visible person that counts.

    A person counts whose tag is ``person`` and whose ``extra.ignore`` is not 1; its ``vbox`` is
    what is visible. Masks and ignored boxes only say where nobody knows.

    Args:
        request: A folder with ``CrowdHuman_*.zip`` or unpacked images, and ``annotation_*.odgt``.
        problems: Where missing parts, damaged lines, annotations without photograph and
            photographs without annotation are noted.

    Raises:
        InputError: No annotations, annotations of something else, or none with its photograph.
    """
    known = _read_annotations(request.folder, problems)
    listed = list(list_photos(request.folder, problems, archives=".zip"))
    note_missing_archives(request.folder, ARCHIVES, problems)
    files = _annotated(listed, known, problems)
    if not files:
        raise InputError(
            f"CrowdHuman in {request.folder} must hold photographs and their annotations, got "
            f"{len(listed)} photographs and {len(known)} annotations of which none belong "
            f"together; put {ARCHIVES[0]} beside {ANNOTATIONS[0]}, and so on."
        )
    chosen = choose_photos(files, request.max_images, request.seed)
    for file, content in request.read(chosen, problems):
        yield Photo(file.photo_id, content, known[file.photo_id])


def _annotated(
    listed: list[PhotoFile], known: Mapping[str, KnownPeople], problems: Problems
) -> list[PhotoFile]:
    """Return the files with a visible person; note what has no counterpart."""
    found = {file.photo_id for file in listed}
    lacking = [photo_id for photo_id in known if photo_id not in found]
    unknown = [file.name for file in listed if file.photo_id not in known]
    both = [file for file in listed if file.photo_id in known]
    without = [file.name for file in both if len(known[file.photo_id].visible) == 0]
    for problem, names in (
        ("annotation without its photograph", lacking),
        ("photograph without annotation", unknown),
        ("photograph without a person that counts", without),
    ):
        problems.note(problem, *names)
    return [file for file in both if len(known[file.photo_id].visible)]


def _read_annotations(folder: Path, problems: Problems) -> dict[str, KnownPeople]:
    paths = files_named(folder, ".odgt")
    missing = set(ANNOTATIONS) - {path.name for path in paths}
    problems.note("annotation file that is missing", *sorted(missing))
    known: dict[str, KnownPeople] = {}
    damaged = Problems(problems.source)
    for path in paths:
        known |= _read_file(path, damaged)
    if not known:
        came = f"lines such as {damaged.first()}" if damaged.first() else "no line"
        raise InputError(
            f"CrowdHuman in {folder} needs annotations, one JSON object with `ID` and `gtboxes` "
            f"per line in {' and '.join(ANNOTATIONS)}, got {came}; put the published files there."
        )
    problems.take_over(damaged)
    return known


def _read_file(path: Path, problems: Problems) -> dict[str, KnownPeople]:
    known: dict[str, KnownPeople] = {}
    with path.open("rb") as file:
        pieces = iter(lambda: file.readline(_LONGEST_LINE), b"")
        for number, line in enumerate(pieces, start=1):
            try:
                known |= _annotation(line)
            except _DAMAGES:
                beginning = line[:80].decode("utf-8", "replace").strip()
                problems.note("damaged annotation line", f"{path.name}:{number} {beginning}")
    return known


def _annotation(line: bytes) -> dict[str, KnownPeople]:
    """Return the people of one photograph by its id; nothing for an empty line."""
    if not line.strip():
        return {}
    record = json.loads(line)
    return {printable(record["ID"]): _known_people(record["gtboxes"])}


def _known_people(gtboxes: list[dict[str, Any]]) -> KnownPeople:
    if not isinstance(gtboxes, list):
        raise TypeError(gtboxes)
    counting = [box["vbox"] for box in gtboxes if _counts(box)]
    names = ("fbox", "vbox", "hbox")
    taken = [box[name] for box in gtboxes for name in names if name in box]
    visible = _corners(counting)
    has_area = (visible[:, 2] > visible[:, 0]) & (visible[:, 3] > visible[:, 1])
    return KnownPeople(visible[has_area], _corners(taken))


def _counts(box: Mapping[str, Any]) -> bool:
    is_ignored = box.get("extra", {}).get("ignore", 0) == 1
    return box["tag"] == "person" and not is_ignored


def _corners(boxes: list[Any]) -> Boxes:
    """Turn ``[x, y, width, height]`` into left, top, right, bottom: float32 [N, 4]."""
    sides = np.asarray(boxes or np.empty((0, 4)), dtype=np.float64)
    if sides.ndim != 2 or sides.shape[1] != 4 or not (np.abs(sides) < _LARGEST_COORDINATE).all():
        raise ValueError(boxes)
    return np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1).astype(np.float32)
