"""Search pages in headless Chromium by Selenium."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Self

from selenium.common.exceptions import TimeoutException, WebDriverException

from cosmop.collecting.candidates import Outcome
from cosmop.collecting.providers.chromium import DRIVER_ERRORS, Chromium, NoBrowserError
from cosmop.collecting.providers.evidence import Evidence
from cosmop.collecting.providers.page_scripts import HTML
from cosmop.collecting.providers.page_turning import Pace, turn_pages
from cosmop.collecting.providers.page_visit import PageVisit
from cosmop.collecting.providers.providers import PageProviderOptions
from cosmop.collecting.providers.result_rows import judge_page
from cosmop.errors import first_line

logger = logging.getLogger(__name__)

PAGES_PER_BROWSER = 200
_EVIDENCE_S = 3.0


class _BrowserGoneError(Exception):
    """The browser or its driver does not answer any more."""


class BrowserSearch:
    """Reads providers' result pages with one Chromium for all queries.

    A browser that has read `PAGES_PER_BROWSER` pages, crashed, or met a page that hung is ended,
    and a new one is started for the next page; a page on which it crashed is asked once more.
    `close` may come from another thread, which ends what is being asked.

    What is guarded: Chromium resolves only the hosts of the providers it was started for (see
    `cosmop.collecting.providers.chromium`), shows no images and stores no files. What is not: an
    address that such a host itself resolves to is not checked, and the pages' own scripts run.

    Args:
        start: Starts a browser or raises `NoBrowserError`; the first one is started at once.
        evidence: Keeps pages whose layout has changed or that came too late.
    """

    def __init__(self, start: Callable[[], Chromium], evidence: Evidence) -> None:
        self._start = start
        self._evidence = evidence
        self._pace = Pace()
        self._changing = threading.RLock()  # while a browser starts or ends
        self._is_closed = False
        self._chromium: Chromium | None = start()
        self.how = self._chromium.how

    def find(self, provider: PageProviderOptions, query: str, limit: int) -> Outcome:
        """Return at most `limit` images, scrolling each page until it stops growing."""
        pages = provider.paging.browser_pages if provider.has_pages else 1

        def ask(number: int, wanted: int) -> Outcome:
            try:
                with suppress(_BrowserGoneError):
                    return self._find_on_page(provider, query, number, wanted)
                logger.warning("The browser crashed on %r at %s", query, provider.name)
                return self._find_on_page(provider, query, number, wanted)
            except _BrowserGoneError:
                return Outcome("failed", reason="the browser crashed twice on this page")
            except NoBrowserError as error:
                return Outcome("failed", reason=str(error))

        return turn_pages(ask, pages=pages, limit=limit)

    def _find_on_page(
        self, provider: PageProviderOptions, query: str, number: int, limit: int
    ) -> Outcome:
        self._pace.wait(provider)
        chromium = self._fresh_browser()
        chromium.pages += 1
        try:
            outcome = self._visit(chromium, provider, query, number, limit)
        except DRIVER_ERRORS as error:
            if not chromium.is_alive():
                self._end_browser()
                raise _BrowserGoneError from error
            said = error.msg if isinstance(error, WebDriverException) else None
            reason = (said or first_line(error)).splitlines()[0]
            return Outcome("failed", reason=f"the browser says: {reason}")
        if outcome.status not in ("layout_changed", "timeout"):
            return outcome
        file = self._keep(chromium, provider, query)
        if outcome.status == "timeout":
            self._end_browser()
        return replace(outcome, evidence=file)

    def _visit(
        self, chromium: Chromium, provider: PageProviderOptions, query: str, number: int, limit: int
    ) -> Outcome:
        driver, url = chromium.driver, provider.url(query, number)
        try:
            chromium.be_patient(provider.timeout_s)
            driver.get("about:blank")  # so that what is seen later is of this page
            sight, read, why_not_more = PageVisit(driver, provider, url).see(limit)
        except TimeoutException:
            return Outcome("timeout", reason=f"the page took longer than {provider.timeout_s:g} s")
        outcome = judge_page(provider, sight, read, number=number)
        return replace(outcome, reason=outcome.reason or why_not_more)

    def _keep(self, chromium: Chromium, provider: PageProviderOptions, query: str) -> str:
        """Keep the page as it stands, as far as the browser still gives it; return its file."""
        html, screenshot = "", b""
        with suppress(*DRIVER_ERRORS):
            chromium.be_patient(_EVIDENCE_S)
            html = str(chromium.driver.execute_script(HTML))
            screenshot = chromium.driver.get_screenshot_as_png()
        return self._evidence.keep(provider.name, query, html, screenshot) if html else ""

    def _fresh_browser(self) -> Chromium:
        with self._changing:
            if self._chromium and self._chromium.pages >= PAGES_PER_BROWSER:
                self._end_browser()
            if self._is_closed:
                raise NoBrowserError("The search was ended.")
            self._chromium = self._chromium or self._start()
            return self._chromium

    def _end_browser(self) -> None:
        with self._changing:
            if self._chromium is not None:
                self._chromium.close()
            self._chromium = None

    def close(self) -> None:
        """End the browser and remove its profile."""
        self._is_closed = True
        self._end_browser()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
