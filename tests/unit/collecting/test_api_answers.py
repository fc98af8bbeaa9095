import pytest

from cosmop.collecting.api_answers import plain_text, value_at
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
