"""The gallery folder."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import ValidationError

from cosmop.demo.faults import BROKEN, COPIES
from cosmop.demo.gallery import (
    CAPTION_COLUMNS,
    GalleryOptions,
    KindShares,
    PersonFilterSceneOptions,
    draw_gallery,
    draw_person_filter_scenes,
)
from cosmop.demo.truth import CRITERIA, KINDS
from cosmop.errors import InputError

SMALL = GalleryOptions(
    images=60, size=(96, 128), seed=4, broken_share=0.07, exif_orientation_share=0.02
)
TINY = GalleryOptions(images=14, size=(60, 80), seed=1)


def _digest(folder) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    return folder, draw_gallery(folder, SMALL)


def test_the_truth_has_one_row_per_published_file(gallery):
    folder, truth = gallery

    assert truth["file"].is_unique
    assert set(truth["file"]) == {path.name for path in (folder / "images").iterdir()}
    assert len(truth) == SMALL.images


def test_the_truth_names_the_checksum_of_every_file(gallery):
    folder, truth = gallery

    for file, expected in zip(truth["file"], truth["image_sha256"], strict=True):
        assert hashlib.sha256((folder / "images" / file).read_bytes()).hexdigest() == expected


def test_faults_come_in_their_shares(gallery):
    _, truth = gallery

    assert truth["fault"].isin(COPIES).sum() == round(60 * 0.12)
    assert truth["fault"].isin(BROKEN).sum() == round(60 * 0.07)
    assert set(truth.loc[truth["fault"].isin(BROKEN), "fault"]) == set(BROKEN)
    assert (truth["fault"] == "exif_orientation").sum() == 1


def test_copies_name_an_original_and_share_its_scene_and_labels(gallery):
    _, truth = gallery
    by_file = truth.set_index("file")
    copies = truth[truth["copy_of"] != ""]

    assert set(copies["fault"]) == set(COPIES)
    for copy in copies.itertuples():
        original = by_file.loc[copy.copy_of]
        assert original["fault"] in ("", "exif_orientation")
        assert copy.scene_id == original["scene_id"]
        assert copy.number_of_people == original["number_of_people"]
        same_bytes = copy.image_sha256 == original["image_sha256"]
        assert same_bytes == (copy.fault == "exact_copy" and original["fault"] == "")


def test_broken_files_show_nobody(gallery):
    _, truth = gallery
    broken = truth[truth["fault"].isin(BROKEN)]

    assert not broken[[*CRITERIA, "has_people"]].to_numpy(dtype=bool).any()
    assert set(broken["kind"]) == {""}


def test_kinds_come_in_their_shares(gallery):
    _, truth = gallery
    drawn = truth.loc[truth["fault"].isin(["", "exif_orientation"]), "kind"]
    weights = SMALL.kinds.model_dump()

    for kind in KINDS:
        assert (drawn == kind).sum() == pytest.approx(weights[kind] * len(drawn), abs=1.01)


def test_masks_and_people_agree(gallery):
    folder, truth = gallery
    for row in truth[truth["scene_id"] != ""].itertuples():
        mask = np.asarray(Image.open(folder / "masks" / f"{row.scene_id}.png"))
        people = json.loads(row.people_json)

        assert mask.max() == row.number_of_people == len(people)
        assert row.has_people == bool(people)
        assert row.with_children == any(person["is_child"] for person in people)


def test_file_names_and_their_order_give_nothing_away(gallery):
    _, truth = gallery
    numbers = truth["file"].str.extract(r"^photo-(\d{6})\.(?:jpg|png|webp)$")[0]

    assert numbers.notna().all()
    assert truth["file"].is_monotonic_increasing
    is_fault = truth["fault"].isin((*COPIES, *BROKEN)).to_numpy(dtype=bool)
    assert is_fault[: len(truth) // 2].any()
    assert is_fault[len(truth) // 2 :].any()


def test_every_file_has_a_caption(gallery):
    folder, truth = gallery
    captions = pd.read_csv(folder / "captions.csv", keep_default_na=False)

    assert tuple(captions.columns) == CAPTION_COLUMNS
    assert set(captions["file"]) == set(truth["file"])
    assert set(captions["channel"]) == {"search", "posts", "both"}
    assert (captions["title"] != "").all()
    assert pd.to_datetime(captions["taken_at"], utc=True).dt.year.between(2018, 2022).all()


def test_the_same_options_draw_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        draw_gallery(tmp_path / name, TINY)

    assert _digest(tmp_path / "one") == _digest(tmp_path / "two")


def test_a_second_call_draws_nothing(tmp_path):
    first = draw_gallery(tmp_path, TINY)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    second = draw_gallery(tmp_path, TINY)

    pd.testing.assert_frame_equal(first, second)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times


def test_other_options_draw_afresh_and_leave_nothing_of_the_old(tmp_path):
    draw_gallery(tmp_path / "gallery", TINY)
    other = TINY.model_copy(update={"seed": 2})
    draw_gallery(tmp_path / "gallery", other)
    draw_gallery(tmp_path / "fresh", other)

    assert _digest(tmp_path / "gallery") == _digest(tmp_path / "fresh")


def test_an_interrupted_drawing_is_drawn_again(tmp_path):
    draw_gallery(tmp_path, TINY)
    expected = _digest(tmp_path)
    (tmp_path / "complete.json").unlink()
    (tmp_path / "truth.parquet").unlink()

    draw_gallery(tmp_path, TINY)

    assert _digest(tmp_path) == expected


def test_somebody_elses_images_are_not_touched(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "holiday.jpg").write_bytes(b"dear")

    with pytest.raises(InputError, match=r"somebody else's images in it; name another folder"):
        draw_gallery(tmp_path, TINY)
    assert (tmp_path / "images" / "holiday.jpg").read_bytes() == b"dear"


def test_the_gallery_leaves_other_folders_beside_it_alone(tmp_path):
    draw_person_filter_scenes(
        tmp_path / "person_filter", PersonFilterSceneOptions(images=2, size=(60, 80))
    )
    before = _digest(tmp_path / "person_filter")
    draw_gallery(tmp_path, TINY)

    assert _digest(tmp_path / "person_filter") == before


def test_person_filter_scenes_are_halves_and_none_is_in_the_gallery(tmp_path):
    options = PersonFilterSceneOptions(images=21, size=(60, 80), seed=TINY.seed)
    draw_person_filter_scenes(tmp_path / "filter", options)
    truth = draw_gallery(tmp_path / "gallery", TINY)

    people, nobody = (
        sorted((tmp_path / "filter" / n).glob("*.jpg")) for n in ("people", "no_people")
    )
    assert (len(people), len(nobody)) == (10, 11)
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (*people, *nobody)}
    assert len(digests) == 21
    assert not digests & set(truth["image_sha256"])


def test_a_second_call_for_person_filter_scenes_draws_nothing(tmp_path):
    options = PersonFilterSceneOptions(images=4, size=(60, 80))
    draw_person_filter_scenes(tmp_path, options)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    draw_person_filter_scenes(tmp_path, options)

    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times


def test_kinds_without_weight_are_not_drawn(tmp_path):
    zero = dict.fromkeys(KINDS, 0.0) | {"no_people": 1.0}
    truth = draw_gallery(tmp_path, TINY.model_copy(update={"kinds": KindShares(**zero)}))

    assert set(truth["kind"]) <= {"no_people", ""}


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": 3},
        {"duplicate_share": 0.9},
        {"size": (8, 8)},
        {"kinds": dict.fromkeys(KINDS, 0.0)},
        {"colour": "red"},
    ],
)
def test_senseless_options_are_refused(wrong):
    with pytest.raises(ValidationError):
        GalleryOptions(**wrong)


def test_the_gallery_is_the_same_whoever_draws_it(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = GalleryOptions(images=24, size=(60, 80))
    alone = draw_gallery(tmp_path / "alone", options)
    monkeypatch.setattr("cosmop.demo.gallery._JOBS_WORTH_A_WORKER", 4)
    monkeypatch.setattr("os.cpu_count", lambda: 3)

    together = draw_gallery(tmp_path / "together", options)

    pd.testing.assert_frame_equal(alone, together)
