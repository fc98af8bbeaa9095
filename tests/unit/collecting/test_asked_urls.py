import pytest
from yarl import URL

from cosmop.collecting.web.asked_urls import asked_url, redirected_url
from cosmop.collecting.web.fetch_errors import FetchError


@pytest.mark.parametrize(
    "url",
    [
        "http://e.org/a%2fb%2Fc%zz%",
        "https://e.org/a?Signature=a%2Bb+c/d==&X=%e4&&=&a=1&A",
        "http://e.org/a//b/..c/.d;v=1,2:3@x!$'()*~",
        'http://e.org:8080/[a]{b}|c^`<>"\\',
        "http://a_b.e-f.org./%00%0d%0a",
        "http://[2606:4700::1111]:81/a",
        "http://e.org/?q=a?b/c",
    ],
)
def test_an_address_that_http_can_carry_is_asked_as_it_is(url):
    assert str(asked_url(url)) == url


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://E.org", "http://e.org/"),
        (" HTTP://E.ORG/A ", "http://e.org/A"),
        ("http://e.org?a", "http://e.org/?a"),
        ("http://e.org/a b?c d", "http://e.org/a%20b?c%20d"),
        ("http://e.org/ä/日?é", "http://e.org/%C3%A4/%E6%97%A5?%C3%A9"),
        ("http://e.org/a\udce4", "http://e.org/a%E4"),
        ("http://e.org/a\0\x7f", "http://e.org/a%00%7F"),
        ("http://e.org/a#fragment?x", "http://e.org/a"),
        ("http://me:secret@e.org:81/a", "http://e.org:81/a"),
        ("http://Bücher.de/", "http://xn--bcher-kva.de/"),
        ("http://пример.рф:81/x", "http://xn--e1afmkfd.xn--p1ai:81/x"),
        ("http://１２７.０.０.１/", "http://127.0.0.1/"),
        ("http://e.org/a\r\nX: 1", "http://e.org/aX:%201"),
        ("http://[2606:4700:0:0::1111]/", "http://[2606:4700::1111]/"),
    ],
)
def test_only_what_http_cannot_carry_is_changed(given, asked):
    assert str(asked_url(given)) == asked


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "/a", "//e.org/a", "file:///etc/passwd", "ftp://e.org/a", "data:,a", "http:"),
        *("http://", "http:///a", "http://e.org:99999/", "http://e.org:0/", "http://e.org:x/"),
        *("http://[::1", "http://a\0b/", "http://e..org/", "http://.org/", "http://%41.org/"),
        *("http://a b/", "http://a,b/", "http://[1.2.3.4]/", "http://[e.org]/", "http://\ud800/"),
        *(
            "http://" + "a" * 64 + ".org/",
            "http://" + "a." * 130 + "org/",
            "http://xn--\u2665.\u0001/",
        ),
        "http://e.org/" + "a" * 16_384,
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(FetchError) as caught:
        asked_url(url)
    assert caught.value.kind == "bad_address"
    assert not caught.value.is_worth_retrying


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b", "https://e.org/b"),
        ("b?c", "https://e.org/a/b?c"),
        ("//f.org/b%2f", "https://f.org/b%2f"),
        ("http://f.org", "http://f.org/"),
        ("../../../b", "https://e.org/b"),
        ("?x=ä", "https://e.org/a/?x=%C3%A4"),
        (" /b c ", "https://e.org/b%20c"),
    ],
)
def test_a_redirect_is_read_as_a_browser_does(location, target):
    assert str(redirected_url(URL("https://e.org/a/", encoded=True), location)) == target


@pytest.mark.parametrize("location", ["file:///a", "javascript:alert(1)", "http://[", "//[::1"])
def test_a_redirect_leads_to_the_web_only(location):
    with pytest.raises(FetchError, match=r"only http|not a usable"):
        redirected_url(URL("https://e.org/a/"), location)
