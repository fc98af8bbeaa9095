import threading
import time

import pytest

from cosmop.collecting.candidates import FoundImage, Outcome
from cosmop.collecting.providers.page_turning import Pace, turn_pages
from cosmop.collecting.providers.providers import providers_from

from .conftest import shipped_providers


def ok(names):
    return Outcome("ok", tuple(FoundImage(name) for name in names))


@pytest.mark.parametrize(
    ("pages", "limit", "found", "asked"),
    [
        ([ok("ab"), ok("bc"), ok("ac"), ok("z")], 9, "abc", 3),
        ([ok("ab"), ok("cd"), ok("ef")], 3, "abc", 2),
        ([ok("ab"), ok("cd")], 9, "abcd", 2),
        ([Outcome("no_results"), ok("a")], 9, "", 1),
        ([ok("a"), Outcome("no_results", reason="the end"), ok("b")], 9, "a", 2),
    ],
)
def test_pages_are_asked_for_until_one_brings_nothing_new(pages, limit, found, asked):
    wanted = []

    def ask(number, left):
        wanted.append(left)
        return pages[number]

    outcome = turn_pages(ask, pages=len(pages), limit=limit)

    assert "".join(image.location for image in outcome.found) == found
    assert len(wanted) == asked
    assert wanted[0] == limit


def test_the_first_page_decides_the_status_and_the_last_says_why_there_is_not_more():
    pages = [ok("a"), Outcome("blocked", reason="HTTP 429", evidence="page.html")]

    outcome = turn_pages(lambda number, _: pages[number], pages=2, limit=9)

    assert (outcome.status, outcome.reason, outcome.evidence) == ("ok", "HTTP 429", "page.html")


@pytest.fixture
def slept(monkeypatch):
    """The seconds for which this thread was to sleep, which it does not."""
    mine, seconds, really = threading.get_ident(), [], time.sleep

    def sleep(duration):
        (seconds.append if threading.get_ident() == mine else really)(duration)

    monkeypatch.setattr("time.sleep", sleep)
    return seconds


def test_a_provider_is_never_asked_faster_than_its_interval_but_others_are(slept):
    gallery, bing = providers_from(shipped_providers(), ["gallery", "bing"])
    slow = gallery.model_copy(update={"interval_s": 600.0})
    pace = Pace()
    for provider in (slow, bing, slow):
        pace.wait(provider)

    assert slept == [0, 0, pytest.approx(600, abs=100)]  # less what the test itself has taken
