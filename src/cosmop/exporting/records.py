"""What is handed on with each image: its split, its label, and where it is from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet

CLASSES = ("negative", "positive")
_TEXTS = {
    "source": "source",
    "page_url": "page",
    "location": "image_url",
    "licence": "licence",
    "author": "author",
    "title": "title",
    "fetched_at": "found_at",
}  # column of the manifest: its name in the export
_MADE_BY = ("seed", "truncation", "generator", "batch_size", "batch_place")


@dataclass(frozen=True)
class ExportRecord:
    """One image to hand on.

    Attributes:
        image_id: SHA-256 (hex) of the file in the store.
        path: Its place in the store.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        label: One of `CLASSES`.
        columns: Further columns, ready for JSON; the same names for all images of a set.
    """

    image_id: str
    path: str
    split: str
    label: str
    columns: Mapping[str, Any]


def labelled_records(splits: Mapping[str, ImageSet], criteria: Sequence[str]) -> list[ExportRecord]:
    """Return the records of labelled photographs, by split and then by id.

    Ids are checksums, so their order has nothing to do with what the images show: a reader that
    takes the files one after the other meets both classes from the start.

    Args:
        splits: Images by split, with ``is_positive`` and provenance.
        criteria: Columns with the answers.

    Raises:
        InputError: Some images have no label.
    """
    records: list[ExportRecord] = []
    for split, images in splits.items():
        manifest = images.manifest.sort_values("image_id")
        _check_labels(manifest, split, ["is_positive", *criteria])
        columns = _texts(manifest) | {name: manifest[name].astype(bool) for name in criteria}
        records += _records(manifest, split, manifest["is_positive"], columns)
    return records


def synthetic_records(images: ImageSet, criteria: Sequence[str] = ()) -> list[ExportRecord]:
    """Return the records of generated images, by id: all of them positive, and for training.

    The label is what the generator was trained on; no person has looked at the image.

    Args:
        images: Images with what makes each again: seed, truncation, generator.
        criteria: Columns that hold what the generator was asked for; those missing are left out.
    """
    manifest = images.manifest.sort_values("image_id")
    asked = [name for name in criteria if name in manifest]
    columns = {name: manifest[name] for name in _MADE_BY if name in manifest}
    columns |= {name: manifest[name].astype(bool) for name in asked}
    return _records(manifest, "train", pd.Series(data=True, index=manifest.index), columns)


def _check_labels(manifest: pd.DataFrame, split: str, names: Sequence[str]) -> None:
    absent = [name for name in names if name not in manifest]
    unlabelled = manifest[manifest[[n for n in names if n in manifest]].isna().any(axis=1)]
    if absent or len(unlabelled):
        came = f"no column {absent[0]!r}" if absent else f"{len(unlabelled)} without"
        which = "" if absent else f", first {unlabelled['image_id'].iloc[0]!r}"
        raise InputError(
            f"An export wants a label for every image of the {split} split, got {came}{which}; "
            "label them with `kedro annotate` and run `kedro run --pipelines=annotation`."
        )


def _texts(manifest: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """Return the provenance columns; what is not known is an empty text."""
    empty = pd.Series("", index=manifest.index)
    return {
        name: manifest.get(column, empty).fillna("").astype(str) for column, name in _TEXTS.items()
    }


def _records(
    manifest: pd.DataFrame,
    split: str,
    is_positive: "pd.Series[Any]",
    columns: Mapping[str, "pd.Series[Any]"],
) -> list[ExportRecord]:
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [
        ExportRecord(
            image_id, path, split, CLASSES[bool(label)], dict(zip(columns, row, strict=True))
        )
        for image_id, path, label, row in zip(
            manifest["image_id"], manifest["path"], is_positive, values, strict=True
        )
    ]
