"""Every shipped page provider, as shipped, on pages of ours that are made like its own."""

from dataclasses import asdict

import pytest

from cosmop.collecting.providers.page_scripts import extracting
from tests.browser.fixture_pages import expected, page_providers

pytestmark = pytest.mark.browser

PROVIDERS = page_providers()
MOST = 1000
HOPELESS_S = 1.0  # for pages that never become ready

OUTCOMES = [
    *((name, "no_results", "no_results", "") for name in PROVIDERS),
    *((name, "changed", "layout_changed", "no match of") for name in PROVIDERS),
    *((name, "hanging", "timeout", "longer than 1 s") for name in ("gallery", "google")),
    *((name, "refused", "blocked", "HTTP 429") for name in PROVIDERS),
    ("google", "refused_bare", "blocked", "HTTP 429"),
    ("bing", "blocked", "blocked", "one last step"),
    ("bing", "consent_stuck", "consent", "#bnp_btn_accept"),
    ("google", "blocked", "blocked", "/sorry/"),
    ("google", "consent_stuck", "consent", "consent.google.com"),
    ("google", "thumbnails", "layout_changed", "thumbnails only"),
    ("duckduckgo", "blocked", "blocked", "bots use duckduckgo"),
    ("duckduckgo", "limited", "blocked", "HTTP 202"),
    ("duckduckgo", "thumbnails", "layout_changed", "thumbnails only"),
    ("gallery", "consent_stuck", "consent", "#agree"),
]


def hasty(name, **changes):
    """Return the provider as shipped, but for its waits."""
    scroll = PROVIDERS[name].scroll.model_copy(update={"growth_wait_s": 0.5})
    return PROVIDERS[name].model_copy(update={"interval_s": 0.0, "scroll": scroll} | changes)


@pytest.fixture
def scripts(browser, monkeypatch):
    """All scripts that the browser is told to run."""
    driver = browser._fresh_browser().driver
    told, run = [], driver.execute_script
    monkeypatch.setattr(
        driver, "execute_script", lambda script, *a: told.append(script) or run(script, *a)
    )
    return told


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_extractor_finds_all_rows_by_one_script_per_page(browser, fixture_pages, scripts, name):
    fixture_pages.requests.clear()

    outcome = browser.find(hasty(name), "results", MOST)

    awaited = expected(name)
    found = [asdict(image) for image in outcome.found]
    asked = [path for path in fixture_pages.requests if "q=results&" in path]
    assert (outcome.status, len(found)) == ("ok", awaited["results"])
    assert found[0] == {**found[0], **awaited["first"]}
    assert all(image["page_url"].startswith("http") for image in found)
    assert scripts.count(extracting(PROVIDERS[name])) == len(asked)


@pytest.mark.parametrize("name", [n for n in PROVIDERS if "behind_consent" in expected(n)])
def test_a_consent_page_is_passed(browser, name):
    outcome = browser.find(hasty(name, timeout_s=HOPELESS_S), "consent", MOST)

    assert (outcome.status, len(outcome.found)) == ("ok", expected(name)["behind_consent"])


def test_google_is_not_told_that_we_consent(browser, fixture_pages):
    browser.find(hasty("google", url_template="https://www.google.com/?q={query}"), "consent", 5)

    assert not any("kept=yes" in path for path in fixture_pages.requests)


@pytest.mark.parametrize(("name", "page", "status", "reason"), OUTCOMES)
def test_outcomes_are_told_apart(browser, kept, name, page, status, reason):
    outcome = browser.find(hasty(name, timeout_s=HOPELESS_S), page, MOST)

    assert (outcome.status, outcome.found) == (status, ())
    assert reason.casefold() in outcome.reason.casefold()
    assert bool(outcome.evidence) == (status in ("layout_changed", "timeout"))
    if outcome.evidence:
        page_kept = kept / outcome.evidence
        assert page_kept.stat().st_size > 0
        assert page_kept.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_the_page_that_is_kept_is_the_one_that_was_shown(browser, kept):
    outcome = browser.find(hasty("google", timeout_s=HOPELESS_S), "changed", MOST)

    assert "<title>changed - Google Search</title>" in (kept / outcome.evidence).read_text()


def test_a_limit_ends_the_turning_of_pages(browser, fixture_pages):
    fixture_pages.requests.clear()

    outcome = browser.find(hasty("bing"), "results", 20)

    assert len(outcome.found) == 20
    assert not any("first=36" in path for path in fixture_pages.requests)
