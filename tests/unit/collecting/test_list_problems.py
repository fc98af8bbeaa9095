"""Lists of addresses that cannot be read: each is one sentence."""

import gzip
import sys
import tracemalloc

import pytest

from cosmop.collecting.lists.url_lists import UrlList, UrlListOptions
from cosmop.errors import InputError

CSV = b"url,caption\nhttp://e.org/1,one\nhttp://e.org/2,two\n"


def read(path, **options):
    return list(UrlList(UrlListOptions(path=str(path), **options)))


def test_a_storage_without_its_package_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)

    with pytest.raises(InputError, match=r"pip install s3fs\.$"):
        UrlList(UrlListOptions(path="s3://bucket/urls.parquet"))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"address\nhttp://e.org", "usually called url, got .'address'.; name it"),
        ("a.csv", b"", "usually called url"),
        ("a.txt", b"# only a comment\n", "at least one address"),
        ("a.csv", b"url\n\n", "at least one address"),
        ("a.csv", b"url\nwww.e.org/a\n", r"none \(left out: 1 rows without an http"),
        ("a.xlsx", b"PK", "such text also with .gz"),
        ("a.parquet", b"PAR1 no", "cannot"),
        ("a.csv.gz", gzip.compress(CSV)[:-20], "EOFError"),
        ("a.jsonl.gz", b"no gzip", "BadGzipFile"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_sentence(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)

    with pytest.raises(InputError, match=message):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url_column": "image_ulr"}, "did you mean 'image_url'"),
        ({"caption_column": "zzz"}, "'zzz'.*got .'image_url', 'text'.; name one"),
        ({"encoding": "klingon"}, "LookupError"),
    ],
)
def test_a_column_or_encoding_that_is_not_there_is_one_sentence(tmp_path, options, message):
    (tmp_path / "a.csv").write_text("image_url,text\nhttp://e.org/a,b\n")

    with pytest.raises(InputError, match=message):
        read(tmp_path / "a.csv", **options)


@pytest.mark.parametrize("path", ["nowhere.txt", "klingon://a/b.txt"])
def test_a_missing_list_is_one_sentence(tmp_path, path):
    path = path if "://" in path else tmp_path / path

    with pytest.raises(InputError, match="correct url_list"):
        read(path)


@pytest.mark.parametrize("name", ["a.txt.gz", "a.csv.gz", "a.jsonl.gz"])
def test_a_line_larger_than_memory_is_never_held(tmp_path, name):
    with gzip.open(tmp_path / name, "wb", compresslevel=1) as file:
        for _ in range(120):
            file.write(b"x" * 1_000_000)
    tracemalloc.start()

    with pytest.raises(InputError):
        read(tmp_path / name)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000


def test_lines_after_one_that_is_too_long_are_read(tmp_path):
    long_line = b"http://e.org/" + b"x" * 25_000_000
    (tmp_path / "a.txt").write_bytes(b"http://e.org/1\n" + long_line + b"\nhttp://e.org/2\n")

    batches = read(tmp_path / "a.txt")

    assert [url for batch in batches for url in batch["location"]] == [
        "http://e.org/1",
        "http://e.org/2",
    ]
