import asyncio
import errno
import io
import json
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from cosmop import collecting
from cosmop.collecting.candidates import candidate_rows, candidate_table
from cosmop.collecting.downloads.arrivals import Arrivals
from cosmop.collecting.downloads.download import download_images
from cosmop.collecting.downloads.download_options import PROBLEM_KINDS, DownloadOptions
from cosmop.collecting.downloads.download_tables import LOG_COLUMNS, MANIFEST_COLUMNS
from cosmop.collecting.lists.folder import find_in_folder
from cosmop.errors import InputError
from cosmop.imaging import decoding
from cosmop.imaging.decoding import DecodingLimits
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.intake_options import IntakeOptions, ResizeOptions
from cosmop.imaging.phash import hash_image_set
from cosmop.imaging.store import ImageStore

from .conftest import candidates, in_turn, jpeg, says
from .watching_server import ROBOTS, TDMREP

OPTIONS = DownloadOptions(
    connect_s=3.0,
    headers_s=3.0,
    total_s=3.0,
    max_bytes=100_000,
    per_host_in_flight=8,
    per_host_interval_s=0.0,
    retries=1,
    backoff_s=0.01,
    max_wait_s=1.0,
    decoding_workers=1,
    user_agent="cosmop/0.1 (tests@web.test)",
)
NO_ROBOTS = says(b"", 404)


def changed(**options):
    return OPTIONS.model_copy(update=options)


@pytest.fixture
def store(tmp_path):
    return ImageStore(tmp_path / "store")


@pytest.fixture
def work(tmp_path):
    return tmp_path / "work"


@pytest.fixture
def fetch_from(server, store, work):
    """Download paths of the scripted server, known as web.test and as other.test."""
    hosts = {"web.test": server.address, "other.test": server.address}
    server.routes["/robots.txt"] = NO_ROBOTS

    def run(*paths, options=OPTIONS):
        urls = [path if "://" in path else f"http://web.test{path}" for path in paths]
        table = candidates(*urls, title="T", page_url="http://p", licence="CC0", author="A")
        return download_images(table, store, options, host_addresses=hosts, work=work)

    return run


def images_asked(server):
    return [path for path in server.requests if path not in (ROBOTS, TDMREP)]


def without_times(table):
    return table.drop(columns="fetched_at")


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
    "/drip": (_drip, "timeout", ""),
    "/flood": (_flood, "too_long", "longer than 100000 bytes"),
    "/claims": (says(b"", Content_Length="999999999"), "too_long", "longer than 100000 bytes"),
    "/html": (says(b"<!doctype html><p>Not found"), "not_an_image", "not a JPEG, PNG or WebP"),
    "/svg": (says(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "not_an_image", "not a JPEG"),
    "/empty": (says(b""), "not_an_image", "not a JPEG, PNG or WebP image"),
    "/cut": (says(jpeg(1)[: len(jpeg(1)) // 2]), "truncated", "truncated"),
    "/short": (says(jpeg(1), Content_Length="99999"), "broken_answer", "connection broke off"),
    "/bomb": (says(_bitmap(20_000)), "too_many_pixels", "more than 50000000 pixels"),
    "/large": (says(_bitmap(9000)), "too_many_pixels", "is more than 50000000 pixels"),
    "/tiny": (says(jpeg(1, (20, 20))), "too_small", "is smaller than 32 px"),
    "/loop": (says(b"", 302, Location="/loop"), "too_many_redirects", "more than 5 redirects"),
    "/to-private": (
        says(b"", 302, Location="http://127.0.0.1:1/x"),
        "forbidden_address",
        "forbidden address",
    ),
    "/to-file": (
        says(b"", 302, Location="file:///etc/passwd"),
        "bad_address",
        "only http and https",
    ),
    "/gone": (says(b"", 404), "http_404", "HTTP 404"),
    "/down": (says(b"", 500), "http_500", "HTTP 500"),
    "/headers": (says(b"", **{f"X_{i}": "1" for i in range(200)}), "broken_answer", ""),
    "/not-http": (lambda handler: handler.wfile.write(b"SSH-2.0\r\n"), "broken_answer", ""),
    "/opted-out": (  # of its body nothing comes: who would read it had another reason
        says(b"", X_Robots_Tag="noai", Content_Length="5000"),
        "opt_out",
        "X-Robots-Tag says noai",
    ),
}


def test_every_hostile_answer_becomes_a_row_with_its_reason(server, fetch_from, store, work):
    server.routes |= {path: answer for path, (answer, *_) in HOSTILE.items()}
    server.routes["/good"] = says(jpeg(0), kind="text/html")

    result = fetch_from("/good", *HOSTILE, "http:///x", "ftp://web.test/x")

    log = result.log.set_index(result.log["location"].str.removeprefix("http://web.test"))
    assert list(LOG_COLUMNS) == list(result.log.columns)
    assert {"/good"} == set(log.index[log["status"] == "stored"])
    for path, (_, kind, reason) in HOSTILE.items():
        assert (log.loc[path, "problem_kind"], path) == (kind, path), log.loc[path, "reason"]
        assert reason in log.loc[path, "reason"], path
    assert set(log["problem_kind"][-2:]) == {"bad_address"}
    files = [file for file in store.root.rglob("*") if file.is_file()]
    assert result.images.files == files
    assert not (work / "parts").exists()


def test_a_manifest_row_holds_the_provenance_of_the_first_and_counts_copies(server, fetch_from):
    server.routes |= {path: says(jpeg(7)) for path in ("/a.php", "/b", "/c")}
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

    server.routes |= {"/late": late, "/early": says(jpeg(1)), "/third": says(jpeg(3))}

    result = fetch_from("/late", "/early", "/third")

    assert result.log["status"].tolist() == ["stored", "identical", "stored"]
    assert result.images.manifest["rank"].tolist() == [1, 3]


def test_resuming_fetches_only_what_is_missing(server, fetch_from, store):
    server.routes |= {"/a": says(jpeg(1)), "/b": says(jpeg(2)), "/copy": says(jpeg(1))}
    server.routes["/late"] = in_turn(says(b"", 500), says(b"", 500), says(jpeg(3)))
    server.routes["/gone"] = says(b"", 404)
    paths = ("/a", "/b", "/copy", "/late", "/gone")
    first = fetch_from(*paths)
    server.requests.clear()

    second = fetch_from(*paths)
    lost = store.root / second.images.manifest["path"][1]
    lost.write_bytes(lost.read_bytes()[:-1])
    (store.root / second.images.manifest["path"][2]).unlink()
    third = fetch_from(*paths)

    assert images_asked(server)[0] == "/late"
    assert sorted(images_asked(server)[1:]) == ["/b", "/late"]
    assert first.log["status"].tolist() == ["stored", "stored", "identical", "failed", "failed"]
    assert second.log["status"].tolist() == ["stored", "stored", "identical", "stored", "failed"]
    assert without_times(second.images.manifest).equals(without_times(third.images.manifest))
    assert second.hashes.equals(third.hashes)


def test_failures_are_tried_again_as_wished(server, fetch_from):
    server.routes |= {"/ok": says(jpeg(1)), "/gone": says(b"", 404), "/down": says(b"", 502)}
    server.routes["/text"] = says(b"text")
    paths = ("/ok", "/gone", "/down", "/text")
    wishes = {
        "temporary": {"/down"},
        "none": set(),
        ("http_404", "not_an_image"): {"/gone", "/text"},
        "all": {"/gone", "/down", "/text"},
    }
    first = fetch_from(*paths)

    for wish, asked in wishes.items():
        server.requests.clear()
        again = fetch_from(*paths, options=changed(retry_failed=wish, retries=0))

        assert set(images_asked(server)) == asked
        assert again.log["problem_kind"].tolist() == ["", "http_404", "http_502", "not_an_image"]
        assert again.images.manifest.equals(first.images.manifest)


def test_what_was_not_tried_is_always_tried_again(server, fetch_from, caplog):
    caplog.set_level("INFO")
    server.routes |= {f"/{i}": says(jpeg(i)) for i in range(4)}
    few = OPTIONS.budgets.model_copy(update={"total_images": 1})
    paths = [f"/{i}" for i in range(4)]

    first = fetch_from(*paths, options=changed(budgets=few, slots=1, per_host_in_flight=1))
    again = fetch_from(*paths, options=changed(retry_failed="none"))

    assert first.log["status"].tolist() == ["stored", "failed", "failed", "failed"]
    assert set(first.log["problem_kind"][1:]) == {"budget"}
    assert set(first.log["reason"][1:]) == {"total_images is spent"}
    assert set(again.log["status"]) == {"stored"}
    assert len(images_asked(server)) == 4
    assert [text for text in caplog.messages if "next run" in text] == [
        "3 of these were not tried; the next run tries them"
    ]


def test_other_options_take_in_again_what_the_store_has_and_judge_again(server, fetch_from, store):
    server.routes |= {"/a": says(jpeg(1)), "/small": says(jpeg(2, (40, 24)))}
    fetch_from("/a", "/small")
    smaller = IntakeOptions(
        limits=DecodingLimits(min_side_px=16), resize=ResizeOptions(side_px=16, mode="stretch")
    )
    server.requests.clear()

    resized = fetch_from("/a", "/small", options=changed(intake=smaller))
    original = fetch_from("/a", "/small")

    assert images_asked(server) == ["/small", "/small"]  # of it the store has no original
    assert resized.log["status"].tolist() == ["stored", "stored"]
    assert set(resized.log["width"]) == {16}
    assert original.log["problem_kind"].tolist() == ["", "too_small"]
    assert original.log["width"].tolist() == [48, 0]


def test_what_other_options_refused_is_judged_again_out_of_the_store(server, fetch_from):
    server.routes |= {"/a": says(jpeg(1)), "/large": says(jpeg(2, (200, 200)))}
    first = fetch_from("/a", "/large")
    strict = IntakeOptions(limits=DecodingLimits(min_side_px=100))

    refused = fetch_from("/a", "/large", options=changed(intake=strict))
    again = fetch_from("/a", "/large")

    assert sorted(images_asked(server)) == ["/a", "/large"]
    assert refused.log["problem_kind"].tolist() == ["too_small", ""]
    assert again.images.manifest.equals(first.images.manifest)


def test_retry_after_holds_for_the_whole_host_and_then_the_images_come(server, fetch_from):
    begin: list[float] = []

    def asked(answer):
        def record(handler):
            begin.append(time.monotonic())
            answer(handler)

        return record

    server.routes["/"] = asked(in_turn(says(b"", 429, Retry_After="1"), says(jpeg(1))))
    server.routes |= {f"/{i}": asked(says(jpeg(i))) for i in range(3)}

    result = fetch_from("/", "/0", "/1", "/2", options=changed(per_host_in_flight=1))

    assert set(result.log["status"]) <= {"stored", "identical"}
    assert result.log["attempts"].tolist() == [2, 1, 1, 1]
    assert begin[1] - begin[0] >= 1.0


def test_a_host_that_asks_to_wait_too_long_is_not_asked_again(server, fetch_from):
    server.routes["/busy"] = says(b"", 503, Retry_After="3600")
    server.routes |= {f"/{i}": says(jpeg(i)) for i in range(6)}
    paths = ["/busy", *(f"/{i}" for i in range(5)), "http://other.test/5"]

    result = fetch_from(*paths, options=changed(per_host_in_flight=1))

    assert set(result.log["reason"][:6]) == {"HTTP 503, asks to wait 3600 s"}
    assert set(result.log["problem_kind"][:6]) == {"given_up"}
    assert result.images.manifest["location"].tolist() == ["http://other.test/5"]
    assert {"/busy", "/5"} == set(images_asked(server))


def test_a_host_that_fails_many_times_in_a_row_is_given_up(server, fetch_from):
    server.routes |= {f"/{i}": says(b"", 500) for i in range(30)}
    server.routes["/ok"] = says(jpeg(1))
    paths = [*(f"/{i}" for i in range(30)), "http://other.test/ok"]

    result = fetch_from(*paths, options=changed(max_failures_in_a_row=5, per_host_in_flight=2))

    assert len(images_asked(server)) <= 5 + 1 + 1
    assert result.log["status"].tolist() == ["failed"] * 30 + ["stored"]
    assert "the host failed 5 times in a row, last: HTTP 500" in set(result.log["reason"])


def test_a_lasting_no_is_asked_once_and_a_passing_one_as_often_as_allowed(server, fetch_from):
    server.routes |= {"/no": says(b"", 403), "/down": says(b"", 502), "/ok": says(jpeg(1))}

    result = fetch_from("/no", "/down", "/ok", options=changed(retries=3))

    assert (server.requests.count("/no"), server.requests.count("/down")) == (1, 4)
    assert result.log["attempts"].tolist() == [1, 4, 1]


def test_a_download_that_fails_altogether_says_the_commonest_reasons(server, fetch_from):
    server.routes |= {"/a": says(b"", 404), "/b": says(b"", 404), "/c": says(b"x")}

    with pytest.raises(InputError, match="all 3 candidates failed, 2 with: HTTP 404; 1 with: not"):
        fetch_from("/a", "/b", "/c")


def test_nothing_to_download_is_one_sentence(store, work):
    with pytest.raises(InputError, match="at least one image candidate"):
        download_images(candidate_table([]), store, OPTIONS, host_addresses={}, work=work)


def folder_of_files(folder):
    (folder / "cats").mkdir(parents=True)
    (folder / "cats/a.JPG").write_bytes(jpeg(1))
    (folder / "b.png").write_bytes(b"not an image")
    (folder / "c.jpg").write_bytes(b"\xff" * 100_001)
    (folder / "d.jpg").write_bytes(jpeg(4))
    rows = candidate_rows(find_in_folder(folder), source="folder", query="", kind="file")
    (folder / "d.jpg").unlink()
    return candidate_table(rows)


def test_files_pass_the_same_checks_and_stay_where_they_are(tmp_path, store, work):
    folder = tmp_path / "mine"
    table = folder_of_files(folder)

    result = download_images(table, store, OPTIONS, host_addresses={}, work=work)

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
    assert (folder / "b.png").read_bytes() == b"not an image"


def test_a_file_that_was_written_since_is_taken_in_again(tmp_path, store, work):
    folder = tmp_path / "mine"
    table = folder_of_files(folder)
    first = download_images(table, store, OPTIONS, host_addresses={}, work=work)
    (folder / "cats/a.JPG").write_bytes(jpeg(2))

    second = download_images(table, store, OPTIONS, host_addresses={}, work=work)

    assert first.images.ids != second.images.ids
    assert store.read(second.images.manifest["path"][0]) == jpeg(2)


def test_the_tables_survive_parquet(server, fetch_from, tmp_path):
    server.routes |= {"/a": says(jpeg(1)), "/b": says(b"", 404)}
    result = fetch_from("/a", "/b")

    for table in (result.images.manifest, result.log, result.hashes, result.statistics):
        table.to_parquet(tmp_path / "t.parquet")
        again = type(table)(json.loads(table.to_json()))
        assert list(table.columns) == list(again.columns)


def test_the_hashes_are_those_that_hashing_the_store_gives(server, fetch_from):
    server.routes |= {f"/{i}": says(jpeg(i, (90, 70))) for i in range(5)}
    result = fetch_from(*(f"/{i}" for i in range(5)), "/0")
    hashing = OPTIONS.intake.hashing

    computed = hash_image_set(result.images, hashing)
    nothing = ImageSet(result.images.manifest, ImageStore(Path("/nowhere")))
    reused = hash_image_set(nothing, hashing, known=result.hashes)

    assert result.hashes["image_id"].tolist() == result.images.ids
    assert computed.equals(reused)


@pytest.mark.parametrize(
    ("number", "sentence"), [(errno.ENOSPC, "disk is full"), (errno.EMFILE, "lower slots")]
)
def test_a_full_disk_or_system_ends_the_download_with_its_own_sentence(
    server, fetch_from, monkeypatch, number, sentence
):
    def fails(*_, **__):
        raise OSError(number, os.strerror(number))

    server.routes |= {f"/{i}": says(jpeg(i)) for i in range(5)}
    monkeypatch.setattr(Path, "open", fails)

    with pytest.raises(InputError, match=sentence):
        fetch_from(*(f"/{i}" for i in range(5)))


def test_one_download_at_a_time_uses_a_work_folder(server, fetch_from, work):
    server.routes["/a"] = says(jpeg(1))

    with Arrivals(work), pytest.raises(InputError, match="one process at a time"):
        fetch_from("/a")

    assert fetch_from("/a").log["status"].tolist() == ["stored"]


def test_it_works_where_an_event_loop_runs_already(server, fetch_from):
    server.routes["/a"] = says(jpeg(1))

    async def notebook():
        return fetch_from("/a")

    assert asyncio.run(notebook()).log["status"].tolist() == ["stored"]


def test_it_works_in_a_thread(server, fetch_from):
    server.routes["/a"] = says(jpeg(1))

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(fetch_from, "/a").result().log["status"].tolist() == ["stored"]


def test_an_interrupted_download_stops_at_once_and_keeps_what_is_finished(server, fetch_from, work):
    def interrupts(_):
        while not (work / "arrivals.jsonl").stat().st_size:
            time.sleep(0.01)
        interrupted.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
        is_over.wait(60)

    interrupted, is_over = list[float](), threading.Event()
    server.routes |= {"/a": says(jpeg(1)), "/slow": interrupts, "/b": says(jpeg(2))}
    patient = changed(total_s=60.0, headers_s=60.0, per_host_in_flight=1)

    with pytest.raises(KeyboardInterrupt):
        fetch_from("/a", "/slow", "/b", options=patient)
    assert time.monotonic() - interrupted[0] < 30
    is_over.set()
    server.routes["/slow"] = says(jpeg(3))
    server.requests.clear()
    result = fetch_from("/a", "/slow", "/b")

    assert sorted(images_asked(server)) == ["/b", "/slow"]
    assert set(result.log["status"]) == {"stored"}
    assert not (work / "parts").exists()


def test_kinds_that_there_are_not_cannot_be_retried():
    DownloadOptions(retry_failed=("timeout", "http_403"))

    with pytest.raises(InputError, match="did you mean 'timeout'"):
        DownloadOptions.model_validate({"retry_failed": ["timeuot"]})


def test_every_kind_of_failure_can_be_retried():
    """The kinds that stand in the code, found by reading it."""
    sources = Path(collecting.__file__).parent.rglob("*.py")
    texts = [file.read_text(encoding="utf-8") for file in (*sources, Path(decoding.__file__))]
    named = {
        kind
        for text in texts
        for kind in re.findall(r'(?:FetchError|refused|UnreadableImageError)\(\s*"(\w+)"', text)
    }

    assert named - PROBLEM_KINDS == set()
    assert len(named) > 12
