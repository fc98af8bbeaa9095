"""Search pages in headless Chromium by Selenium."""

import logging
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

import selenium
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options as ChromeOptions
from selenium.webdriver.chrome.service import Service

from cosmop.collecting.candidates import FoundImage, Outcome
from cosmop.collecting.providers import (
    ProviderOptions,
    judge_page,
    read_results,
    unique_images,
)

logger = logging.getLogger(__name__)

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_POLL_S = 0.05
_COUNT = "return document.querySelectorAll(arguments[0]).length"
_HAS = "return arguments[0] !== '' && document.querySelector(arguments[0]) !== null"
_CLICK = (
    "const button = arguments[0] ? document.querySelector(arguments[0]) : null;"
    "if (button && button.offsetParent !== null) button.click()"
)
# Some failures to load raise an exception, others only show Chromium's own error page.
_ERROR = (
    "return location.protocol !== 'chrome-error:' ? null"
    " : document.querySelector('.error-code')?.textContent ?? ''"
)
# Back and forth: a page that watches whether its end comes into view must see it come.
_TO_THE_END = (
    "const page = document.documentElement;"
    "window.scrollTo(0, page.scrollHeight - 3 * window.innerHeight);"
    "requestAnimationFrame(() => requestAnimationFrame("
    "() => window.scrollTo(0, page.scrollHeight)))"
)
_READ = (
    "return Array.from(document.querySelectorAll(arguments[0]), e => e.getAttribute(arguments[1]))"
)


class BrowserSearch:
    """Reads a provider's result pages with a browser of its own; made by `start_browser`."""

    def __init__(self, driver: Any, profile: "tempfile.TemporaryDirectory[str]") -> None:
        self._driver = driver
        self._profile = profile
        version = str(driver.capabilities.get("browserVersion", "?")).partition(".")[0]
        self.how = f"selenium {selenium.__version__}, Chromium {version}"

    def find(self, provider: ProviderOptions, query: str, limit: int) -> Outcome:
        """Return at most `limit` images, scrolling each page until it stops growing."""
        found: list[FoundImage] = []
        last = Outcome("no_results")
        for number in range(provider.paging.browser_pages if provider.has_pages else 1):
            if number:
                time.sleep(provider.interval_s)
            last = self._find_on_page(provider, provider.url(query, number), limit - len(found))
            before = len(unique_images(found, limit))
            found += last.found
            if len(unique_images(found, limit)) in (before, limit):
                break
        if not found:
            return last
        return Outcome("ok", unique_images(found, limit), reason=last.reason)

    def _find_on_page(self, provider: ProviderOptions, url: str, limit: int) -> Outcome:
        try:
            self._open(provider, url)
            why_not_more = self._scroll(provider, limit)
            payloads = self._driver.execute_script(
                _READ, provider.result_selector, provider.result_attribute
            )
            page_url = str(self._driver.current_url)
            found = read_results(provider, payloads, page_url)
            html = "" if found else self._driver.page_source
        except TimeoutException:
            return Outcome("timeout", reason=f"the page took longer than {provider.timeout_s:g} s")
        except WebDriverException as error:
            reason = (error.msg or type(error).__name__).splitlines()[0]
            return Outcome("failed", reason=f"the browser says: {reason}")
        outcome = judge_page(provider, html, page_url, found)
        return replace(outcome, reason=outcome.reason or why_not_more)

    def _open(self, provider: ProviderOptions, url: str) -> None:
        """Load `url`, press the consent button if it is in the way, and wait for the results.

        Returns quietly when nothing is ready in time: `judge_page` then says why.
        """
        self._driver.set_page_load_timeout(provider.timeout_s)
        self._driver.get(url)
        failure = self._driver.execute_script(_ERROR)
        if failure is not None:
            raise WebDriverException(f"error page {failure}".strip())
        self._wait(provider.timeout_s, lambda: self._is_ready(provider) or self._asks(provider))
        if self._asks(provider) and not self._is_ready(provider):
            logger.info("%s shows a consent page; its button is pressed", provider.name)
            self._driver.execute_script(_CLICK, provider.consent_selector)
            self._wait(provider.timeout_s, lambda: not self._asks(provider))
            if not self._is_ready(provider):
                self._driver.get(url)
            self._wait(provider.timeout_s, lambda: self._is_ready(provider))

    def _is_ready(self, provider: ProviderOptions) -> bool:
        return bool(self._driver.execute_script(_HAS, provider.ready_selector)) or self._says(
            provider.no_results_markers + provider.blocked_markers
        )

    def _says(self, markers: tuple[str, ...]) -> bool:
        if not markers:
            return False
        html = str(self._driver.page_source).casefold()
        return any(marker.casefold() in html for marker in markers)

    def _asks(self, provider: ProviderOptions) -> bool:
        return bool(self._driver.execute_script(_HAS, provider.consent_selector))

    def _scroll(self, provider: ProviderOptions, limit: int) -> str:
        """Scroll until `limit` is reached, the end shows, or nothing more comes.

        Returns why there may be more than was seen; empty where that cannot be known.
        """
        scroll, in_vain = provider.scroll, 0
        count = self._count(provider)
        if not count and self._says(provider.no_results_markers + provider.blocked_markers):
            return ""
        for _ in range(scroll.max_scrolls):
            if count >= limit or self._driver.execute_script(_HAS, scroll.end_selector):
                return ""
            self._driver.execute_script(_TO_THE_END)
            self._driver.execute_script(_CLICK, scroll.more_selector)
            seen = count
            self._wait(scroll.growth_wait_s, lambda: self._has_moved_on(provider, seen))  # noqa: B023 - used at once
            count = self._count(provider)
            in_vain = 0 if count > seen else in_vain + 1
            if in_vain == scroll.patience:
                break
        is_sure = not scroll.end_selector or count >= limit
        return "" if is_sure else "the page stopped growing before its end showed"

    def _count(self, provider: ProviderOptions) -> int:
        return int(self._driver.execute_script(_COUNT, provider.result_selector))

    def _has_moved_on(self, provider: ProviderOptions, seen: int) -> bool:
        end = provider.scroll.end_selector
        return self._count(provider) > seen or bool(self._driver.execute_script(_HAS, end))

    @staticmethod
    def _wait(seconds: float, is_done: Callable[[], bool]) -> None:
        """Wait until `is_done` or until `seconds` are over, whichever comes first."""
        end = time.monotonic() + seconds
        while not is_done() and time.monotonic() < end:
            time.sleep(_POLL_S)

    def close(self) -> None:
        """End the browser and remove its profile."""
        with suppress(WebDriverException, OSError):
            self._driver.quit()
        self._profile.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start_browser(
    host_addresses: Mapping[str, str], *, deadline_s: float = 5.0
) -> BrowserSearch | None:
    """Start headless Chromium, or return None within `deadline_s` and log why.

    Takes the Chromium and chromedriver on PATH; nothing is downloaded. A browser that is late is
    closed as soon as it comes.

    Args:
        host_addresses: Host name to ``"IP:PORT"`` that the browser shall use for it.
        deadline_s: After how many seconds it is decided that there is no browser.
    """
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        missing = "Chromium" if browser is None else "chromedriver"
        logger.info("Search pages are read by plain HTTP, because %s is not on PATH", missing)
        return None
    future: Future[BrowserSearch] = Future()
    arguments = (future, browser, driver, dict(host_addresses))
    threading.Thread(target=_start_into, args=arguments, daemon=True, name="start-browser").start()
    try:
        search = future.result(timeout=deadline_s)
    except FutureTimeoutError:
        future.add_done_callback(_close_late)
        reason = f"Chromium did not start within {deadline_s:g} s"
    except (WebDriverException, OSError) as error:
        reason = f"Chromium did not start ({str(error).strip().splitlines()[0]})"
    else:
        logger.info("Search pages are read by %s", search.how)
        return search
    logger.info("Search pages are read by plain HTTP, because %s", reason)
    return None


def _start_into(
    future: "Future[BrowserSearch]", browser: str, driver: str, host_addresses: Mapping[str, str]
) -> None:
    profile = tempfile.TemporaryDirectory(prefix="cosmop-browser-", ignore_cleanup_errors=True)
    try:
        service = Service(
            executable_path=driver,
            log_output=subprocess.DEVNULL,
            env={**os.environ, "SE_OFFLINE": "true", "SE_AVOID_STATS": "true"},
        )
        options = browser_options(browser, profile.name, host_addresses)
        future.set_result(BrowserSearch(Chrome(options=options, service=service), profile))
    except BaseException as error:  # noqa: BLE001 - raised again where the future is asked
        profile.cleanup()
        future.set_exception(error)


def _close_late(future: "Future[BrowserSearch]") -> None:
    if future.exception() is None:
        future.result().close()


def browser_options(browser: str, profile: str, host_addresses: Mapping[str, str]) -> ChromeOptions:
    """Return Chromium's options: headless, its own profile, no images, no calls home."""
    options = ChromeOptions()
    options.binary_location = browser
    options.page_load_strategy = "eager"
    arguments = [
        "--headless=new",
        f"--user-data-dir={profile}",
        "--window-size=1400,2000",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
        "--blink-settings=imagesEnabled=false",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium has no sandbox for root, as in containers
    if host_addresses:
        rules = ", ".join(f"MAP {host} {address}" for host, address in host_addresses.items())
        arguments += [f"--host-resolver-rules={rules}", "--no-proxy-server"]
    for argument in arguments:
        options.add_argument(argument)
    return options
