import threading

import pytest

from cosmop.collecting.web.blocking_client import BlockingClient, page_text
from cosmop.collecting.web.fetch_errors import FetchError, FetchLimits

from .hostile import HostileServer, drips, head, image, redirects, sends

LIMITS = FetchLimits(total_s=2)


@pytest.fixture
def ask():
    """Serve answers by host name, and return a client that reaches them."""
    started = []

    def start(**answers):
        server = HostileServer(answers)
        stated = {f"{host}.test": server.address for host in answers}
        client = BlockingClient(user_agent="me", host_addresses=stated)
        started.extend((client, server))
        return server, client

    yield start
    for opened in started:
        opened.close()


def page(text, kind="text/html", encoding="utf-8"):
    body = text.encode(encoding)
    return sends(head(f"Content-Type: {kind}", f"Content-Length: {len(body)}"), body)


def test_a_page_is_text_with_its_address_and_headers(ask):
    there = page("größer", "text/html; charset=ISO-8859-1", "latin-1")
    _, client = ask(a=redirects("http://b.test/x"), b=there)

    got = client.fetch("http://a.test/", LIMITS)

    assert (got.url, got.text) == ("http://b.test/x", "größer")
    assert got.body == "größer".encode("latin-1")
    assert ("Content-Type", "text/html; charset=ISO-8859-1") in got.headers


def test_cookies_live_as_long_as_the_client(ask):
    server, client = ask(kept=image(b"x", "Set-Cookie: consent=yes; Path=/"))

    for _ in range(2):
        client.fetch("http://kept.test/", LIMITS)

    assert [b"Cookie: consent=yes" in request for request in server.requests] == [False, True]


def test_a_form_is_posted_and_failures_are_raised(ask):
    server, client = ask(a=page("ok"), b=drips(b"", b""))

    assert client.fetch("http://a.test/", LIMITS, form={"q": "x"}).text == "ok"
    assert server.requests[0].startswith(b"POST / ")
    with pytest.raises(FetchError, match="forbidden address"):
        client.fetch("http://127.0.0.1/", LIMITS)
    with pytest.raises(FetchError, match=r"in time|took longer"):
        client.fetch("http://b.test/", FetchLimits(headers_s=0.2))


def test_threads_share_a_client(ask):
    _, client = ask(a=page("ok"))
    texts = []
    threads = [
        threading.Thread(target=lambda: texts.append(client.fetch("http://a.test/", LIMITS).text))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts == ["ok"] * 8


def test_nothing_is_left_of_a_closed_client():
    before = set(threading.enumerate())
    with BlockingClient(user_agent="me") as client:
        pass
    client.close()

    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("ä".encode(), "", "ä"),
        ("ä".encode("latin-1"), "text/html;charset=latin-1", "ä"),
        ("ж".encode("cp1251"), 'text/html; Charset = "windows-1251"; x', "ж"),
        ("日本".encode("shift_jis"), "text/html; charset=Shift_JIS", "日本"),
        (b"<meta charset='big5'>" + "中".encode("big5"), "text/html", "<meta charset='big5'>中"),
        (b"\xef\xbb\xbf" + "ä".encode(), "text/html; charset=latin-1", "ä"),
        ("ä".encode("utf-16"), "", "ä"),
        ("ä".encode(), "text/html; charset=nonsense", "ä"),
        (b"\xe4", "", "�"),
    ],
)
def test_a_page_is_decoded_as_it_says(body, kind, text):
    assert page_text(body, kind) == text


@pytest.mark.parametrize(
    "name",
    ["punycode", "idna", "rot13", "hex", "zlib", "undefined", "unicode_escape", "a\0b", "mbcs"],
)
def test_decoders_that_are_no_charsets_are_not_used(name):
    assert page_text("ä".encode(), f"text/html; charset={name}") == "ä"
