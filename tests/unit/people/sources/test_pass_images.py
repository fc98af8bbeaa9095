"""PASS in its published layout is read whole, and what is wrong with it is told."""

import io
import tarfile

import pytest

from cosmop.errors import InputError
from cosmop.people.sources.pass_images import read_pass
from cosmop.people.sources.photos import Request
from cosmop.people.sources.problems import Problems
from tests.unit.people.published_sources import backdrop, encoded, write_pass, write_tar


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "pass"


def read(folder, **request):
    problems = Problems("pass")
    photos = list(read_pass(Request(folder, **request), problems))
    return {photo.photo_id: photo for photo in photos}, problems.table().set_index("problem")["n"]


def test_every_photograph_comes_with_its_bytes_its_author_and_nobody(folder, chance):
    written = write_pass(folder, chance)

    photos, problems = read(folder)

    assert {one: photo.content for one, photo in photos.items()} == written
    assert problems.empty
    assert [photos[one].author for one in written] == [f"Photographer {at}" for at in range(12)]
    assert {len(photo.people.taken) for photo in photos.values()} == {0}


def test_unpacked_photographs_are_read_as_those_in_tars(folder, chance):
    written = write_pass(folder, chance)
    unpacked = folder / "PASS_dataset" / "dummy_folder"
    unpacked.mkdir(parents=True)
    for one, content in written.items():
        (unpacked / f"{one}.jpeg").write_bytes(content)
    both, repeated = read(folder)
    for path in folder.glob("*.tar"):
        path.unlink()
    alone, problems = read(folder)

    assert {one: p.content for one, p in both.items()} == written
    assert {one: p.content for one, p in alone.items()} == written
    assert repeated.to_dict() == {"photograph that lies there twice": 12}
    assert problems.empty


def test_a_table_of_authors_may_be_absent_and_may_have_gaps(folder, chance):
    written = write_pass(folder, chance, 3, tars=3)
    path = folder / "pass_metadata.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    _, problems = read(folder)
    path.unlink()
    photos, _ = read(folder)

    assert problems["photograph without a line in the table of authors"] == 1
    assert problems["archive that is missing"] == 7
    assert {photos[one].author for one in written} == {""}


@pytest.mark.parametrize("where", ["header", "data", "border"])
def test_a_truncated_tar_is_told_and_what_comes_before_is_used(folder, chance, where):
    folder.mkdir()
    photos = {f"{at}.jpeg": encoded(backdrop(chance)) for at in range(3)}
    path = folder / "PASS.0.tar"
    write_tar(path, photos)
    with tarfile.open(path) as archive:
        last = archive.getmembers()[-1]
    end = {"header": last.offset + 100, "data": last.offset_data + 100, "border": last.offset}
    path.write_bytes(path.read_bytes()[: end[where]])

    found, problems = read(folder)

    assert list(found) == ["0", "1"]
    assert problems["archive that is damaged or cut short"] == 1


def test_damage_in_the_middle_of_a_tar_is_told(folder, chance):
    folder.mkdir()
    path = folder / "PASS.0.tar"
    write_tar(path, {f"{at}.jpeg": encoded(backdrop(chance)) for at in range(3)})
    with tarfile.open(path) as archive:
        second = archive.getmembers()[1]
    raw = bytearray(path.read_bytes())
    raw[second.offset : second.offset_data] = b"x" * 512
    path.write_bytes(raw)

    found, problems = read(folder)

    assert list(found) == ["0"]
    assert problems["archive that is damaged or cut short"] == 1


def test_hostile_members_are_not_read(folder, chance, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(encoded(backdrop(chance)))
    good = encoded(backdrop(chance))
    folder.mkdir()
    with tarfile.open(folder / "PASS.0.tar", "w") as archive:
        for name, kind in (
            ("symbolic.jpg", tarfile.SYMTYPE),
            ("hard.jpg", tarfile.LNKTYPE),
            ("pipe.jpg", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "../secret.jpg"
            archive.addfile(member)
        for name, content in (
            ("/../../absolute.jpg", good),
            ("notes.txt", b"text"),
            ("bomb.jpg", bytes(2_000_000)),
            ("\udcff\udcfe.jpg", good + b"\n"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

    found, problems = read(folder, max_file_bytes=1_000_000)

    assert {one: photo.content for one, photo in found.items()} == {
        "absolute": good,
        "??": good + b"\n",
    }
    assert problems["link instead of a file"] == 3
    assert problems["file larger than 1 MB"] == 1
    assert {path.name for path in tmp_path.rglob("*.*")} == {"PASS.0.tar", "secret.jpg"}


def test_headers_that_point_backwards_do_not_go_round_in_circles(folder, chance):
    folder.mkdir()
    path = folder / "PASS.0.tar"
    write_tar(path, {"0.jpeg": encoded(backdrop(chance)), "1.jpeg": b"short"})
    with tarfile.open(path) as archive:
        second = archive.getmembers()[1]
    header = tarfile.TarInfo("1.jpeg")
    raw = bytearray(path.read_bytes())
    block = bytearray(header.tobuf())
    backwards = -(second.offset_data)
    block[124:136] = b"\xff" + (256**11 + backwards).to_bytes(11, "big")
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    raw[second.offset : second.offset_data] = block
    path.write_bytes(raw)

    found, problems = read(folder)

    assert list(found) == ["0"]
    assert problems["archive that is damaged or cut short"] == 1


def test_what_is_no_tar_and_an_empty_folder_are_refused(folder):
    folder.mkdir()
    with pytest.raises(InputError, match=r"got none that can be read; put PASS.0.tar"):
        read(folder)
    (folder / "PASS.0.tar").write_bytes(b"")
    (folder / "PASS.1.tar").write_bytes(b"\x1f\x8b" + bytes(100))
    with pytest.raises(InputError, match="got none that can be read"):
        read(folder)


def test_a_choice_is_the_same_whatever_else_lies_there(folder, chance):
    write_pass(folder, chance, 60)
    first = [*read(folder, max_images=15, seed=1)[0]]
    (folder / "PASS.3.tar").unlink()
    second, problems = read(folder, max_images=15, seed=1)

    assert len(first) == len(second) == 15
    assert [one for one in first if int(one, 16) % 10 != 3] == [
        one for one in second if one in first
    ]
    assert problems["archive that is missing"] == 1
