"""One visit to one result page in a browser: open it, scroll it, read it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from selenium.common.exceptions import WebDriverException

from cosmop.collecting.providers.page_scripts import (
    CLICK,
    LOOK,
    TO_THE_END,
    extracting,
    looking,
    recording,
)
from cosmop.collecting.providers.providers import PageProviderOptions
from cosmop.collecting.providers.result_rows import RowsRead, Sighting, read_rows

logger = logging.getLogger(__name__)

_POLL_S = 0.05
_SIGNS_OF_REFUSAL = ("no_results", "blocked")


@dataclass(frozen=True)
class Look:
    """What `LOOK` saw."""

    url: str
    items: int
    images: int
    signs: dict[str, str]
    statuses: tuple[int, ...]
    error: str
    is_ready: bool
    is_end: bool


class PageVisit:
    """Visits `url` with `driver`; every wait ends, and all of them within the provider's `page_s`.

    Raises:
        TimeoutException: Of Selenium, when the page does not answer in time.
        WebDriverException: Of Selenium, for all else that goes wrong.
    """

    def __init__(self, driver: Any, provider: PageProviderOptions, url: str) -> None:
        self._driver = driver
        self._provider = provider
        self._url = url
        self._wanted = looking(provider)
        self._end = time.monotonic() + provider.page_s

    def see(self, limit: int) -> tuple[Sighting, RowsRead, str]:
        """Return what the page looks like, its rows, and why there may be more than those."""
        recorder = self._record()
        try:
            look = self._open()
            why_not_more = self._scroll(limit, look) if look.is_ready else ""
            rows = self._driver.execute_script(extracting(self._provider))
            look = self._look()
        finally:
            self._forget(recorder)
        read = read_rows(self._provider, rows if isinstance(rows, list) else [], look.url)
        return self._sighting(look), read, why_not_more

    def _record(self) -> str:
        if not self._provider.recorded_requests:
            return ""
        source = {"source": recording(self._provider)}
        added = self._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
        return str(added["identifier"])

    def _forget(self, recorder: str) -> None:
        if recorder:
            name = {"identifier": recorder}
            self._driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", name)

    def _open(self) -> Look:
        """Load the page, press the consent button if it is in the way, and wait for the results.

        Returns quietly when nothing is ready in time: what was seen then says why.
        """
        look = self._load()
        if "consent" not in look.signs:
            return look
        logger.info("%s shows a consent page; its button is pressed", self._provider.name)
        self._driver.execute_script(CLICK, self._provider.consent.button)
        look = self._wait(self._provider.timeout_s, lambda seen: "consent" not in seen.signs)
        return look if look.is_ready else self._load()

    def _load(self) -> Look:
        self._driver.get(self._url)
        look = self._wait(self._provider.timeout_s, self._is_settled)
        if look.error and not self._refusal(look):
            raise WebDriverException(f"error page {look.error}")
        return look

    def _is_settled(self, look: Look) -> bool:
        return bool(look.is_ready or look.signs or look.error or self._refusal(look))

    def _refusal(self, look: Look) -> int:
        refusing = self._provider.blocked.statuses
        return next((status for status in look.statuses if status in refusing), 0)

    def _scroll(self, limit: int, look: Look) -> str:
        """Scroll until `limit` is reached, the end shows, or nothing more comes.

        Returns why there may be more than was seen; empty where that cannot be known.
        """
        scroll, in_vain = self._provider.scroll, 0
        for _ in range(scroll.max_scrolls):
            is_over = look.items >= limit or look.is_end or time.monotonic() > self._end
            if is_over or in_vain == scroll.patience or look.signs.keys() & {*_SIGNS_OF_REFUSAL}:
                break
            self._driver.execute_script(TO_THE_END)
            self._driver.execute_script(CLICK, scroll.more_selector)
            before = look
            look = self._wait(scroll.growth_wait_s, lambda seen: self._has_grown(before, seen))  # noqa: B023 - used at once
            in_vain = 0 if look.items > before.items else in_vain + 1
        is_sure = not scroll.end_selector or look.is_end or look.items >= limit or look.signs
        return "" if is_sure else "the page stopped growing before its end showed"

    def _has_grown(self, before: Look, now: Look) -> bool:
        return now.items > before.items or now.is_end or bool(self._refusal(now))

    def _wait(self, seconds: float, is_done: Callable[[Look], bool]) -> Look:
        """Look until `is_done` or until `seconds` are over, and return the last look."""
        end = min(time.monotonic() + seconds, self._end)
        look = self._look()
        while not is_done(look) and time.monotonic() < end:
            time.sleep(_POLL_S)
            look = self._look()
        return look

    def _look(self) -> Look:
        """Look at the page, whose own scripts may have changed what ours are made of."""
        seen = self._driver.execute_script(LOOK, self._wanted)
        try:
            return _look_of(seen)
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise WebDriverException("scripts of the page falsify what is seen of it") from error

    def _sighting(self, look: Look) -> Sighting:
        return Sighting(
            url=look.url,
            is_ready=look.is_ready,
            images=look.images,
            refusal=self._refusal(look),
            signs=look.signs,
        )


def _look_of(seen: Any) -> Look:
    return Look(
        url=str(seen["url"]),
        items=int(seen["items"]),
        images=int(seen["images"]),
        signs=dict(seen["signs"]),
        statuses=tuple(int(status) for status in seen["statuses"]),
        error=str(seen["error"]),
        is_ready=bool(seen["isReady"]),
        is_end=bool(seen["isEnd"]),
    )
