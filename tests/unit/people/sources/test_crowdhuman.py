"""CrowdHuman in its published layout is read whole, and what is wrong with it is told."""

import json
import stat
import zipfile

import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.people.sources.crowdhuman import read_crowdhuman
from cosmop.people.sources.photos import Request
from cosmop.people.sources.problems import Problems
from tests.unit.people.published_sources import (
    make_crowd,
    odgt,
    person_box,
    write_crowdhuman,
    write_zip,
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "crowdhuman"


def read(folder, **request):
    problems = Problems("crowdhuman")
    photos = list(read_crowdhuman(Request(folder, **request), problems))
    return {photo.photo_id: photo for photo in photos}, problems.table().set_index("problem")["n"]


def test_every_photograph_comes_with_its_bytes_and_its_people(folder, chance):
    crowd = write_crowdhuman(folder, chance, [f"{at},c0ffee" for at in range(9)])

    photos, problems = read(folder)

    assert {one: photo.content for one, photo in photos.items()} == {
        one: content for one, (content, _) in crowd.items()
    }
    assert problems.empty
    for one, (_, boxes) in crowd.items():
        x, y, width, height = np.array([box["vbox"] for box in boxes if box["tag"] == "person"]).T
        expected = np.stack([x, y, x + width, y + height], axis=1)
        np.testing.assert_array_equal(photos[one].people.visible, expected)
        assert len(photos[one].people.taken) == 3 * len(boxes)


def test_unpacked_photographs_are_read_as_those_in_zips(folder, chance):
    crowd = write_crowdhuman(folder, chance)
    packed, _ = read(folder)
    (folder / "Images").mkdir()
    for one, (content, _) in crowd.items():
        (folder / "Images" / f"{one}.jpg").write_bytes(content)
    for path in folder.glob("*.zip"):
        path.unlink()

    unpacked, problems = read(folder)

    assert {one: p.content for one, p in unpacked.items()} == {
        one: p.content for one, p in packed.items()
    }
    assert problems.empty


def test_masks_and_ignored_people_do_not_count_but_take_their_place(folder, chance):
    boxes = [
        person_box(10, 10, 20, 60),
        person_box(50, 10, 20, 60, ignore=1),
        person_box(90, 10, 20, 60, tag="mask", ignore=1),
        person_box(130, 10, 0, 60),
    ]
    nobody = [person_box(50, 10, 20, 60, ignore=1)]
    content = {one: made[0] for one, made in make_crowd(chance, ["some", "none"]).items()}
    folder.mkdir()
    write_zip(folder / "CrowdHuman_val.zip", {f"{one}.jpg": content[one] for one in content})
    lines = odgt({"some": (b"", boxes), "none": (b"", nobody)})
    (folder / "annotation_val.odgt").write_text(lines)

    photos, problems = read(folder)

    np.testing.assert_array_equal(photos["some"].people.visible, [[10, 10, 30, 70]])
    assert len(photos["some"].people.taken) == 12
    assert list(photos) == ["some"]
    assert problems["photograph without a person that counts"] == 1


def test_what_is_missing_on_either_side_is_counted(folder, chance):
    crowd = write_crowdhuman(folder, chance, ["a", "b", "c", "d", "e"])
    (folder / "CrowdHuman_train02.zip").unlink()
    (folder / "annotation_val.odgt").unlink()
    write_zip(folder / "CrowdHuman_test.zip", {"Images/unknown.jpg": crowd["a"][0]})

    photos, problems = read(folder)

    assert sorted(photos) == ["a", "c", "e"]
    assert problems.to_dict() == {
        "annotation file that is missing": 1,
        "archive that is missing": 1,
        "annotation without its photograph": 1,
        "photograph without annotation": 2,
    }


@pytest.mark.parametrize(
    "line",
    [
        '{"ID": "x", "gtboxes": [',
        "[]",
        '"text"',
        '{"gtboxes": []}',
        '{"ID": 7, "gtboxes": []}',
        '{"ID": "x", "gtboxes": {"tag": "person"}}',
        '{"ID": "x", "gtboxes": [{"tag": "person", "vbox": [1, 2, 3]}]}',
        '{"ID": "x", "gtboxes": [{"tag": "person", "vbox": [1, 2, 3, NaN]}]}',
        '{"ID": "x", "gtboxes": [{"tag": "person", "vbox": [1, 2, 3, 1e300]}]}',
        '{"ID": "x", "gtboxes": [{"tag": "person", "vbox": [1, 2, 3, 1' + 400 * "0" + "]}]}",
        '{"ID": "x", "gtboxes": [{"vbox": [1, 2, 3, 4]}]}',
        "[" * 100_000,
        "\0\xff",
    ],
)
def test_a_damaged_line_costs_one_photograph(folder, chance, line):
    write_crowdhuman(folder, chance, ["a", "b", "c"])
    path = folder / "annotation_train.odgt"
    whole = path.read_text().splitlines()
    path.write_bytes("\n".join([whole[0], line, *whole[1:]]).encode("latin-1") + b"\n")

    photos, problems = read(folder)

    assert list(photos) == ["a", "b", "c"]
    assert problems.to_dict() == {"damaged annotation line": 1}


def test_an_odgt_of_something_else_is_refused_and_shown(folder, chance):
    write_crowdhuman(folder, chance)
    for path in folder.glob("*.odgt"):
        path.write_text(json.dumps({"fpath": "image.png", "boxes": []}) + "\n")

    with pytest.raises(InputError, match=r"got lines such as annotation_train.odgt:1 \{.fpath"):
        read(folder)


def test_an_odgt_of_other_photographs_is_refused(folder, chance):
    write_crowdhuman(folder, chance, ["a", "b"])
    (folder / "annotation_train.odgt").write_text(odgt(make_crowd(chance, ["y", "z"])))

    with pytest.raises(InputError, match="2 photographs and 2 annotations of which none belong"):
        read(folder)


def test_a_folder_without_annotations_is_refused(folder, chance):
    write_crowdhuman(folder, chance)
    for path in folder.glob("*.odgt"):
        path.unlink()

    with pytest.raises(InputError, match=r"annotation_train.odgt and annotation_val.odgt, got no"):
        read(folder)


def test_a_truncated_zip_is_told_and_the_others_are_used(folder, chance):
    write_crowdhuman(folder, chance, ["a", "b", "c", "d"])
    path = folder / "CrowdHuman_train01.zip"
    path.write_bytes(path.read_bytes()[:-200])

    photos, problems = read(folder)

    assert list(photos) == ["b", "c", "d"]
    assert problems["archive that cannot be opened"] == 1


def test_hostile_members_are_not_read(folder, chance):
    crowd = make_crowd(chance, ["good", "../../up", "link", "bomb", "damaged"])
    folder.mkdir()
    content = {one: made[0] for one, made in crowd.items()}
    path = folder / "CrowdHuman_val.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.jpg", content["good"])
        archive.writestr("/../../up.jpg", content["../../up"])
        archive.writestr("run.sh", b"rm -r")
        archive.writestr("__MACOSX/._good.jpg", b"resource fork")
        archive.writestr("bomb.jpg", bytes(3_000_000))
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("damaged.jpg", content["damaged"], compress_type=zipfile.ZIP_STORED)
    raw = path.read_bytes()
    assert content["damaged"] in raw
    path.write_bytes(raw.replace(content["damaged"], bytes(len(content["damaged"]))))
    crowd["up"] = crowd.pop("../../up")
    (folder / "annotation_val.odgt").write_text(odgt(crowd))

    photos, problems = read(folder, max_file_bytes=1_000_000)

    assert {one: photo.content for one, photo in photos.items()} == {
        "good": content["good"],
        "up": content["../../up"],
    }
    assert "photograph without annotation" not in problems  # a resource fork is no photograph
    assert problems["link instead of a file"] == 1
    assert problems["file larger than 1 MB"] == 1
    assert problems["file that cannot be read"] == 1
    assert [path.name for path in folder.rglob("*")] == [
        "CrowdHuman_val.zip",
        "annotation_val.odgt",
    ]


def test_a_member_that_lies_about_its_size_is_read_no_further(folder, chance):
    crowd = make_crowd(chance, ["honest", "liar"])
    folder.mkdir()
    path = folder / "CrowdHuman_val.zip"
    write_zip(path, {"honest.jpg": crowd["honest"][0], "liar.jpg": bytes(50_000_000)})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    path.write_bytes(raw)
    (folder / "annotation_val.odgt").write_text(odgt(crowd))

    photos, problems = read(folder, max_file_bytes=1_000_000)

    assert list(photos) == ["honest"]
    assert problems["file that cannot be read"] == 1


def test_ids_that_no_table_could_hold_are_made_printable(folder, chance):
    content = make_crowd(chance, ["x"])["x"][0]
    folder.mkdir()
    write_zip(folder / "CrowdHuman_val.zip", {"a\nb.jpg": content})
    lines = json.dumps({"ID": "a\nb", "gtboxes": [person_box(1, 1, 9, 9)]})
    (folder / "annotation_val.odgt").write_text(lines + "\n")

    photos, _ = read(folder)

    assert list(photos) == ["a?b"]


def test_a_choice_follows_from_seed_and_ids_alone(folder, chance):
    ids = [f"{at}" for at in range(40)]
    write_crowdhuman(folder, chance, ids)
    chosen, other = ([*read(folder, max_images=10, seed=seed)[0]] for seed in (3, 4))
    again = [*read(folder, max_images=10, seed=3)[0]]
    more = [*read(folder, max_images=20, seed=3)[0]]

    assert len(chosen) == len(other) == 10
    assert chosen == again != other
    assert set(chosen) < set(more)
