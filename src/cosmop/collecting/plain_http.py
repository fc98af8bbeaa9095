"""Search pages without a browser: the same providers, read by the standard library's parser."""

import logging
import time
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlencode, urljoin

from requests.cookies import RequestsCookieJar

from cosmop.collecting.candidates import FoundImage, Outcome
from cosmop.collecting.fetching import FetchError, FetchLimits, Page, fetch
from cosmop.collecting.guard import guarded_pool
from cosmop.collecting.providers import (
    ProviderOptions,
    judge_page,
    read_results,
    unique_images,
)
from cosmop.collecting.selectors import PageFacts, read_page

logger = logging.getLogger(__name__)

_LONGEST_PAGE_BYTES = 20_000_000
_REFUSALS = {401, 403, 429}


class PlainSearch:
    """Asks a provider's result pages over guarded HTTP; keeps cookies while it lives.

    Sees only what is in the HTML: results that scripts load later come from the next pages.
    """

    how = "plain HTTP"

    def __init__(self, host_addresses: Mapping[str, str], user_agent: str) -> None:
        self._pool = guarded_pool(host_addresses)
        self._cookies = RequestsCookieJar()
        self._user_agent = user_agent

    def find(self, provider: ProviderOptions, query: str, limit: int) -> Outcome:
        """Return at most `limit` images, page by page until one brings nothing new."""
        found: list[FoundImage] = []
        last = Outcome("no_results")
        for number in range(provider.paging.plain_pages if provider.has_pages else 1):
            if number:
                time.sleep(provider.interval_s)
            last = self._find_on_page(provider, provider.url(query, number))
            before = len(unique_images(found, limit))
            found += last.found
            if len(unique_images(found, limit)) in (before, limit):
                break
        if not found:
            return last
        return Outcome("ok", unique_images(found, limit), reason=_why_not_more(last))

    def _find_on_page(self, provider: ProviderOptions, url: str) -> Outcome:
        try:
            page, facts = self._open(provider, url)
        except FetchError as error:
            if error.status in _REFUSALS:
                return Outcome("blocked", reason=str(error))
            is_late = "took longer" in str(error) or "in time" in str(error)
            return Outcome("timeout" if is_late else "failed", reason=str(error))
        elements = facts.matches[provider.result_selector]
        payloads = [element.get(provider.result_attribute) for element in elements]
        found = read_results(provider, list(payloads), page.url)
        return judge_page(provider, page.text, page.url, found)

    def _open(self, provider: ProviderOptions, url: str) -> tuple[Page, PageFacts]:
        """Fetch a result page; where a consent page is in the way, press its button first."""
        selectors = [provider.result_selector]
        selectors += [provider.consent_selector] if provider.consent_selector else []
        page = self._fetch(provider, url)
        facts = read_page(page.text, selectors)
        consent = facts.forms.get(provider.consent_selector)
        if consent is None or facts.matches[provider.result_selector]:
            return page, facts
        logger.info("%s shows a consent page; its button is pressed", provider.name)
        target = urljoin(page.url, consent.action)
        if consent.method == "post":
            self._fetch(provider, target, consent.fields)
        else:
            self._fetch(provider, f"{target}?{urlencode(consent.fields)}")
        page = self._fetch(provider, url)
        return page, read_page(page.text, selectors)

    def _fetch(
        self, provider: ProviderOptions, url: str, form: Mapping[str, str] | None = None
    ) -> Page:
        limits = FetchLimits(
            timeout_s=provider.timeout_s,
            total_deadline_s=provider.timeout_s,
            max_bytes=_LONGEST_PAGE_BYTES,
            user_agent=self._user_agent,
        )
        return fetch(self._pool, url, limits, form=form, cookies=self._cookies)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _why_not_more(last: Outcome) -> str:
    return last.reason if last.status in ("blocked", "timeout", "failed") else ""
