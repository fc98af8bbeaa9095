"""What the browser search makes of real pages in a real Chromium."""

import json
import time

import pandas as pd
import pytest

from cosmop.collecting.plain_http import PlainSearch
from cosmop.collecting.providers import ProviderOptions
from cosmop.collecting.search import SearchOptions, search_images

pytestmark = pytest.mark.browser

GALLERY = {
    "name": "gallery",
    "url_template": "http://gallery.test/search?q={query}&page={page}",
    "consent_selector": "#agree",
    "ready_selector": "#results",
    "result_selector": "a.result",
    "result_attribute": "data-meta",
    "fields": {"image_url": "image_url", "page_url": "page_url", "title": "title"},
    "scroll": {"end_selector": ".end"},
    "no_results_markers": ['class="no-results"'],
    "interval_s": 0.0,
}
SCRIPTED = {
    "name": "scripted",
    "url_template": "http://pages.test/{query}",
    "consent_selector": "#accept",
    "ready_selector": "a.iusc",
    "result_selector": "a.iusc[m]",
    "result_attribute": "m",
    "fields": {"image_url": "murl", "page_url": "purl", "title": "t"},
    "scroll": {"growth_wait_s": 0.3, "patience": 1, "more_selector": "#more"},
    "no_results_markers": ["there are no results"],
    "blocked_markers": ["captcha"],
    "timeout_s": 1.0,
}


def tile(name):
    facts = json.dumps({"murl": f"http://e.org/{name}&x", "purl": "http://e.org/p", "t": name})
    return f"<a class=iusc m='{facts}'>x</a>"


def in_script(text):
    """Write `text` so that no tag in it ends the script around it."""
    return text.replace("</", r"<\/")


@pytest.fixture
def find(browser, pages):
    """Return the outcome for one page of HTML."""

    def run(html, limit=100, **changes):
        pages.html["/q"] = html
        provider = ProviderOptions.model_validate(SCRIPTED | changes)
        return browser.find(provider, "q", limit)

    return run


def test_scrolling_behind_the_consent_page_finds_what_paging_finds(browser, gallery):
    provider = ProviderOptions.model_validate(GALLERY)
    with PlainSearch(gallery.host_addresses, "test") as plain:
        expected = plain.find(provider, "street market", 1000)

    outcome = browser.find(provider, "street market", 1000)

    assert (outcome.status, len(outcome.found)) == ("ok", 300)
    assert outcome == expected
    assert outcome.found[0].title.startswith("street market")


def test_a_limit_ends_the_scrolling(browser, gallery):
    provider = ProviderOptions.model_validate(GALLERY)

    assert len(browser.find(provider, "street", 25).found) == 25
    assert browser.find(provider, "volcano", 25).status == "no_results"


def test_results_that_a_script_adds_late_are_waited_for(find):
    script = f"setTimeout(() => document.body.innerHTML = {tile('late')!r}, 300)"

    outcome = find(f"<body><script>{in_script(script)}</script>")

    assert [image.location for image in outcome.found] == ["http://e.org/late&x"]


def test_a_page_that_only_watches_its_end_come_into_view_is_read_whole(find):
    """Such a page never looks again when the end is in view before and after it has grown."""
    script = (
        "let n = 0, busy = false; const end = document.getElementById('end');"
        "new IntersectionObserver(async ([entry]) => {"
        "  if (!entry.isIntersecting || busy || n >= 15) return; busy = true;"
        "  await new Promise(done => setTimeout(done, 30)); n++;"
        f"  end.insertAdjacentHTML('beforebegin', {json.dumps(tile('N'))}.replaceAll('N', n)"
        "   + '<p style=height:100px>'); busy = false;"
        "}, {rootMargin: '400px'}).observe(end);"
    )

    outcome = find(
        f"<body><p style=height:9000px>{tile('a')}<div id=end>end</div>"
        f"<script>{in_script(script)}</script>",
        scroll={"growth_wait_s": 1.0, "patience": 2},
    )

    assert len(outcome.found) == 16


def test_a_page_that_stops_before_its_end_is_said_to(find):
    cut_short = find(tile("a"), scroll={"end_selector": ".end", "growth_wait_s": 0.1})
    whole = find(tile("a") + "<p class=end>", scroll={"end_selector": ".end"})

    assert cut_short.found == whole.found
    assert (cut_short.reason, whole.reason) == (
        "the page stopped growing before its end showed",
        "",
    )


def test_a_button_that_shows_more_is_pressed_until_it_brings_nothing(find):
    script = (
        "let n = 0; function more() { if (n++ < 3) document.body.insertAdjacentHTML('beforeend',"
        f" {json.dumps(tile('NUMBER'))}.replaceAll('NUMBER', n)) }}"
    )

    outcome = find(
        f"<body>{tile('a')}<button id=more onclick=more()>More</button>"
        f"<script>{in_script(script)}</script>"
    )

    assert [image.title for image in outcome.found] == ["a", "1", "2", "3"]


def test_pages_are_asked_for_until_one_brings_nothing_new(browser, pages):
    pages.html |= {"/p1": tile("a") + tile("b"), "/p2": tile("c"), "/p3": tile("a")}
    provider = ProviderOptions.model_validate(
        SCRIPTED
        | {"url_template": "http://pages.test/p{page}?{query}", "interval_s": 0.0}
        | {"paging": {"browser_pages": 9}, "scroll": {"max_scrolls": 0}}
    )

    outcome = browser.find(provider, "q", 100)

    assert [image.title for image in outcome.found] == ["a", "b", "c"]
    assert not any(path.startswith("/p4") for path in pages.requests)


def test_a_consent_page_is_passed_even_when_it_leads_elsewhere(find, pages):
    pages.html["/home"] = "<h1>home"
    agree = "document.cookie = 'yes=1; path=/'; location.href = '/home'"
    button = f'<button id="accept" onclick="{agree}">OK</button>'
    script = (
        f"document.body.innerHTML = document.cookie.includes('yes=1')"
        f" ? {json.dumps(tile('behind'))} : {json.dumps(button)}"
    )

    outcome = find(f"<body><script>{in_script(script)}</script>")

    assert [image.title for image in outcome.found] == ["behind"]


@pytest.mark.parametrize(
    ("html", "status"),
    [
        ("<h1>There are no results for you</h1>", "no_results"),
        ("<h1>Please solve this CAPTCHA</h1>", "blocked"),
        ("<a class=renamed>x</a>", "layout_changed"),
        ("<a class=iusc m='{broken'>x</a>", "layout_changed"),
        (None, "timeout"),
    ],
)
def test_outcomes_are_told_apart(find, html, status):
    begin = time.monotonic()

    assert find(html).status == status
    assert time.monotonic() - begin < 8


@pytest.mark.parametrize("host", ["127.0.0.1:9", "127.0.0.1:1024", "nowhere.invalid"])
def test_a_page_that_cannot_be_opened_fails_with_the_browser_s_own_words(browser, host):
    provider = ProviderOptions.model_validate(
        SCRIPTED | {"url_template": f"http://{host}/{{query}}"}
    )

    outcome = browser.find(provider, "q", 10)

    assert outcome.status == "failed"
    assert outcome.reason.startswith("the browser says: ")  # its words vary: ERR_…, unknown error


def test_the_search_says_which_browser_it_used(gallery):
    options = SearchOptions.model_validate({"providers": [GALLERY], "browser_start_s": 60.0})
    queries = pd.DataFrame({"query": ["street"]})

    found = search_images(
        queries, options, bearer_token=None, host_addresses=gallery.host_addresses
    )

    if "plain HTTP" in set(found.log["how"]):
        pytest.skip("no Chromium with chromedriver can be started here")
    assert found.log["how"].str.match(r"selenium \d.*, Chromium \d+").all()
    assert len(found.candidates) == 100
