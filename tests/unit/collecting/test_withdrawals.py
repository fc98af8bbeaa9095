import hashlib
import json
import logging

import pandas as pd
import pytest

from cosmop.collecting.candidates import (
    FoundImage,
    candidate_id,
    candidate_rows,
    candidate_table,
)
from cosmop.collecting.downloads.arrivals import Arrival, Arrivals
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.downloads.resuming import remaining
from cosmop.collecting.downloads.withdrawals import (
    find_withdrawn_images,
    withdraw_images,
    withdrawn_ids,
)
from cosmop.errors import InputError
from cosmop.imaging.store import ImageStore

NO_POSTS = pd.DataFrame({"post_id": []}, dtype="str")
NAMES = ("web", "list_1", "list_2", "post", "failed")


def gone(*image_ids, candidates=(), reason="asked for"):
    ids = [(image_id, "") for image_id in image_ids] + [("", name) for name in candidates]
    rows = [(*pair, reason) for pair in ids]
    return pd.DataFrame(rows, columns=["image_id", "candidate_id", "reason"], dtype="str")


def digest(name):
    return hashlib.sha256(name.encode()).hexdigest()


POST = "1234567890123456789"
IDS = {name: digest(name) for name in NAMES if name != "failed"}


@pytest.fixture
def candidates():
    pages = ["https://p.org/1", "", "", f"https://x.com/i/status/{POST}", "https://p.org/2"]
    posts = ["", "", "", POST, ""]
    return pd.DataFrame({"candidate_id": NAMES, "page_url": pages, "post_id": posts})


@pytest.fixture
def log():
    places = ["https://h.org/1.jpg", "/my/a#1.jpg", "/my/a#2.jpg", "https://h.org/4.jpg"]
    places.append("https://h.org/gone.jpg")
    finals = ["https://cdn.org/1.jpg", *places[1:]]
    ids = [*IDS.values(), ""]
    return pd.DataFrame(
        {"candidate_id": NAMES, "image_id": ids, "location": places, "final_url": finals}
    )


@pytest.fixture
def found(candidates, log):
    def find(*wanted, columns=("image", "reason"), posts=NO_POSTS):
        rows = [[item, "please"] for item in wanted]
        requests = pd.DataFrame(rows, columns=list(columns), dtype="str")
        table = find_withdrawn_images(posts, requests, candidates, log)
        names = {image_id: name for name, image_id in IDS.items()}
        return [
            names.get(row.image_id, row.image_id) or row.candidate_id for row in table.itertuples()
        ]

    return find


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (IDS["web"], "web"),
        (IDS["web"].upper(), "web"),
        ("https://h.org/1.jpg", "web"),
        ("HTTPS://H.org:443/1.jpg?utm_source=mail#top", "web"),
        ("https://cdn.org/1.jpg", "web"),
        ("https://p.org/1", "web"),
        ("/my/a#1.jpg", "list_1"),
        (f"https://x.com/i/status/{POST}", "post"),
        (f"https://x.com/somebody/status/{POST}?s=20", "post"),
        (f"https://mobile.twitter.com/somebody/status/{POST}/photo/1", "post"),
        (POST, "post"),
    ],
)
def test_a_request_names_an_image_by_its_id_its_address_its_page_or_its_post(found, wanted, name):
    assert found(wanted) == [name]


@pytest.mark.parametrize("wanted", ["", "/", "typo", "p.org/1", "ftp://p.org/1"])
def test_a_request_that_names_nothing_removes_nothing_and_is_told(found, caplog, wanted):
    with caplog.at_level(logging.WARNING):
        assert found(wanted) == []

    assert "Line 0 of the removal requests" in caplog.text


@pytest.mark.parametrize("wanted", ["https://h.org/gone.jpg", "https://p.org/2"])
def test_what_was_named_and_never_stored_is_kept_from_coming(found, caplog, wanted):
    assert found(wanted) == ["failed"]
    assert caplog.text == ""


def test_an_address_that_nobody_has_named_yet_is_kept_from_coming(found, caplog):
    assert found("HTTPS://new.org:443/1.jpg#x") == [candidate_id("https://new.org/1.jpg", "url")]
    assert "never fetched" in caplog.text


def test_an_id_counts_though_no_image_has_it_yet(found):
    assert found(digest("later")) == [digest("later")]


def test_an_image_goes_with_its_post_and_once_whoever_asks_too(found):
    assert found(f"https://x.com/i/status/{POST}", posts=pd.DataFrame({"post_id": [POST]})) == [
        "post"
    ]


def test_columns_may_stand_in_any_order_but_not_be_missing(candidates, log):
    request = pd.DataFrame({"who": ["me"], "reason": [""], "image": [IDS["web"]]})

    table = find_withdrawn_images(NO_POSTS, request, candidates, log)

    assert table.to_numpy().tolist() == [[IDS["web"], "", "asked for"]]
    with pytest.raises(InputError, match=r"\['image', 'reason'\], got \['Image'\]"):
        find_withdrawn_images(NO_POSTS, pd.DataFrame(columns=["Image"]), candidates, log)


def test_no_file_of_requests_is_no_request(candidates, log):
    assert find_withdrawn_images(NO_POSTS, pd.DataFrame(), candidates, log).empty


@pytest.fixture
def store(tmp_path):
    store = ImageStore(tmp_path / "images")
    for name in (digest("a"), digest("b"), digest("b as it came")):
        for file in (store.root / name[:2] / f"{name}.jpg", store.thumbnail(name)):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"bytes")
    return store


@pytest.fixture
def work(tmp_path):
    with Arrivals(tmp_path / "work") as arrivals:
        for candidate, image, original in (
            ("1", "a", "a"),
            ("2", "b", "b as it came"),
            ("3", "b", "b as it came"),
        ):
            hashes = {"image_id": digest(image), "original_sha256": digest(original)}
            arrivals.append(
                Arrival(candidate, "options", final_url=f"http://{candidate}", **hashes)
            )
    return tmp_path / "work"


def files_of(store):
    folders = (store.root, store.root.with_name("thumbnails"))
    return sorted(file.stem for folder in folders for file in folder.rglob("*.jpg"))


def kinds(work):
    with Arrivals(work) as arrivals:
        table = arrivals.table(("candidate_id", "problem_kind", "image_id", "reason"))
    return {row.candidate_id: row.problem_kind for row in table.itertuples()}


def test_an_image_is_deleted_with_its_thumbnail_and_what_it_was_made_of(store, work):
    withdraw_images(gone(digest("b")), store, work)

    assert files_of(store) == [digest("a")] * 2
    assert kinds(work) == {"1": "", "2": "withdrawn", "3": "withdrawn"}


def test_it_never_comes_back_whether_as_it_was_stored_or_as_it_came(store, work):
    assert withdrawn_ids(work) == frozenset()

    withdraw_images(gone(digest("b")), store, work)

    assert withdrawn_ids(work) == {digest("b"), digest("b as it came")}


def test_a_candidate_that_is_kept_away_is_done_with_for_every_later_download(store, work):
    locations = ["http://new.org/1.jpg", "http://new.org/2.jpg"]
    table = candidate_table(
        candidate_rows([FoundImage(url) for url in locations], source="s", query="", kind="url")
    )

    withdraw_images(gone(candidates=table["candidate_id"][:1]), store, work)

    with Arrivals(work) as arrivals:
        wanted = remaining(table, arrivals, store, DownloadOptions(retry_failed="all"))
    assert [item.url for item in wanted] == locations[1:]


def test_a_second_call_writes_nothing(store, work):
    def written():
        return [(file.name, file.read_bytes()) for file in sorted(work.glob("*.jsonl"))]

    withdraw_images(gone(digest("b"), candidates=["9"]), store, work)
    once = written()
    withdraw_images(gone(digest("b"), candidates=["9"], reason="another reason"), store, work)

    assert written() == once


def test_what_a_kill_left_undone_is_done_by_the_next_call_whatever_it_is_given(store, work):
    row = {"image_id": digest("b"), "original_sha256": digest("b as it came"), "reason": "r"}
    (work / "withdrawn.jsonl").write_text(json.dumps(row) + "\n")

    withdraw_images(gone(), store, work)

    assert files_of(store) == [digest("a")] * 2
    assert kinds(work)["2"] == "withdrawn"


def test_lines_that_name_no_image_delete_nothing(store, work):
    lines = ["[]", "{}", '{"image_id": "*"}', '{"image_id": "../../x"}', '{"image_id": null}', "{"]
    (work / "withdrawn.jsonl").write_text("\n".join(lines) + "\n")

    withdraw_images(gone(), store, work)

    assert len(files_of(store)) == 6
    assert withdrawn_ids(work) == frozenset()


def test_nothing_is_withdrawn_while_a_download_runs(store, work):
    with Arrivals(work), pytest.raises(InputError, match="one process at a time"):
        withdraw_images(gone(digest("a")), store, work)

    assert len(files_of(store)) == 6
