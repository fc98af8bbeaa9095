import errno
import hashlib
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cosmop.errors import InputError
from cosmop.imaging.store import ImageStore


def test_content_lies_under_its_sha256(tmp_path):
    store = ImageStore(tmp_path / "images")

    image_id, path = store.add(b"pixels", "jpg")

    assert image_id == hashlib.sha256(b"pixels").hexdigest()
    assert path == f"{image_id[:2]}/{image_id}.jpg"
    assert store.read(path) == b"pixels"


def test_adding_twice_stores_once(tmp_path):
    store = ImageStore(tmp_path)
    _, path = store.add(b"pixels", "jpg")
    before = (tmp_path / path).stat().st_mtime_ns

    store.add(b"pixels", "jpg")

    assert (tmp_path / path).stat().st_mtime_ns == before
    assert sum(file.is_file() for file in tmp_path.rglob("*")) == 1


def test_many_threads_adding_the_same_leave_one_whole_file(tmp_path):
    store = ImageStore(tmp_path)
    content = bytes(100_000)

    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: store.add(content, "png")[1], range(64)))

    assert len(paths) == 1
    assert [file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()] == [100_000]


def test_others_may_read_as_the_umask_says(tmp_path):
    store = ImageStore(tmp_path)
    before = os.umask(0o022)
    try:
        _, path = store.add(b"pixels", "jpg")
    finally:
        os.umask(before)

    assert (tmp_path / path).stat().st_mode & 0o777 == 0o644


def test_a_full_disk_is_said_in_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def write_bytes(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", write_bytes)

    with pytest.raises(InputError, match=r"needs 6 bytes .* disk is full; free some space"):
        ImageStore(tmp_path).add(b"pixels", "jpg")
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_a_file_moves_in_and_is_gone_from_where_it_was(tmp_path):
    store = ImageStore(tmp_path / "images")
    image_id = hashlib.sha256(b"pixels").hexdigest()

    for _ in range(2):
        file = tmp_path / "arrival"
        file.write_bytes(b"pixels")
        inode = file.stat().st_ino
        path = store.move_in(file, image_id, "jpg")
        assert (tmp_path / "images" / path).stat().st_ino == inode
        assert not file.exists()

    assert store.add(b"pixels", "jpg") == (image_id, path)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="has no second file system")
def test_a_file_of_another_file_system_is_copied_whole(tmp_path):
    store = ImageStore(tmp_path / "images")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        file = Path(elsewhere) / "arrival"
        file.write_bytes(b"pixels")
        path = store.move_in(file, hashlib.sha256(b"pixels").hexdigest(), "jpg")
        assert not file.exists()

    assert store.read(path) == b"pixels"
    assert sum(file.is_file() for file in tmp_path.rglob("*")) == 1


def test_a_full_disk_leaves_the_file_that_was_to_move_in(tmp_path, monkeypatch):
    file = tmp_path / "arrival"
    file.write_bytes(b"pixels")

    def replace(self, target):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr("pathlib.Path.replace", replace)

    with pytest.raises(InputError, match=r"needs 6 bytes .* disk is full"):
        ImageStore(tmp_path / "images").move_in(file, "ab" * 32, "jpg")
    assert file.read_bytes() == b"pixels"


def test_thumbnails_lie_beside_the_store(tmp_path):
    store = ImageStore(tmp_path / "images")

    store.add_thumbnail("ab" * 32, b"small")

    assert store.thumbnail("ab" * 32) == tmp_path / "thumbnails" / "ab" / f"{'ab' * 32}.jpg"
    assert store.thumbnail("ab" * 32).read_bytes() == b"small"
