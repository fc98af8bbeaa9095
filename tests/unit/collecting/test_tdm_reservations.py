"""What a tdmrep.json reserves: its patterns are those of robots.txt."""

import asyncio
import json
from collections import Counter

import pytest

from cosmop.collecting.downloads.origin_rules import MAX_BYTES
from cosmop.collecting.downloads.tdm_reservations import TdmReservations
from cosmop.collecting.web.fetch_errors import FetchError

A, B = "http://a.test/x/y.jpg", "https://b.test/x/y.jpg"
ALL = '[{"location": "/", "tdm-reservation": 1}]'


def covered(body, *urls):
    """Return which of `urls` are reserved where each site has `body`, and what was asked."""
    asked = Counter()

    async def fetch(url):
        asked[url] += 1
        await asyncio.sleep(0)
        if isinstance(body, Exception):
            raise body
        return body.encode() if isinstance(body, str) else body

    async def ask():
        reservations = TdmReservations(fetch)
        return await asyncio.gather(*map(reservations.cover, urls))

    return asyncio.run(ask()), asked


@pytest.mark.parametrize(
    ("location", "is_reserved"),
    [
        ("/", True),
        ("*", True),
        ("/x/", True),
        ("x/", True),
        ("/x/y.jpg", True),
        ("/*.jpg$", True),
        ("*.jpg", True),
        ("/%78/", True),
        ("/z", False),
        ("/*.jpe$", False),
        ("/X/", False),
        ("/x/y.jpg#z", False),
        ("", False),
        (" ", False),
        ("/z\ndisallow: /", False),
        (7, False),
        (None, False),
    ],
)
def test_a_location_is_a_pattern_of_paths(location, is_reserved):
    body = json.dumps([{"location": location, "tdm-reservation": 1}])

    assert covered(body, A)[0] == [is_reserved]


@pytest.mark.parametrize(
    ("value", "is_reserved"),
    [("1", True), ('"1"', True), ("0", False), ('"0"', False), ("true", False), ("null", False)],
)
def test_only_one_reserves(value, is_reserved):
    body = f'[{{"location": "/", "tdm-reservation": {value}, "tdm-policy": "https://p.test"}}]'

    assert covered(body, A)[0] == [is_reserved]


def test_of_several_locations_a_reserved_one_decides():
    open_one = '{"location": "/x/y.jpg", "tdm-reservation": 0}'
    reserved = '{"location": "/x", "tdm-reservation": 1}'

    for body in (f"[{open_one}, {reserved}]", f"[{reserved}, {open_one}]", reserved):
        assert covered(body, A, "http://a.test/z")[0] == [True, False]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff\xfe", "<html>", "{}", "[]", "7", "[7, null, [1]]", "[" * 200_000),
        '[{"location": "/"}]',
        ALL + " " * MAX_BYTES,
        FetchError("http_404", "HTTP 404"),
        FetchError("timeout", "no answer"),
    ],
)
def test_what_is_no_such_file_reserves_nothing(body):
    assert covered(body, A)[0] == [False]


def test_each_origin_is_asked_once_and_for_its_own_file():
    found, asked = covered(ALL, A, B, A, "http://a.test/z", "http://a.test:8080/z", "nothing")

    assert found == [True, True, True, True, True, False]
    assert asked == dict.fromkeys(
        (
            f"{origin}/.well-known/tdmrep.json"
            for origin in ("http://a.test", "https://b.test", "http://a.test:8080")
        ),
        1,
    )
