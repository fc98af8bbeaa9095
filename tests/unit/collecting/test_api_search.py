"""Openverse and Wikimedia Commons as their own files describe them, answered on loopback."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from cosmop.collecting.providers.api_search import ApiSearch
from cosmop.collecting.providers.evidence import Evidence
from cosmop.errors import InputError

from .api_sites import JSON, commons, openverse, openverse_image, provider
from .conftest import in_turn, says


@pytest.fixture
def api(server):
    hosts = dict.fromkeys(("api.openverse.org", "commons.wikimedia.org"), server.address)
    with ApiSearch(hosts, "cosmop-test (me@example.org)") as search:
        yield search


def test_a_result_of_openverse_has_its_licence_and_size(api, server):
    server.routes["/v1/images/"] = openverse(pages=1, per_page=3)

    outcome = api.find(provider("openverse"), "perú market", 10)

    assert (outcome.status, len(outcome.found)) == ("ok", 3)
    image = outcome.found[1]
    assert image.location == "https://live.staticflickr.com/1/1_b.jpg"
    assert image.page_url == "https://www.flickr.com/photos/1/1"
    assert image.thumbnail_url == "https://api.openverse.org/v1/images/1/thumb/"
    assert (image.title, image.author) == ("Market & street 1", "Ana Quispe")
    assert (image.licence, image.licence_url) == (
        "by-sa 2.0",
        "https://creativecommons.org/licenses/by-sa/2.0/",
    )
    assert (image.claimed_width, image.claimed_height) == (1024, 683)
    assert server.requests == ["/v1/images/?q=per%C3%BA+market&page=1&page_size=20"]
    assert server.headers[0]["User-Agent"] == "cosmop-test (me@example.org)"


def test_openverse_is_asked_for_as_many_pages_as_are_wanted_and_as_there_are(api, server):
    server.routes["/v1/images/"] = openverse(pages=12)

    assert len(api.find(provider("openverse"), "market", 50).found) == 50
    assert len(server.requests) == 3
    assert len(api.find(provider("openverse"), "market", 1000).found) == 240
    assert len(server.requests) == 3 + 12


def test_openverse_asks_nothing_beyond_its_last_page(api, server):
    server.routes["/v1/images/"] = openverse(pages=2)

    outcome = api.find(provider("openverse"), "market", 1000)

    assert (len(outcome.found), outcome.reason, len(server.requests)) == (40, "", 2)


def test_a_provider_gives_no_more_than_it_says(api, server):
    server.routes["/v1/images/"] = openverse(pages=12)

    assert len(api.find(provider("openverse", max_results=25), "market", 100).found) == 25
    assert len(server.requests) == 2


def test_a_server_that_ignores_the_page_number_is_not_asked_for_ever(api, server):
    page = {"results": [openverse_image(1)]}
    server.routes["/v1/images/"] = says(json.dumps(page).encode(), 200, JSON)

    assert len(api.find(provider("openverse"), "market", 100).found) == 1
    assert len(server.requests) == 2


def test_results_of_commons_come_in_their_rank_and_html_is_gone(api, server):
    server.routes["/w/api.php"] = says(json.dumps(commons([7, 9, 8])).encode(), 200, JSON)

    outcome = api.find(provider("wikimedia_commons"), "mercado", 10)

    assert [image.title for image in outcome.found] == ["Mercado 7", "Mercado 9", "Mercado 8"]
    image = outcome.found[0]
    assert image.location == "https://upload.wikimedia.org/7/M.jpg"
    assert image.page_url == "https://commons.wikimedia.org/wiki/File:Mercado_7.jpg"
    assert (image.author, image.licence) == ("José Rojas", "CC BY-SA 4.0")
    assert (image.claimed_width, image.claimed_height) == (4000, 3000)
    asked = parse_qs(urlsplit(server.requests[0]).query)
    assert asked["gsrsearch"] == ["filetype:bitmap mercado"]
    assert (asked["gsrlimit"], asked["maxlag"], asked["iiprop"]) == (
        ["50"],
        ["5"],
        ["url|size|mime|extmetadata"],
    )


def test_commons_is_continued_with_what_it_asks_for(api, server):
    first = commons(range(50), {"gsroffset": 50, "continue": "gsroffset||"})
    server.routes["/w/api.php"] = in_turn(
        says(json.dumps(first).encode(), 200, JSON),
        says(json.dumps(commons(range(50, 60))).encode(), 200, JSON),
    )

    assert len(api.find(provider("wikimedia_commons"), "mercado", 1000).found) == 60
    asked = [parse_qs(urlsplit(path).query) for path in server.requests]
    assert "gsroffset" not in asked[0]
    assert (asked[1]["gsroffset"], asked[1]["continue"]) == (["50"], ["gsroffset||"])


@pytest.mark.parametrize(
    ("name", "path", "body"),
    [
        ("openverse", "/v1/images/", {"result_count": 0, "page_count": 0, "results": []}),
        ("wikimedia_commons", "/w/api.php", {"batchcomplete": True}),
    ],
)
def test_an_empty_search_is_no_results(api, server, name, path, body):
    server.routes[path] = says(json.dumps(body).encode(), 200, JSON)

    assert api.find(provider(name), "qwxyz", 10).status == "no_results"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>Just a moment...", "no JSON, it begins with '<html>Just a moment...'"),
        (b"", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"items": [], "page": 1}', "no 'results', only ['items', 'page']"),
        (b"[1]", "no 'results', only list"),
        (b'{"results": 7}', "no 'results'"),
        (b'{"results": [{"uri": "http://e.org/a"}, 3, null]}', "3 results without an address"),
        (b'{"results": [{"url": "data:image/png;base64,AA"}]}', "1 results without an address"),
    ],
)
def test_an_answer_of_another_form_is_a_changed_layout_and_is_kept(server, tmp_path, body, reason):
    server.routes["/v1/images/"] = says(body, 200, JSON)
    evidence = Evidence(tmp_path)

    hosts = {"api.openverse.org": server.address}
    with ApiSearch(hosts, "me", evidence=evidence) as api:
        outcome = api.find(provider("openverse"), "market", 10)

    assert outcome.status == "layout_changed"
    assert reason in outcome.reason
    assert (tmp_path / outcome.evidence).read_bytes() == body


def test_missing_and_odd_fields_are_empty_and_do_no_harm(api, server):
    odd = openverse_image(1) | {
        "title": None,
        "creator": ["x"],
        "width": "1024",
        "height": -5,
        "license_version": None,
        "license_url": "javascript:alert(1)",
        "thumbnail": 7,
        "foreign_landing_url": "ftp://e.org/page",
    }
    lone = {"url": "http://e.org/\ud800.jpg", "title": "a\ud800b", "width": True, "height": 1e9}
    server.routes["/v1/images/"] = says(json.dumps({"results": [odd, lone]}).encode(), 200, JSON)

    first, second = api.find(provider("openverse"), "market", 10).found

    assert (first.title, first.author, first.licence) == ("", "", "by-sa")
    assert (first.licence_url, first.thumbnail_url, first.page_url) == ("", "", "")
    assert (first.claimed_width, first.claimed_height) == (1024, 0)
    assert (second.location, second.title) == ("http://e.org/?.jpg", "a?b")
    assert (second.claimed_width, second.claimed_height) == (0, 0)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, "blocked"), (403, "blocked"), (429, "blocked"), (400, "failed"), (500, "failed")],
)
def test_a_refusal_has_its_status_and_ends_the_query(api, server, status, expected):
    server.routes["/v1/images/"] = says(b"{}", status, JSON)

    outcome = api.find(provider("openverse"), "market", 10)

    assert (outcome.status, outcome.reason) == (expected, f"HTTP {status}")
    assert len(server.requests) == (2 if status == 500 else 1)  # a server error may pass


def test_a_short_retry_after_is_waited_for_once(api, server):
    busy = says(b"{}", 429, JSON, Retry_After="1")
    server.routes["/v1/images/"] = in_turn(busy, openverse(pages=1))
    assert len(api.find(provider("openverse"), "market", 10).found) == 10
    assert len(server.requests) == 2

    server.routes["/v1/images/"] = busy
    assert api.find(provider("openverse"), "market", 10).status == "blocked"
    assert len(server.requests) == 4


def test_a_long_retry_after_is_not_waited_for(api, server):
    server.routes["/v1/images/"] = says(b"{}", 429, JSON, Retry_After="3600")

    assert api.find(provider("openverse"), "market", 10).status == "blocked"
    assert len(server.requests) == 1


def test_what_was_found_before_a_refusal_is_kept_with_the_reason(api, server):
    server.routes["/v1/images/"] = in_turn(openverse(pages=12), says(b"{}", 429, JSON))

    outcome = api.find(provider("openverse"), "market", 100)

    assert (outcome.status, len(outcome.found), outcome.reason) == ("ok", 20, "HTTP 429")


def test_a_lagging_commons_is_asked_again_when_it_says(api, server):
    lag = {"error": {"code": "maxlag", "info": "Waiting for db1: 7 seconds lagged.", "lag": 7}}
    server.routes["/w/api.php"] = in_turn(
        says(json.dumps(lag).encode(), 200, JSON, Retry_After="0"),
        says(json.dumps(commons([1])).encode(), 200, JSON),
    )
    assert api.find(provider("wikimedia_commons"), "mercado", 10).status == "ok"

    server.routes["/w/api.php"] = says(json.dumps(lag).encode(), 200, JSON, Retry_After="0")
    outcome = api.find(provider("wikimedia_commons"), "mercado", 10)
    assert (outcome.status, outcome.reason) == ("blocked", "the API says 'maxlag'")


def test_another_error_in_an_answer_is_a_failure(api, server):
    error = json.dumps({"error": {"code": "badvalue", "info": "Unrecognized value"}}).encode()
    server.routes["/w/api.php"] = says(error, 200, JSON)

    outcome = api.find(provider("wikimedia_commons"), "mercado", 10)

    assert (outcome.status, outcome.reason) == ("failed", "the API says 'badvalue'")


def test_a_server_that_is_late_or_absent_is_told_apart(api, server):
    def late(handler):
        handler.rfile.read(1)  # until the client gives up

    server.routes["/v1/images/"] = late
    slow = provider("openverse", timeout_s=0.3)
    assert api.find(slow, "market", 10).status == "timeout"

    with ApiSearch({"api.openverse.org": "127.0.0.1:9"}, "me") as absent:
        assert absent.find(provider("openverse"), "market", 10).status == "failed"


def test_requests_keep_the_interval_over_pages_and_queries(api, server, monkeypatch):
    moments = []
    monkeypatch.setattr("time.sleep", moments.append)
    server.routes["/v1/images/"] = openverse(pages=2)
    paced = provider("openverse", interval_s=30.0)

    api.find(paced, "market", 40)
    api.find(paced, "street", 20)

    assert [round(s) for s in moments if s > 1] == [30, 30]


def test_a_key_goes_to_the_api_and_to_nobody_it_redirects_to(server, caplog):
    caplog.set_level("DEBUG")
    moved = {"Location": "http://elsewhere.test/v1/images/?page=1&page_size=20"}
    server.routes["/v1/images/"] = in_turn(
        says(b"", 307, **{"Location": "/again?page=1"}), openverse(pages=1)
    )
    server.routes["/again"] = says(b"", 307, **moved)
    hosts = dict.fromkeys(("api.openverse.org", "elsewhere.test"), server.address)
    plain = provider("openverse", url_template="http://api.openverse.org/v1/images/?q={query}")

    with ApiSearch(hosts, "me@example.org", keys={"openverse": "s3cret-of-mine"}) as search:
        assert search.find(plain, "market", 10).status == "ok"

    sent = [headers.get("Authorization") for headers in server.headers]
    assert sent == ["Bearer s3cret-of-mine", "Bearer s3cret-of-mine", None]
    assert "s3cret-of-mine" not in caplog.text


def test_a_key_may_end_in_a_new_line_but_not_hold_one_and_is_never_quoted(server):
    server.routes["/v1/images/"] = openverse(pages=1)
    hosts = {"api.openverse.org": server.address}
    url = "http://api.openverse.org/v1/images/?q={query}&page={page}&page_size={per_page}"
    plain = provider("openverse", url_template=url)

    with ApiSearch(hosts, "me@example.org", keys={"openverse": "s3cret-of-mine\n"}) as search:
        assert search.find(plain, "market", 10).status == "ok"
    with pytest.raises(InputError, match="'openverse' wants a key of 8 or more") as error:
        ApiSearch(hosts, "me@example.org", keys={"openverse": "s3cret-of-mine\nCookie: a=b"})

    assert server.headers[0]["Authorization"] == "Bearer s3cret-of-mine"
    assert "s3cret-of-mine" not in str(error.value)
