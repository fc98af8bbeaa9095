import os

import pytest

from cosmop.collecting.candidates import candidate_frame
from cosmop.collecting.lists.folder import ImageFolder, find_in_folder
from cosmop.errors import InputError


def paths(folder):
    return [path for batch in ImageFolder(folder) for path in batch["source_path"]]


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_a_folder_gives_its_images_sorted_with_the_sub_folder_as_title(tmp_path):
    put(tmp_path, "b/x/2.PNG", "b/1.jpg", "a.webp", "b/.hidden.jpg", "notes.txt", "z.heic", "jpg")

    found = find_in_folder(tmp_path)

    assert [(image.source_path, image.title) for image in found] == [
        ("a.webp", ""),
        ("b/1.jpg", "b"),
        ("b/x/2.PNG", "b/x"),
        ("z.heic", ""),
    ]
    assert str(tmp_path / "b/1.jpg") == found[1].location


def test_files_come_in_the_order_of_their_path_parts(tmp_path, chance):
    parts = ["a", "a b", "a.jpg", "ab", "B", "é", "a-b"]
    names = {"/".join(chance.choice(parts, size=chance.integers(1, 4))) for _ in range(60)}
    for name in names:
        put(tmp_path, f"{name}_/x.jpg")

    assert paths(tmp_path) == sorted(
        (f"{name}_/x.jpg" for name in names), key=lambda p: p.split("/")
    )


def test_hidden_folders_and_links_to_folders_are_skipped_and_links_to_files_are_not(tmp_path):
    put(tmp_path, "outside/a.jpg", "mine/b.jpg", "mine/.git/c.jpg", "mine/sub/d.jpg")
    (tmp_path / "mine/link").symlink_to(tmp_path / "outside")
    (tmp_path / "mine/loop").symlink_to(tmp_path / "mine")
    (tmp_path / "mine/e.jpg").symlink_to(tmp_path / "outside/a.jpg")
    (tmp_path / "mine/broken.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "mine/folder.jpg").mkdir()

    assert paths(tmp_path / "mine") == ["b.jpg", "e.jpg", "sub/d.jpg"]


def test_a_name_that_no_table_can_hold_is_left_out_and_told(tmp_path):
    put(tmp_path, "a.jpg")
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"")
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    folder = ImageFolder(tmp_path)

    (batch,) = folder
    assert batch["source_path"] == ["a.jpg"]
    assert folder.reason == "left out: 2 with a name that is no UTF-8"
    assert len(candidate_frame(batch, source="folder", query="", kind="file")) == 1


def test_many_files_come_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("cosmop.collecting.lists.folder._BATCH_ROWS", 10)
    put(tmp_path, *(f"{number:03}.jpg" for number in range(25)))

    batches = list(ImageFolder(tmp_path))

    assert [len(batch["location"]) for batch in batches] == [10, 10, 5]
    assert paths(tmp_path) == [f"{number:03}.jpg" for number in range(25)]


def test_an_empty_or_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="found none below"):
        find_in_folder(tmp_path)
    with pytest.raises(InputError, match="wants a folder of images"):
        find_in_folder(tmp_path / "nowhere")
