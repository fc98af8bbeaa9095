import json

import pytest

from cosmop.collecting.candidates import FoundImage
from cosmop.collecting.providers import (
    ProviderOptions,
    judge_page,
    read_results,
    unique_images,
)
from cosmop.errors import InputError

from .conftest import documented_providers


def test_the_documented_providers_are_valid():
    names = [ProviderOptions.model_validate(data).name for data in documented_providers()]

    assert names == ["gallery", "bing"]


def test_a_query_is_escaped_and_pages_are_counted_from_the_first():
    gallery, bing = (ProviderOptions.model_validate(data) for data in documented_providers())

    assert gallery.url("a&b c{page}", 2) == "http://gallery.test/search?q=a%26b+c%7Bpage%7D&page=3"
    assert bing.url("a", 2) == "https://www.bing.com/images/async?q=a&first=71&count=35"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url_template": "file:///x?{query}"}, "http"),
        ({"url_template": "http://e.org/"}, "query"),
        ({"result_selector": "div > a"}, "selector"),
        ({"fields": {"title": "t"}}, "image_url"),
        ({"fields": {"image_url": "u", "colour": "c"}}, "colour"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_provider_that_cannot_work_is_refused_before_it_is_asked(change, message):
    with pytest.raises(InputError, match=message):
        ProviderOptions.model_validate(documented_providers()[0] | change)


def test_results_are_read_by_the_field_map_and_rubbish_is_left_out():
    provider = ProviderOptions.model_validate(
        documented_providers()[1] | {"rejected_hosts": ["encrypted-tbn"]}
    )
    urls = ["http://e.org/a", "/b", "data:image/png;base64,AA", "https://encrypted-tbn0.x.com/t"]
    payloads = [json.dumps({"murl": url, "purl": "http://e.org/p", "t": "T"}) for url in urls]
    rubbish = [
        None,
        "",
        "{",
        "[1]",
        "{}",
        json.dumps({"murl": 7e9}),
        json.dumps({"murl": "http://["}),
    ]

    found = read_results(provider, payloads + rubbish, "http://site.org/search")

    assert FoundImage("http://e.org/a", page_url="http://e.org/p", title="T") == found[0]
    assert found[1].location == "http://site.org/b"
    assert len(found) == 3  # a number is a relative address, odd but harmless


def test_images_outweigh_markers_and_a_page_without_either_has_changed():
    provider = ProviderOptions.model_validate(documented_providers()[1])
    image = [FoundImage("http://e.org/a")]

    judged = [
        judge_page(provider, "a CAPTCHA picture", "http://u", image).status,
        judge_page(provider, "solve this CAPTCHA", "http://u", []).status,
        judge_page(provider, "There are no results for x", "http://u", []).status,
        judge_page(provider, "<html>", "http://u", []).status,
        judge_page(provider, "<html>", "http://u/captcha", []).status,
    ]
    assert judged == ["ok", "blocked", "no_results", "layout_changed", "blocked"]


def test_unique_images_keep_the_first_order():
    found = [FoundImage(name) for name in "abacbd"]

    assert [image.location for image in unique_images(found, 3)] == ["a", "b", "c"]
