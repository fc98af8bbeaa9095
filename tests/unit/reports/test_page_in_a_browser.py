"""What only a browser can say: that the page fits a phone, and that its script runs."""

import shutil

import pytest
from selenium import webdriver

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
