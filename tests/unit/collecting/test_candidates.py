import pytest

from cosmop.collecting.candidates import (
    CANDIDATE_COLUMNS,
    FoundImage,
    candidate_id,
    candidate_rows,
    candidate_table,
    canonical_url,
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
