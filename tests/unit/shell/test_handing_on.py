"""The delivered set is handed on with what makes each image again, or refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.pipelines.exploration.handing_on import RecordedImages
from cosmop.stylegan2.export import ImageRecord, encode_png

CRITERIA = ("snow", "dogs")
LABELS = [{"dogs": False, "snow": True}, {"dogs": True, "snow": True}]


def recorded_set(folder: Path) -> ImageSet:
    store = ImageStore(folder)
    rows = []
    for place in (0, 1):
        image_id, path = store.add(encode_png(np.full((4, 4, 3), place, np.uint8)), "png")
        sizes = {"image_id": image_id, "path": path, "width": 4, "height": 4}
        made_by = {"seed": 7 + place, "truncation": 0.5, "generator": "abc"}
        rows.append(sizes | made_by | {"batch_size": 2, "batch_place": place} | LABELS[place])
    return ImageSet(pd.DataFrame(rows), store)


def test_records_and_bytes_are_those_of_the_set_however_often_it_is_read(tmp_path: Path) -> None:
    images = recorded_set(tmp_path)
    handed = RecordedImages(images, CRITERIA)

    assert list(handed) == list(handed)
    assert [record for record, _ in handed] == [
        ImageRecord(7, 0.5, "abc", 2, 0, (1.0, 0.0)),
        ImageRecord(8, 0.5, "abc", 2, 1, (1.0, 1.0)),
    ]
    assert [png for _, png in handed] == [path.read_bytes() for path in images.files]


def test_a_set_without_classes_has_no_labels(tmp_path: Path) -> None:
    assert {record.label for record, _ in RecordedImages(recorded_set(tmp_path))} == {None}


@pytest.mark.parametrize("missing", ["batch_size", "seed", "snow"])
def test_a_set_that_does_not_say_how_it_was_made_is_refused(tmp_path: Path, missing: str) -> None:
    images = recorded_set(tmp_path)
    old = ImageSet(images.manifest.drop(columns=missing), images.store)

    with pytest.raises(InputError, match=rf"without \['{missing}'\]"):
        list(RecordedImages(old, CRITERIA))
