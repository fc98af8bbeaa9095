import pandas as pd
import pytest

from cosmop.collecting import candidates
from cosmop.collecting.candidates import (
    CANDIDATE_COLUMNS,
    FoundImage,
    candidate_frame,
    candidate_id,
    candidate_rows,
    candidate_table,
    canonical_url,
    facts_of,
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Example.ORG:80/a.jpg#top", "http://example.org/a.jpg"),
        ("https://example.org./a.jpg", "https://example.org/a.jpg"),
        ("https://me@example.org:8443", "https://example.org:8443/"),
        ("https://e.org/a?utm_source=x&id=7&fbclid=1", "https://e.org/a?id=7"),
        ("https://e.org/A.jpg?b=1&a=2", "https://e.org/A.jpg?b=1&a=2"),
        ("http://[2606:4700::1]:80/a", "http://[2606:4700::1]/a"),
        (
            "https://pbs.twimg.com/media/A?format=jpg&name=small",
            "https://pbs.twimg.com/media/A.jpg",
        ),
        ("https://pbs.twimg.com/media/A.jpg?name=orig", "https://pbs.twimg.com/media/A.jpg"),
        ("https://e.org/%7eme/%31.jpg?x=%31", "https://e.org/~me/1.jpg?x=1"),
        ("https://e.org/a%2Fb/%2E/%c3%a1.jpg", "https://e.org/a%2Fb/%c3%a1.jpg"),
        ("https://e.org/./img/../img/1.jpg", "https://e.org/img/1.jpg"),
        ("http://e.org:notaport/a", "http://e.org:notaport/a"),
        ("http://[broken/a", "http://[broken/a"),
    ],
)
def test_a_canonical_url_drops_what_does_not_change_the_image(url, expected):
    assert expected == canonical_url(url)
    assert expected == canonical_url(expected)


def test_paths_and_meaningful_parameters_keep_images_apart():
    urls = ["http://e.org/a", "http://e.org/A", "http://e.org/a?id=1", "https://e.org/a"]

    assert len(urls) == len({candidate_id(url, "url") for url in urls})


def test_the_first_of_two_candidates_with_one_canonical_url_is_kept():
    first = candidate_rows(
        [FoundImage("http://e.org/a#1", title="one"), FoundImage("http://e.org/b")],
        source="s",
        query="q",
        kind="url",
    )
    second = candidate_rows([FoundImage("http://E.org/a")], source="t", query="r", kind="url")

    table = candidate_table(first + second)

    assert table["location"].tolist() == ["http://e.org/a#1", "http://e.org/b"]
    assert table["rank"].tolist() == [1, 2]
    assert table["source"].tolist() == ["s", "s"]


def test_an_empty_table_has_all_columns():
    assert list(CANDIDATE_COLUMNS) == list(candidate_table([]).columns)


def slow(url):
    return candidates._written_anew(url)


def random_url(chance):
    """Draw an address of pieces that are nearly canonical, so that the quick way is often taken."""
    pick = lambda *pieces: pieces[chance.integers(len(pieces))]  # noqa: E731 - a word to read
    host = pick("e.org", "E.org", "a-b.e.org", "e.org.", "pbs.twimg.com", "[::1]", "e_x.org", "")
    port = pick("", "", "", ":80", ":8080", ":x")
    path = pick("/a", "", "/", "/a b", "/%7Ea", "/á", "//a", "/a;b", "/media/A", "/a\tb",
                "/./a", "/.a", "/a/..", "/a..b")  # fmt: skip
    names = [
        pick("w", "id", "utm_x", "UTM_y", "gclid", "Ref_src", "a%20b", "format", "") for _ in "12"
    ]
    values = [pick("1", "", "a+b", "%C3%A1", "x.y-z~", "a/b") for _ in "12"]
    query = pick("", "?", f"?{names[0]}={values[0]}", f"?{names[0]}",
                 f"?{names[0]}={values[0]}&{names[1]}={values[1]}")  # fmt: skip
    return pick("http", "https", "HTTP") + "://" + host + port + path + query + pick("", "", "#x")


def test_the_quick_way_to_a_canonical_url_is_the_slow_way(chance):
    urls = {random_url(chance) for _ in range(20_000)}

    quick = {url for url in urls if candidates._ALREADY_CANONICAL.fullmatch(url)}
    assert len(quick) > 30
    assert {url: slow(url) for url in quick} == {url: url for url in quick}
    assert {url: canonical_url(url) for url in urls} == {url: slow(url) for url in urls}
    assert all(canonical_url(slow(url)) == slow(url) for url in quick)


def test_a_frame_is_the_same_as_the_rows():
    found = [FoundImage("http://e.org/a", title="A", claimed_width=3), FoundImage("http://e.org/b")]

    rows = candidate_rows(found, source="s", query="q", kind="url")
    frame = candidate_frame(facts_of(found), source="s", query="q", kind="url")

    columns = [name for name in CANDIDATE_COLUMNS if name != "found_at"]
    pd.testing.assert_frame_equal(candidate_table(rows)[columns], frame[columns])
    assert frame["rank"].tolist() == [1, 2]


def test_frames_without_rows_have_the_types_of_full_ones():
    full = candidate_frame({"location": ["http://e.org/a"]}, source="s", query="q", kind="url")
    empty = candidate_frame({"location": []}, source="s", query="q", kind="url")

    assert dict(full.dtypes) == dict(empty.dtypes)
    assert dict(full.dtypes) == dict(candidate_table([]).dtypes)
