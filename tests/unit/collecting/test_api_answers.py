import copy
import io
import json
import time

import pytest

from cosmop.collecting.candidates import candidate_frame, facts_of
from cosmop.collecting.providers.api_answers import plain_text, read_answer, value_at
from cosmop.errors import InputError

from .api_sites import provider


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url_template": "http://e.org/?q=x"}, "query"),
        ({"url_template": "file:///{query}"}, "http"),
        ({"url_template": "http://e.org/?q={query}&n={number}"}, "no other places"),
        ({"fields": {"title": "t"}}, "image_url"),
        ({"fields": {"image_url": "u", "colour": "c"}}, "colour"),
        ({"results": ""}, "results"),
        ({"name": "Open verse"}, "name"),
        ({"reslts": "x"}, "did you mean 'results'"),
    ],
)
def test_a_provider_that_cannot_work_is_refused_before_it_is_asked(change, message):
    with pytest.raises(InputError, match=message):
        provider("openverse", **change)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.b.0.c", 1), ("a.b.1.c", None), ("a.b.x", None), ("a.z", None), ("a.b.0.c.d", None)],
)
def test_a_path_leads_to_its_value_or_nowhere(path, expected):
    assert value_at({"a": {"b": [{"c": 1}]}}, path) == expected


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("a<script>bad()</script>b<style>c</style>", "ab"),
        ("</script>x<b>y", "xy"),
        ("AT&amp;T &lt;3", "AT&T <3"),
        ("1 < 2 > 0", "1 < 2 > 0"),
        (" two \n lines ", "two lines"),
        (5, "5"),
        (None, ""),
        ({"a": 1}, ""),
    ],
)
def test_plain_text_has_no_html(html, text):
    assert plain_text(html) == text


@pytest.mark.parametrize("text", ["<a ", "<a b='", "<!", "<!--", "</a", "<a/", "&"])
def test_text_that_is_made_to_keep_a_parser_busy_does_not(text):
    start = time.monotonic()

    plain_text("<b>" + text * 500_000)

    assert time.monotonic() - start < 2.0


OPENVERSE = {
    "page_count": 3,
    "results": [
        {"url": "https://a.org/1.jpg", "license": "by", "license_version": "4.0", "width": 100},
        {"url": "https://a.org/2.jpg", "title": "T", "foreign_landing_url": "https://p/1"},
    ],
}
PHOTO = {"url": "https://a/1.jpg", "width": 1, "extmetadata": {"Artist": {"value": "<a>A</a>"}}}
COMMONS = {
    "batchcomplete": True,
    "continue": {"gsroffset": 50, "continue": "gsroffset||"},
    "query": {"pages": [{"index": 2, "imageinfo": [PHOTO]}, {"index": 1, "imageinfo": [PHOTO]}]},
    "error": {"code": None},
}
NESTED = json.loads("[" * 500 + "]" * 500)
WRONG = (
    *(None, True, [], {}, [None], {"a": None}, NESTED, 5, -1, 1.5, float("nan"), 10**400),
    *("x" * 10**5, "http://[", "//", "https://a:99999/", "\ud800", "https://\ud800.org/a", "²"),
    *("<![x", "&#xD800;", "\x00"),
)


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def changed(answer, path, value):
    if not path:
        return value
    answer = place = copy.deepcopy(answer)
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return answer


@pytest.mark.parametrize(
    ("name", "answer"), [("openverse", OPENVERSE), ("wikimedia_commons", COMMONS)]
)
def test_no_value_of_a_wrong_kind_breaks_the_reading_or_the_table_or_the_next_request(name, answer):
    asked = provider(name)
    for path in places(answer):
        for value in WRONG:
            read = read_answer(asked, json.dumps(changed(answer, path, value)), "https://e.org/")
            facts = facts_of(read.outcome.found)
            candidate_frame(facts, source="s", query="q", kind="url").to_parquet(io.BytesIO())
            assert asked.url("q", 1, read.continuation).encode()
            assert len(read.outcome.reason) < 5_000


def test_names_of_an_answer_are_quoted_in_part():
    read = read_answer(provider("openverse"), json.dumps({"x" * 10**6: 1}), "https://e.org/")

    assert (read.outcome.status, len(read.outcome.reason) < 500) == ("layout_changed", True)
