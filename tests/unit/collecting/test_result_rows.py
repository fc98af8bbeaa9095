import pytest

from cosmop.collecting.candidates import FoundImage
from cosmop.collecting.providers.providers import PageProviderOptions
from cosmop.collecting.providers.result_rows import (
    LONGEST_TEXT,
    RowsRead,
    Sighting,
    judge_page,
    read_rows,
    unique_images,
)

PROVIDER = PageProviderOptions.model_validate(
    {
        "name": "site",
        "url_template": "http://site.org/?q={query}",
        "ready_selector": "a",
        "extractor": "return []",
        "fields": {
            "image_url": "murl",
            "thumbnail_url": "turl",
            "page_url": "purl",
            "title": "t",
            "author": "by",
            "licence": "l",
            "width": "w",
            "height": "h",
        },
        "rejected_hosts": ["encrypted-tbn*.gstatic.com"],
        "min_rows": 3,
        "many_images": 10,
    }
)
SITE = "http://site.org/search"
IMAGE = FoundImage("http://e.org/a")


def read(*rows):
    return read_rows(PROVIDER, rows, SITE)


def test_every_field_of_a_row_is_read_by_its_name_in_the_row():
    row = {"murl": "http://e.org/a", "turl": "/small", "purl": "http://e.org/p", "t": " T \n t "}

    found = read(row | {"by": "B", "l": "CC0", "w": "1,920 px", "h": 1080.0}).found

    assert found == (
        FoundImage(
            "http://e.org/a",
            thumbnail_url="http://site.org/small",
            page_url="http://e.org/p",
            title="T t",
            author="B",
            licence="CC0",
            claimed_width=1920,
            claimed_height=1080,
        ),
    )


def test_thumbnails_are_counted_and_rubbish_is_left_out():
    thumbnails = ["data:image/png;base64,AA", "DATA:x", "https://encrypted-tbn0.gstatic.com/t"]
    rubbish = [
        *(None, "", [1], 7, {}, {"murl": None}, {"murl": ["x"]}, {"murl": "http://["}),
        *({"murl": url} for url in ("file:///etc/passwd", "javascript:x", "blob:http://e.org/1")),
        *({"murl": url} for url in ("http://", SITE, f"http://e.org/{'a' * LONGEST_TEXT}")),
    ]

    result = read(*({"murl": url} for url in thumbnails), *rubbish, {"murl": "/b"})

    assert result.found == (FoundImage("http://site.org/b"),)
    assert (result.thumbnails, result.rubbish) == (3, len(rubbish))


@pytest.mark.parametrize(
    ("claim", "pixels"),
    [
        *((1200, 1200), ("1200", 1200), ("1 200", 1200), ("1,200", 1200), (" 12 x 9", 12)),
        *((1200.7, 1200), (-5, 0), ("", 0), ("wide", 0), (None, 0), (True, 0), ([3], 0)),
        *((float("nan"), 0), (float("inf"), 0), ("9" * 400, 0), (10**300, 0)),
    ],
)
def test_a_claimed_size_is_a_number_of_pixels_or_nothing(claim, pixels):
    assert read({"murl": "/a", "w": claim}).found[0].claimed_width == pixels


def test_other_fields_that_cannot_be_used_are_empty():
    found = read(
        {"murl": "/a", "turl": "data:x", "purl": "javascript:x", "t": {"x": 1}, "l": "\ud800"}
    )

    assert found.found == (FoundImage("http://site.org/a", licence="?"),)


def judged(rows=0, thumbnails=0, number=0, **seen):
    sight = Sighting(SITE, **{"is_ready": True} | seen)
    return judge_page(PROVIDER, sight, RowsRead((IMAGE,) * rows, thumbnails), number=number)


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        ({"rows": 3, "images": 99, "signs": {"blocked": "x"}, "refusal": 429}, "ok"),
        ({"rows": 1, "images": 2}, "ok"),
        ({"rows": 2, "images": 10}, "layout_changed"),
        ({"thumbnails": 10}, "layout_changed"),
        ({}, "layout_changed"),
        ({"is_ready": False}, "layout_changed"),
        ({"signs": {"no_results": "x", "blocked": "y"}}, "no_results"),
        ({"signs": {"consent": "x", "blocked": "y"}}, "consent"),
        ({"signs": {"blocked": "x"}}, "blocked"),
        ({"refusal": 403, "signs": {"no_results": "x"}}, "blocked"),
        ({"number": 1}, "no_results"),
        ({"number": 1, "images": 10}, "layout_changed"),
    ],
)
def test_images_outweigh_signs_and_a_page_without_either_has_changed(seen, status):
    assert judged(**seen).status == status


def test_what_a_changed_layout_still_gave_is_kept():
    assert len(judged(rows=2, images=10).found) == 2


def test_unique_images_keep_the_first_order():
    found = [FoundImage(name) for name in "abacbd"]

    assert [image.location for image in unique_images(found, 3)] == ["a", "b", "c"]
