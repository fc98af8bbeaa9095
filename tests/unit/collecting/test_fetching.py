import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from requests.cookies import RequestsCookieJar

from cosmop.collecting.fetching import FetchError, FetchLimits, fetch, retry_after_s
from cosmop.collecting.guard import guarded_pool

from .conftest import in_turn, says

LIMITS = FetchLimits(2.0, 0.5, 100_000, "someone (me@example.org)")


@pytest.fixture
def pool(server):
    with guarded_pool({"web.test": server.address}) as opened:
        yield opened


def drip(before: bytes, piece: bytes):
    """Return an answer that never ends: `before`, then `piece` again and again."""

    def answer(handler):
        handler.wfile.write(before)
        while True:
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        drip(b"", b"H"),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
        drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"a"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    ],
    ids=["status", "header", "headers", "claimed", "open", "chunks", "chunk-size"],
)
def test_a_server_that_drips_is_cut_at_the_deadline(server, pool, answer):
    server.routes["/"] = answer
    start = time.monotonic()

    with pytest.raises(FetchError, match=r"took longer|broke off") as caught:
        fetch(pool, "http://web.test/", LIMITS)
    assert time.monotonic() - start < 2
    assert not caught.value.is_worth_retrying or "broke off" in str(caught.value)


def test_a_redirect_is_followed_without_reading_its_endless_body(server, pool):
    head = b"HTTP/1.1 302 Found\r\nLocation: /good\r\n\r\n"
    server.routes |= {"/": drip(head, b"a" * 1000), "/good": says(b"here")}

    page = fetch(pool, "http://web.test/", LIMITS)

    assert (page.body, page.url) == (b"here", "http://web.test/good")


def test_real_bytes_are_counted_whatever_the_server_claims(server, pool):
    server.routes["/lie"] = says(b"a" * 200_000, Content_Length="200000")
    server.routes["/open"] = drip(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 50_000)

    for path in ("lie", "open"):
        with pytest.raises(FetchError, match="longer than 100000 bytes"):
            fetch(pool, f"http://web.test/{path}", LIMITS)


def test_the_request_is_honest_and_wants_no_compression(server, pool):
    server.routes["/"] = says(b"x")

    fetch(pool, "http://web.test/", LIMITS)

    assert server.headers[0]["User-Agent"] == "someone (me@example.org)"
    assert server.headers[0]["Accept-Encoding"] == "identity"
    assert "Cookie" not in server.headers[0]


def test_cookies_are_kept_only_in_a_jar(server, pool):
    server.routes["/"] = says(b"x", Set_Cookie="a=1; Path=/")
    jar = RequestsCookieJar()

    for cookies in (None, jar, jar, None):
        fetch(pool, "http://web.test/", LIMITS, cookies=cookies)

    assert [headers.get("Cookie") for headers in server.headers] == [None, None, "a=1", None]


@pytest.mark.parametrize(
    ("status", "again"), [(404, False), (403, False), (410, False), (429, True), (503, True)]
)
def test_only_a_status_that_may_pass_is_worth_retrying(server, pool, status, again):
    server.routes["/"] = says(b"", status, Retry_After="7")

    with pytest.raises(FetchError, match=f"HTTP {status}") as caught:
        fetch(pool, "http://web.test/", LIMITS)
    assert again == caught.value.is_worth_retrying
    assert caught.value.retry_after_s == 7.0


def test_a_plain_server_asked_for_tls_is_a_tls_error(server, pool):
    server.routes["/"] = says(b"x")

    with pytest.raises(FetchError, match="TLS error"):
        fetch(pool, "https://web.test/", LIMITS)


def test_a_body_that_ends_too_early_is_a_lost_connection(server, pool):
    server.routes["/"] = in_turn(says(b"half", Content_Length="9"))

    with pytest.raises(FetchError, match="broke off") as caught:
        fetch(pool, "http://web.test/", LIMITS)
    assert caught.value.is_worth_retrying


def test_retry_after_is_read_as_seconds_or_as_a_date():
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert retry_after_s("7") == 7.0
    assert 58 < (retry_after_s(in_a_minute) or 0) <= 60
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert [retry_after_s(text) for text in (None, "", "soon")] == [None, None, None]
