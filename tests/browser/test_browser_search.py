"""What the browser search makes of real pages in a real Chromium."""

import json
import tempfile
import threading
import time

import psutil
import pytest

from cosmop.collecting.providers import browser as browser_module
from cosmop.collecting.providers.browser import BrowserSearch
from cosmop.collecting.providers.chromium import NoBrowserError
from cosmop.collecting.providers.evidence import Evidence
from cosmop.collecting.providers.plain_http import PlainSearch
from cosmop.collecting.providers.providers import PageProviderOptions
from tests.browser.fixture_pages import page_providers

pytestmark = pytest.mark.browser

GALLERY = page_providers()["gallery"].model_copy(
    update={"url_template": "http://photos.test/search?q={query}&page={page}"}
)
SCRIPTED = {
    "name": "scripted",
    "kind": "page",
    "url_template": "http://pages.test/{query}",
    "ready_selector": "a.iusc",
    "extractor": "return [...document.querySelectorAll('a.iusc[m]')]"
    ".map(a => parse(a.getAttribute('m')))",
    "fields": {"image_url": "murl", "page_url": "purl", "title": "t"},
    "scroll": {
        "item_selector": "a.iusc",
        "growth_wait_s": 0.3,
        "patience": 1,
        "more_selector": "#more",
    },
    "consent": {"selector": "#accept", "button": "#accept"},
    "no_results": {"texts": ["there are no results"]},
    "blocked": {"texts": ["captcha"]},
    "timeout_s": 1.0,
    "interval_s": 0.0,
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
        if "scroll" in changes:
            changes["scroll"] = SCRIPTED["scroll"] | changes["scroll"]
        provider = PageProviderOptions.model_validate(SCRIPTED | changes)
        return browser.find(provider, "q", limit)

    return run


def test_scrolling_behind_the_consent_page_finds_what_paging_finds(browser, gallery, tmp_path):
    addresses = {"photos.test": gallery.address, **gallery.host_addresses}
    with PlainSearch(addresses, "test", Evidence(tmp_path)) as plain:
        expected = plain.find(GALLERY, "street market", 1000)

    outcome = browser.find(GALLERY, "street market", 1000)

    assert (outcome.status, len(outcome.found)) == ("ok", 300)
    assert outcome == expected
    assert outcome.found[0].title.startswith("street market")


def test_a_limit_ends_the_scrolling(browser, gallery):
    assert len(browser.find(GALLERY, "street", 25).found) == 25
    assert browser.find(GALLERY, "volcano", 25).status == "no_results"


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
    provider = PageProviderOptions.model_validate(
        SCRIPTED
        | {"url_template": "http://pages.test/p{page}?{query}"}
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
    provider = PageProviderOptions.model_validate(
        SCRIPTED | {"url_template": f"http://{host}/{{query}}"}
    )

    outcome = browser.find(provider, "q", 10)

    assert outcome.status == "failed"
    assert outcome.reason.startswith("the browser says: ")  # its words vary: ERR_…, unknown error


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("Array.prototype.map = () => 5", "layout_changed"),
        ("Array.prototype.slice = () => ({map: () => ({length: 1})})", "layout_changed"),
        ("Array.from = () => null", "failed"),
        ("window.recordedAnswers = {texts: [], statuses: ['many']}", "failed"),
        ("window.recordedAnswers = {texts: [], statuses: [{}]}", "failed"),
        ("Object.defineProperty(document, 'images', {value: {length: 'lots'}})", "failed"),
        ("document.querySelectorAll = () => 7", "failed"),
    ],
)
def test_a_page_that_changes_what_our_scripts_are_made_of_costs_one_question(find, script, status):
    assert find(f"{tile('a')}<script>{script}</script>").status == status
    assert find(tile("a")).status == "ok"


def test_a_word_in_scripts_and_markup_is_no_sign(find):
    outcome = find("<body data-captcha=captcha><script>'captcha'</script><p hidden>captcha</p>")

    assert outcome.status == "layout_changed"


def test_few_rows_beside_many_images_are_kept_and_said_to_be_odd(find):
    images = "<img>" * 30

    assert find(tile("a") + images, min_rows=2).status == "layout_changed"
    assert len(find(tile("a") + images, min_rows=2).found) == 1
    assert find(tile("a") + "<img>", min_rows=2).status == "ok"


def test_a_page_reaches_only_the_hosts_of_the_providers(find, pages):
    """Not by frames, scripts, requests or redirects; the loopback server would note each."""
    pages.requests.clear()
    host = f"http://{pages.address}"

    outcome = find(
        f"<body>{tile('a')}<iframe src={host}/frame></iframe><script src={host}/script></script>"
        f"<script>fetch('{host}/fetch', {{mode: 'no-cors'}}); new WebSocket('ws://{pages.address}/ws');"
        f"navigator.sendBeacon('{host}/beacon')</script><link rel=stylesheet href={host}/style>"
        f"<object data=http://localhost:{pages.address.partition(':')[2]}/object></object>"
    )
    away = find(f"<script>location.href = '{host}/away'</script>")

    assert outcome.status == "ok"
    assert away.status == "failed"
    assert {path.partition("?")[0] for path in pages.requests} <= {"/q", "/favicon.ico"}


def test_dialogs_do_not_stop_a_search(find):
    outcome = find(f"{tile('a')}<script>alert(1); confirm(2); print()</script>")

    assert len(outcome.found) == 1


def test_a_page_of_a_hundred_thousand_results_is_read_up_to_the_limit(find):
    script = f"document.body.innerHTML = {json.dumps(tile('N'))}.repeat(100000)"
    script += ".replaceAll('/N&', () => `/${++window.n}&`)"

    outcome = find(
        f"<body><script>window.n = 0; {in_script(script)}</script>", timeout_s=60.0, limit=2000
    )

    assert outcome.found[-1].location == "http://e.org/2000&x"
    assert len(outcome.found) == 2000


def test_a_page_that_opens_itself_in_ever_more_windows_opens_none(browser, find, pages):
    pages.requests.clear()

    assert (
        len(find(f"{tile('a')}<script>for (;;) if (!window.open('/q')) break</script>").found) == 1
    )
    assert len(browser._chromium.driver.window_handles) == 1
    assert len(pages.requests) <= 2


def browsers_alive(profiles):
    """Return the browser processes whose profile is in the folder `profiles`."""
    alive = []
    for process in psutil.process_iter(["cmdline", "status"]):
        is_ours = any(str(profiles) in part for part in process.info["cmdline"] or [])
        if is_ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            alive.append(process)
    return alive


@pytest.fixture
def own_browser(start, tmp_path, monkeypatch):
    """A browser to be killed; nothing of it, processes or profile, may be left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with BrowserSearch(start, Evidence(tmp_path / "pages")) as search:
        yield search
    psutil.wait_procs(browsers_alive(tmp_path), timeout=5)
    assert browsers_alive(tmp_path) == []
    assert list(tmp_path.glob("cosmop-browser-*")) == []


def test_a_browser_that_is_killed_in_the_middle_is_replaced_and_asked_again(
    own_browser, pages, tmp_path
):
    pages.html["/slow"] = "<h1>still loading"
    provider = PageProviderOptions.model_validate(SCRIPTED | {"timeout_s": 4.0})

    def kill():
        for victim in browsers_alive(tmp_path):
            victim.kill()
        pages.html["/slow"] = tile("a")

    threading.Timer(1.0, kill).start()

    assert [image.title for image in own_browser.find(provider, "slow", 5).found] == ["a"]


def test_a_browser_that_always_crashes_is_one_failed_query_and_the_next_is_answered(
    own_browser, pages
):
    pages.html |= {"/crash": "<h1>waiting", "/fine": tile("a")}
    provider = PageProviderOptions.model_validate(SCRIPTED | {"timeout_s": 30.0})
    is_over = threading.Event()

    def kill_all():
        while not is_over.wait(0.3):
            if own_browser._chromium is not None and own_browser._chromium.pages:
                own_browser._chromium.driver.service.process.kill()

    killer = threading.Thread(target=kill_all)
    killer.start()
    outcome = own_browser.find(provider, "crash", 5)
    is_over.set()
    killer.join()

    assert (outcome.status, outcome.reason) == ("failed", "the browser crashed twice on this page")
    assert own_browser.find(provider, "fine", 5).status == "ok"


@pytest.mark.parametrize("loop", ["for (;;);", "setTimeout(() => { for (;;); }, 200)"])
def test_a_script_that_never_ends_is_a_timeout_and_leaves_no_process(
    own_browser, pages, tmp_path, loop
):
    pages.html |= {"/hung": f"{tile('a')}<script>{loop}</script>", "/fine": tile("a")}
    provider = PageProviderOptions.model_validate(SCRIPTED)

    assert own_browser.find(provider, "hung", 5).status == "timeout"
    assert browsers_alive(tmp_path) == []
    assert own_browser.find(provider, "fine", 5).status == "ok"


def test_a_browser_is_renewed_after_so_many_pages(own_browser, pages, monkeypatch):
    monkeypatch.setattr(browser_module, "PAGES_PER_BROWSER", 2)
    pages.html["/q"] = tile("a")
    provider = PageProviderOptions.model_validate(SCRIPTED)
    used = []
    for _ in range(3):
        assert own_browser.find(provider, "q", 1).status == "ok"
        used.append(own_browser._chromium)

    assert used[0] is used[1]
    assert used[1] is not used[2]


def test_no_browser_in_mid_study_fails_the_query_and_says_why(start, tmp_path):
    starts = []

    def once():
        if starts:
            raise NoBrowserError("There is no browser any more.")
        starts.append(start())
        return starts[0]

    with BrowserSearch(once, Evidence(tmp_path)) as search:
        search._chromium.driver.service.process.kill()
        outcome = search.find(PageProviderOptions.model_validate(SCRIPTED), "q", 1)

    assert (outcome.status, outcome.reason) == ("failed", "There is no browser any more.")
