"""Search pages without a browser: the same providers, read by the standard library's parser."""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self
from urllib.parse import urlencode, urljoin

from cosmop.collecting.candidates import Outcome
from cosmop.collecting.providers.evidence import Evidence
from cosmop.collecting.providers.page_turning import Pace, turn_pages
from cosmop.collecting.providers.providers import PageProviderOptions, PlainOptions, SignOptions
from cosmop.collecting.providers.result_rows import Sighting, judge_page, read_rows
from cosmop.collecting.providers.selectors import Form, PageFacts, read_page
from cosmop.collecting.web.blocking_client import BlockingClient, Page
from cosmop.collecting.web.fetch_errors import FetchError, FetchLimits

logger = logging.getLogger(__name__)

_LONGEST_PAGE_BYTES = 20_000_000
_LATE = {"timeout", "too_slow"}


class PlainSearch:
    """Asks the result pages of providers with a ``plain`` part; keeps cookies while it lives.

    Sees only what is in the HTML: results that scripts load later come from the next pages.

    Args:
        host_addresses: Host name to ``"IP:PORT"`` for hosts that are not where DNS says.
        user_agent: Says who asks, with a contact.
        evidence: Keeps pages whose layout has changed.
        why_no_browser: A sentence for providers that cannot do without one.
    """

    how = "plain HTTP"

    def __init__(
        self,
        host_addresses: Mapping[str, str],
        user_agent: str,
        evidence: Evidence,
        why_no_browser: str = "",
    ) -> None:
        self._client = BlockingClient(user_agent=user_agent, host_addresses=host_addresses)
        self._evidence = evidence
        self._why_no_browser = why_no_browser
        self._pace = Pace()

    def find(self, provider: PageProviderOptions, query: str, limit: int) -> Outcome:
        """Return at most `limit` images, page by page until one brings nothing new."""
        plain = provider.plain
        if plain is None:
            needs = f"{provider.name} needs a browser, for only its scripts show results"
            return Outcome("failed", reason=f"{needs}. {self._why_no_browser}".strip())
        pages = provider.paging.plain_pages if provider.has_pages else 1

        def ask(number: int, _: int) -> Outcome:
            return self._find_on_page(provider, plain, query, number)

        return turn_pages(ask, pages=pages, limit=limit)

    def _find_on_page(
        self, provider: PageProviderOptions, plain: PlainOptions, query: str, number: int
    ) -> Outcome:
        self._pace.wait(provider)
        try:
            page, facts = self._open(provider, plain, provider.url(query, number))
        except FetchError as error:
            return _failed(provider, error)
        elements = facts.matches[plain.result_selector]
        rows = [_parsed(element.get(plain.result_attribute, "")) for element in elements]
        sight = _sighting(provider, page, facts, is_ready=bool(elements))
        outcome = judge_page(provider, sight, read_rows(provider, rows, page.url), number=number)
        if outcome.status != "layout_changed":
            return outcome
        return replace(outcome, evidence=self._evidence.keep(provider.name, query, page.text))

    def _open(
        self, provider: PageProviderOptions, plain: PlainOptions, url: str
    ) -> tuple[Page, PageFacts]:
        """Fetch a result page; where a consent page is in the way, press its button first."""
        page = self._fetch(provider, url)
        facts = _read(provider, plain, page)
        consent = facts.forms.get(provider.consent.button)
        if consent is None or facts.matches[plain.result_selector]:
            return page, facts
        logger.info("%s shows a consent page; its button is pressed", provider.name)
        self._send(provider, consent, page.url)
        page = self._fetch(provider, url)
        return page, _read(provider, plain, page)

    def _send(self, provider: PageProviderOptions, form: Form, page_url: str) -> None:
        fields = {_encodable(name): _encodable(value) for name, value in form.fields.items()}
        try:
            target = urljoin(page_url, form.action)
        except ValueError as error:
            raise FetchError("bad_address", "a consent form without a usable address") from error
        if form.method == "post":
            self._fetch(provider, target, fields)
        else:
            self._fetch(provider, f"{target.partition('?')[0]}?{urlencode(fields)}")

    def _fetch(
        self, provider: PageProviderOptions, url: str, form: Mapping[str, str] | None = None
    ) -> Page:
        limits = FetchLimits(
            connect_s=provider.timeout_s,
            headers_s=provider.timeout_s,
            total_s=provider.timeout_s,
            max_bytes=_LONGEST_PAGE_BYTES,
        )
        return self._client.fetch(url, limits, form=form)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _failed(provider: PageProviderOptions, error: FetchError) -> Outcome:
    if error.status in provider.blocked.statuses:
        return Outcome("blocked", reason=str(error))
    return Outcome("timeout" if error.kind in _LATE else "failed", reason=str(error))


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _parsed(text: str) -> Any:
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return None


def _read(provider: PageProviderOptions, plain: PlainOptions, page: Page) -> PageFacts:
    signs = (provider.consent, provider.no_results, provider.blocked)
    selectors = [plain.result_selector, "img", provider.consent.button]
    selectors += [sign.selector for sign in signs]
    return read_page(page.text, [selector for selector in selectors if selector])


def _sighting(
    provider: PageProviderOptions, page: Page, facts: PageFacts, *, is_ready: bool
) -> Sighting:
    signs = {
        "no_results": provider.no_results,
        "consent": provider.consent,
        "blocked": provider.blocked,
    }
    shown = {name: _shown(sign, page.url, facts) for name, sign in signs.items()}
    return Sighting(
        url=page.url,
        is_ready=is_ready,
        images=len(facts.matches["img"]),
        signs={name: what for name, what in shown.items() if what},
    )


def _shown(sign: SignOptions, url: str, facts: PageFacts) -> str:
    """Return by what a page is recognised, worded as the browser's look words it."""
    address = next((part for part in sign.urls if part in url), "")
    words = next((part for part in sign.texts if part.casefold() in facts.text), "")
    if address:
        return f"the address {address}"
    if words:
        return f"the words {words}"
    return f"the element {sign.selector}" if facts.matches.get(sign.selector) else ""
