"""What only a browser can say: that the page fits a phone, and that its script runs."""

import json
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from cosmop.reports.study import StudyFacts, render_report

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (_CHROMIUM and _DRIVER), reason="needs chromium and chromedriver"),
]


@pytest.fixture(scope="module")
def browser(study_facts: StudyFacts, tmp_path_factory: pytest.TempPathFactory):
    options = webdriver.ChromeOptions()
    options.binary_location = _CHROMIUM
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_report(study_facts), encoding="utf-8")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
    driver.get(path.as_uri())
    yield driver
    driver.quit()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_width_scrolls_sideways_even_with_everything_open(browser, width):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_all_pictures_decode_and_the_script_is_silent(browser):
    broken = browser.execute_script(
        "return [...document.querySelectorAll('main img, header img')]"
        ".filter(i => i.complete && i.naturalWidth === 0).length"
    )

    assert broken == 0
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_slider_begins_at_the_best_grid(browser):
    caption = browser.execute_script(
        "return document.querySelector('.slider figcaption').textContent"
    )

    assert caption == "30 kimg · best"


def test_a_click_enlarges_a_picture(browser):
    browser.execute_script("document.querySelector('main img.zoom').click()")

    shown = (
        "const d = document.querySelector('.lightbox'); return [d.open, d.querySelector('img').src]"
    )
    is_open, source = browser.execute_script(shown)
    browser.execute_script("document.querySelector('.lightbox').close()")
    assert is_open
    assert source.startswith("data:image/jpeg")


def test_nothing_is_asked_of_the_network(browser):
    browser.get(browser.current_url)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]

    assert asked
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}


_SHOWN = (
    "return [...document.querySelectorAll('#galleries details[open] [data-score]')]"
    ".filter(t => t.checkVisibility())"
    ".map(t => [Number(t.dataset.score), t.dataset.shows, "
    "t.closest('.gallery').querySelector('h4').firstChild.textContent.trim()])"
)


def test_filters_leave_the_pictures_that_were_asked_for(browser):
    browser.get(browser.current_url)
    form = browser.find_element(By.CSS_SELECTOR, "#galleries details[open] .filters")
    everything = browser.execute_script(_SHOWN)
    assert len(everything) > 20

    form.find_element(By.CSS_SELECTOR, "[name=cell][value='0']").send_keys(Keys.SPACE)
    assert browser.execute_script(_SHOWN) == [
        one for one in everything if one[2] != "False positives"
    ]

    form.find_element(By.NAME, "shows").send_keys("with bags")
    form.find_element(By.NAME, "low").send_keys("0.4")
    expected = [
        one
        for one in everything
        if one[2] != "False positives" and one[1] == "with_bags" and one[0] >= 0.4
    ]
    assert 0 < len(expected) < len(everything)
    assert browser.execute_script(_SHOWN) == expected
    told = form.find_element(By.TAG_NAME, "output").text
    assert told == f"{len(expected)} of {len(everything)} pictures"

    form.find_element(By.CSS_SELECTOR, "[type=reset]").send_keys(Keys.ENTER)
    browser.execute_async_script("setTimeout(arguments[0], 50)")
    assert browser.execute_script(_SHOWN) == everything


def test_the_keyboard_reaches_everything_that_can_be_used_and_shows_where_it_is(browser):
    browser.get(browser.current_url)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    unreached = browser.execute_script(
        "return [...document.querySelectorAll('a, button, summary, input, select, .zoom, .scroll')]"
        ".filter(e => e.checkVisibility() && e.tabIndex < 0).map(e => e.outerHTML.slice(0, 80))"
    )
    assert unreached == []

    picture = browser.find_element(By.CSS_SELECTOR, "main img.zoom")
    picture.send_keys(Keys.ENTER)
    assert browser.execute_script("return document.querySelector('.lightbox').open")
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not browser.execute_script("return document.querySelector('.lightbox').open")
    assert browser.switch_to.active_element == picture
    browser.switch_to.active_element.send_keys(Keys.TAB)
    outline = browser.switch_to.active_element.value_of_css_property("outline-style")
    assert outline == "solid"


_NAMELESS = """
const named = e => (e.alt || e.getAttribute('aria-label') || e.labels?.[0]?.textContent
    || e.textContent || e.title || '').trim();
return [...document.querySelectorAll('main img, header img, button, a, input, select, svg')]
    .filter(e => e.checkVisibility() && !named(e)
        && !e.closest('[aria-hidden=true], [role=img][aria-label]'))
    .map(e => e.outerHTML.slice(0, 120));
"""


def test_every_picture_and_control_has_a_name(browser):
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert browser.execute_script(_NAMELESS) == []


_CONTRASTS = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = text => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const over = (top, below) => {
  const a = top[3] / 255;
  return [0, 1, 2].map(i => top[i] * a + below[i] * (1 - a)).concat(255);
};
const light = c => {
  const [r, g, b] = c.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = e => {
  const layers = [];
  for (let at = e; at; at = at.parentElement)
    layers.push(rgba(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 255]);
};
const poor = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !e.checkVisibility() || e.closest('script, style'))
    continue;
  const style = getComputedStyle(e);
  const below = ground(e);
  const ink = over(rgba(e.closest('svg') ? style.fill : style.color), below);
  const [high, low] = [light(ink), light(below)].sort((a, b) => b - a);
  const ratio = (high + 0.05) / (low + 0.05);
  if (ratio < 4.5)
    poor.push([ratio.toFixed(2), e.outerHTML.slice(0, 120)]);
}
return poor;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_what_is_behind_it(browser, scheme):
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert browser.execute_script(_CONTRASTS) == []
