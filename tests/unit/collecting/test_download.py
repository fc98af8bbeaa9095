import io
import json
import time
from pathlib import Path

import pytest
from PIL import Image

from cosmop.collecting.candidates import FoundImage, candidate_rows, candidate_table
from cosmop.collecting.download import (
    LOG_COLUMNS,
    MANIFEST_COLUMNS,
    DownloadOptions,
    download_images,
)
from cosmop.collecting.folder import find_in_folder
from cosmop.errors import InputError
from cosmop.imaging.store import ImageStore

from .conftest import in_turn, jpeg, says

OPTIONS = DownloadOptions(
    timeout_s=2.0,
    total_deadline_s=1.0,
    max_bytes=100_000,
    per_host_in_flight=8,
    per_host_interval_s=0.0,
    retries=1,
    backoff_s=0.01,
    max_wait_s=1.0,
)


def candidates(*locations, kind="url", **facts):
    found = [FoundImage(location, **facts) for location in locations]
    return candidate_table(candidate_rows(found, source="test", query="q", kind=kind))


@pytest.fixture
def store(tmp_path):
    return ImageStore(tmp_path / "store")


@pytest.fixture
def fetch_from(server, store):
    """Download paths of the scripted server, known as web.test and as other.test."""
    hosts = {"web.test": server.address, "other.test": server.address}

    def run(*paths, options=OPTIONS, done=None):
        urls = [path if "://" in path else f"http://web.test{path}" for path in paths]
        table = candidates(*urls, title="T", page_url="http://p", licence="CC0", author="A")
        return download_images(table, store, options, host_addresses=hosts, done=done)

    return run


def _bitmap(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def _flood(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        handler.wfile.write(b"a" * 50_000)


def _drip(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n")
    while True:
        handler.wfile.write(b"a")
        time.sleep(0.05)


HOSTILE = {
    "/drip": (_drip, "took longer than 1 s"),
    "/flood": (_flood, "longer than 100000 bytes"),
    "/claims": (says(b"", Content_Length="999999999"), "longer than 100000 bytes"),
    "/html": (says(b"<!doctype html><p>Not found"), "not a JPEG, PNG or WebP image"),
    "/svg": (says(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "not a JPEG, PNG or WebP image"),
    "/empty": (says(b""), "not a JPEG, PNG or WebP image"),
    "/cut": (says(jpeg(1)[: len(jpeg(1)) // 2]), "truncated"),
    "/short": (says(jpeg(1), Content_Length="99999"), "connection broke off"),
    "/bomb": (says(_bitmap(20_000)), "more pixels than Pillow's bomb limit"),
    "/large": (says(_bitmap(9000)), "is more than 50000000 pixels"),
    "/tiny": (says(jpeg(1, (20, 20))), "is smaller than 32 px"),
    "/loop": (says(b"", 302, Location="/loop"), "more than 5 redirects"),
    "/to-private": (says(b"", 302, Location="http://127.0.0.1:1/x"), "forbidden address 127.0.0.1"),
    "/to-file": (says(b"", 302, Location="file:///etc/passwd"), "only http and https"),
    "/gone": (says(b"", 404), "HTTP 404"),
    "/down": (says(b"", 500), "HTTP 500"),
    "/headers": (says(b"", **{f"X_{i}": "1" for i in range(200)}), "connection broke off"),
    "/not-http": (lambda handler: handler.wfile.write(b"SSH-2.0\r\n"), "connection broke off"),
}


def test_every_hostile_answer_becomes_a_row_with_its_reason(server, fetch_from, store):
    server.routes = {path: answer for path, (answer, _) in HOSTILE.items()}
    server.routes["/good"] = says(jpeg(0), kind="text/html")

    result = fetch_from("/good", *HOSTILE)

    log = result.log.set_index(result.log["location"].str.removeprefix("http://web.test"))
    assert list(LOG_COLUMNS) == list(result.log.columns)
    assert {"/good"} == set(log.index[log["status"] == "stored"])
    for path, (_, reason) in HOSTILE.items():
        assert reason in log.loc[path, "reason"], path
    files = [file for file in store.root.rglob("*") if file.is_file()]
    assert result.images.files == files


def test_a_manifest_row_holds_the_provenance_of_the_first_and_counts_copies(server, fetch_from):
    server.routes = {path: says(jpeg(7)) for path in ("/a.php", "/b", "/c")}
    server.routes["/other"] = says(jpeg(8, (64, 40)))

    result = fetch_from("/a.php", "/b", "/other", "/c")

    manifest = result.images.manifest
    assert list(MANIFEST_COLUMNS) == list(manifest.columns)
    assert manifest["copies"].tolist() == [3, 1]
    assert manifest["rank"].tolist() == [1, 3]
    assert list(zip(manifest["width"], manifest["height"], strict=True)) == [(48, 36), (64, 40)]
    assert tuple(manifest.loc[0, ["location", "title", "author", "licence", "page_url"]]) == (
        "http://web.test/a.php",
        "T",
        "A",
        "CC0",
        "http://p",
    )
    assert result.log["status"].tolist() == ["stored", "identical", "stored", "identical"]
    assert manifest["path"].str.endswith(".jpg").all()
    assert [len(jpeg(7)), len(jpeg(8, (64, 40)))] == manifest["bytes"].tolist()


def test_the_manifest_does_not_depend_on_who_answers_first(server, fetch_from):
    def late(handler):
        time.sleep(0.2)
        says(jpeg(1))(handler)

    server.routes = {"/late": late, "/early": says(jpeg(1)), "/third": says(jpeg(3))}

    result = fetch_from("/late", "/early", "/third")

    assert result.log["status"].tolist() == ["stored", "identical", "stored"]
    assert result.images.manifest["rank"].tolist() == [1, 3]


def test_resuming_fetches_only_what_is_missing(server, fetch_from, store):
    server.routes = {"/a": says(jpeg(1)), "/b": says(jpeg(2)), "/copy": says(jpeg(1))}
    server.routes["/late"] = in_turn(says(b"", 404), says(jpeg(3)))
    paths = ("/a", "/b", "/copy", "/late")
    first = fetch_from(*paths)
    server.requests.clear()

    second = fetch_from(*paths, done=first.log)
    (store.root / second.images.manifest["path"][1]).unlink()
    third = fetch_from(*paths, done=second.log)

    assert server.requests == ["/late", "/b"]
    assert first.log["status"].tolist() == ["stored", "stored", "identical", "failed"]
    assert second.log["status"].tolist() == ["stored", "stored", "identical", "stored"]
    assert second.images.ids == third.images.ids
    kept = [name for name in MANIFEST_COLUMNS if name != "fetched_at"]
    assert second.images.manifest[kept].equals(third.images.manifest[kept])


def test_retry_after_is_honoured_once_and_then_the_image_comes(server, fetch_from):
    server.routes["/"] = in_turn(says(b"", 429, Retry_After="1"), says(jpeg(1)))
    begin = time.monotonic()

    result = fetch_from("/")

    assert result.log["status"].tolist() == ["stored"]
    assert time.monotonic() - begin >= 1.0


def test_a_host_that_asks_to_wait_too_long_is_not_asked_again(server, fetch_from):
    server.routes["/busy"] = says(b"", 503, Retry_After="3600")
    server.routes |= {f"/{i}": says(jpeg(i)) for i in range(6)}
    one_at_a_time = OPTIONS.model_copy(update={"workers": 1})
    paths = ["/busy", *(f"/{i}" for i in range(5)), "http://other.test/5"]

    result = fetch_from(*paths, options=one_at_a_time)

    assert result.log["reason"][0] == "HTTP 503, asks to wait 3600 s"
    assert {"the host asked to wait too long"} == set(result.log["reason"][1:6])
    assert result.images.manifest["location"].tolist() == ["http://other.test/5"]
    assert {"/busy", "/5"} == set(server.requests)


def test_a_lasting_no_is_asked_once_and_a_passing_one_as_often_as_allowed(server, fetch_from):
    server.routes = {"/no": says(b"", 403), "/down": says(b"", 502), "/ok": says(jpeg(1))}

    fetch_from("/no", "/down", "/ok", options=OPTIONS.model_copy(update={"retries": 3}))

    assert (server.requests.count("/no"), server.requests.count("/down")) == (1, 4)


def test_a_download_that_fails_altogether_says_the_commonest_reason(server, fetch_from):
    server.routes = {"/a": says(b"", 404), "/b": says(b"", 404), "/c": says(b"x")}

    with pytest.raises(InputError, match="all 3 candidates failed, 2 of them with: HTTP 404"):
        fetch_from("/a", "/b", "/c")


def test_nothing_to_download_is_one_sentence(store):
    with pytest.raises(InputError, match="at least one image candidate"):
        download_images(candidate_table([]), store, OPTIONS, host_addresses={})


def test_files_pass_the_same_checks(tmp_path, store):
    folder = tmp_path / "mine"
    (folder / "cats").mkdir(parents=True)
    (folder / "cats/a.JPG").write_bytes(jpeg(1))
    (folder / "b.png").write_bytes(b"not an image")
    (folder / "c.jpg").write_bytes(b"\xff" * 100_001)
    (folder / "d.jpg").symlink_to(folder / "nowhere")
    rows = candidate_rows(find_in_folder(folder), source="folder", query="", kind="file")

    result = download_images(candidate_table(rows), store, OPTIONS, host_addresses={})

    reasons = dict(
        zip((Path(p).name for p in result.log["location"]), result.log["reason"], strict=True)
    )
    assert reasons == {
        "a.JPG": "",
        "b.png": "not a JPEG, PNG or WebP image",
        "c.jpg": "longer than 100000 bytes",
        "d.jpg": "not a regular file",
    }
    assert result.images.manifest["title"].tolist() == ["cats"]
    assert result.images.manifest["source_path"].tolist() == ["cats/a.JPG"]
    assert (folder / "cats/a.JPG").read_bytes() == store.read(result.images.manifest["path"][0])


def test_the_manifest_and_log_survive_parquet(server, fetch_from, tmp_path):
    server.routes = {"/a": says(jpeg(1)), "/b": says(b"", 404)}
    result = fetch_from("/a", "/b")

    for table in (result.images.manifest, result.log):
        table.to_parquet(tmp_path / "t.parquet")
        again = type(table)(json.loads(table.to_json()))
        assert list(table.columns) == list(again.columns)


def test_a_full_disk_ends_the_download_with_its_own_sentence(server, fetch_from, monkeypatch):
    def no_space(self, content, extension):
        raise InputError("the disk is full")

    server.routes = {f"/{i}": says(jpeg(i)) for i in range(5)}
    monkeypatch.setattr(ImageStore, "add", no_space)

    with pytest.raises(InputError, match="disk is full"):
        fetch_from(*server.routes)
