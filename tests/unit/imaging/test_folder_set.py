"""Sorted folders become one labelled image set."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.decoding import DecodingLimits
from cosmop.imaging.folder_set import image_set_from_folders
from cosmop.imaging.store import ImageStore

Draw = Callable[..., Image.Image]
LIMITS = DecodingLimits(min_side_px=16)


def folders(root: Path) -> dict[bool, Path]:
    found = {True: root / "yes", False: root / "no"}
    for folder in found.values():
        folder.mkdir(parents=True)
    return found


def test_each_image_has_the_label_of_its_folder(tmp_path: Path, picture: Draw) -> None:
    given = folders(tmp_path)
    (given[True] / "deeper").mkdir()
    picture().save(given[True] / "deeper" / "a.png")
    picture().save(given[False] / "b.JPG", "JPEG")

    images = image_set_from_folders(given, ImageStore(tmp_path / "s"), LIMITS, label="is_it")

    assert images.manifest["is_it"].tolist() == [True, False]
    assert images.manifest["location"].tolist() == ["deeper/a.png", "b.JPG"]
    assert images.open(1).size == (96, 72)


def test_unusable_files_and_contradictions_are_left_out(tmp_path: Path, picture: Draw) -> None:
    given = folders(tmp_path)
    both = picture()
    for folder in given.values():
        picture().save(folder / "own.png")
        both.save(folder / "both.png")
        (folder / "broken.jpg").write_bytes(b"<html>")

    images = image_set_from_folders(given, ImageStore(tmp_path / "s"), LIMITS, label="is_it")

    assert images.manifest["location"].tolist() == ["own.png", "own.png"]


def test_a_folder_without_a_usable_image_is_named(tmp_path: Path, picture: Draw) -> None:
    given = folders(tmp_path)
    picture().save(given[True] / "a.png")
    (given[False] / "broken.jpg").write_bytes(b"<html>")

    with pytest.raises(InputError, match=r"no must hold usable images, got 1 files"):
        image_set_from_folders(given, ImageStore(tmp_path / "s"), LIMITS, label="is_it")
