import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

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
