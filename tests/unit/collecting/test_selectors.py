import time

import pytest

from cosmop.collecting.providers.selectors import parse_selector, read_page

PAGE = """
<div class="tile big"><a class="iusc x" m='{"murl": "http://e.org/a&amp;b.jpg"}'>one</a></div>
<a class="iusc">no attribute</a><a class="iuscx" m="2">other class</a>
<form action="/ok" method="POST"><input name=hidden value=7><input type=submit name=no value=0>
<button id="agree" name="agree" value="yes">
"""


@pytest.mark.parametrize(
    ("selector", "count"),
    [
        ("a", 3),
        ("a.iusc", 2),
        ("a.iusc[m]", 1),
        (".iusc.x", 1),
        ("#agree", 1),
        ("button#agree[value=yes]", 1),
        ("button[value='no']", 0),
        ("div.iusc", 0),
    ],
)
def test_a_selector_matches_as_in_a_browser(selector, count):
    assert count == len(read_page(PAGE, [selector]).matches[selector])


@pytest.mark.parametrize("selector", ["", "div > a", "a, b", "a:hover", "div a", "*"])
def test_a_selector_beyond_one_compound_is_refused(selector):
    with pytest.raises(ValueError, match="tag#id"):
        parse_selector(selector)


def test_attribute_values_are_unescaped():
    assert read_page(PAGE, ["a[m]"]).matches["a[m]"][0]["m"] == '{"murl": "http://e.org/a&b.jpg"}'


def test_a_form_is_sent_with_its_fields_and_the_pressed_button_only():
    form = read_page(PAGE, ["#agree"]).forms["#agree"]

    assert (form.action, form.method) == ("/ok", "post")
    assert form.fields == {"hidden": "7", "agree": "yes"}


def test_markup_that_never_ends_is_read_as_far_as_it_goes():
    assert len(read_page("<div><a class=r data-x='1'>t<p><a cl", ["a.r"]).matches["a.r"]) == 1


def test_text_is_what_is_shown_with_single_spaces_in_one_case():
    page = "<title>T</title><style>p {}</style><p>One &amp;\n <b>Two</b></p><script>x < 1</script>3"

    assert read_page(page, []).text == "t one & two 3"


@pytest.mark.parametrize(
    "text", ["<a ", "<a/", "<a b", "<a b='", "<a b=c ", "<!--", "<!", "</a", "<", "&", "<script>"]
)
def test_a_page_that_is_made_to_keep_a_parser_busy_does_not(text):
    page = "<a class=r></a>" + text * (1_000_000 // len(text))
    start = time.monotonic()

    facts = read_page(page, ["a.r"])

    assert time.monotonic() - start < 60  # were each byte compared with all, hours
    assert len(facts.matches["a.r"]) == 1


def test_a_long_page_is_read_to_its_end_and_no_word_is_cut():
    words = " ".join(f"word{number}" for number in range(60_000))
    page = f"<p>{words}</p><script>{'x < 1;' * 100_000}</script><p>{words}</p><a class=r>end"

    facts = read_page(page, ["a.r"])

    assert facts.text == f"{words} {words} end"
    assert len(facts.matches["a.r"]) == 1
