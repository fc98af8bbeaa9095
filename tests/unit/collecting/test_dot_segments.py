from urllib.parse import urljoin

import pytest

from cosmop.collecting.web.asked_urls import asked_url
from cosmop.collecting.web.dot_segments import without_dot_segments


def test_a_path_is_as_the_standard_library_resolves_it(chance):
    pieces = ["a", ".", "..", "", "b.c", "..."]
    for _ in range(5_000):
        path = "/x/" + "/".join(chance.choice(pieces, chance.integers(1, 7)))
        if "//" in path:
            continue  # RFC 3986 and the library disagree on empty segments before ".."

        assert without_dot_segments(path) == urljoin("http://h", path)[len("http://h") :]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e/", "/"),
        ("/a//../b", "/a/b"),
        ("/..", "/"),
        ("/a/.", "/a/"),
        ("", ""),
        ("a/../b", "a/../b"),
    ],
)
def test_escaped_dots_count_and_nothing_is_above_the_root(path, expected):
    assert without_dot_segments(path) == expected


def test_an_address_is_asked_without_them():
    assert str(asked_url("http://h.org/./private/../x/%2e/1.jpg?a=/../")) == (
        "http://h.org/x/1.jpg?a=/../"
    )
