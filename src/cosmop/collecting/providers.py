"""Search providers are data: how a result page is asked for, waited for and read.

One provider in YAML, the demo's own gallery::

    name: gallery
    url_template: http://gallery.test/search?q={query}&page={page}
    paging: {browser_pages: 1, plain_pages: 50}
    consent_selector: "#agree"
    ready_selector: "#results"
    result_selector: a.result
    result_attribute: data-meta
    fields: {image_url: image_url, page_url: page_url, title: title, licence: licence}
    scroll: {max_scrolls: 60, end_selector: .end}
    no_results_markers: ['class="no-results"']
    interval_s: 0.0

And one of the web, Bing Images, whose results carry their facts as JSON in the attribute ``m``::

    name: bing
    url_template: https://www.bing.com/images/async?q={query}&first={offset}&count=35
    paging: {first_offset: 1, results_per_page: 35, browser_pages: 30, plain_pages: 30}
    consent_selector: "#bnp_btn_accept"
    ready_selector: a.iusc
    result_selector: a.iusc[m]
    result_attribute: m
    fields: {image_url: murl, page_url: purl, title: t}
    scroll: {max_scrolls: 0}
    blocked_markers: [captcha, unusual traffic]
    no_results_markers: [there are no results for]
    max_results: 1000
"""

import json
from typing import Annotated, Any
from urllib.parse import quote_plus, urljoin, urlsplit

from pydantic import Field, field_validator

from cosmop.collecting.candidates import FoundImage, Outcome
from cosmop.collecting.selectors import parse_selector
from cosmop.config import Options, Strings

_FIELDS = {"image_url", "page_url", "title", "author", "licence"}


class PagingOptions(Options):
    """How page after page is asked for."""

    first_page: int = Field(default=1, ge=0, description="What {page} is on the first page.")
    first_offset: int = Field(default=0, ge=0, description="What {offset} is on the first page.")
    results_per_page: int = Field(default=20, ge=1, description="How far {offset} goes per page.")
    browser_pages: int = Field(
        default=1, ge=1, description="Pages at most, when a browser scrolls."
    )
    plain_pages: int = Field(default=20, ge=1, description="Pages at most, by plain HTTP.")


class ScrollOptions(Options):
    """How a browser makes a page show all it has."""

    max_scrolls: int = Field(default=60, ge=0, description="Scrolls to the end, at most.")
    growth_wait_s: float = Field(default=1.5, gt=0, description="Wait for new results per scroll.")
    patience: int = Field(default=2, ge=1, description="Stop after this many scrolls in vain.")
    more_selector: str = Field(default="", description="A button that shows more, if there is one.")
    end_selector: str = Field(default="", description="What appears when all is shown.")


class ProviderOptions(Options):
    """One image-search site as data; see the module for two examples."""

    name: str = Field(min_length=1, description="Becomes the source of its candidates.")
    url_template: str = Field(description="Has {query}, and {page} or {offset} when it has pages.")
    paging: PagingOptions = PagingOptions()
    consent_selector: str = Field(default="", description="Button that accepts a consent page.")
    ready_selector: str = Field(description="Present once the page shows results or their absence.")
    result_selector: str = Field(description="One match per result.")
    result_attribute: str = Field(description="Attribute of a match that holds JSON.")
    fields: dict[str, str] = Field(description="Our names to the JSON's: image_url, page_url, …")
    scroll: ScrollOptions = ScrollOptions()
    max_results: int = Field(default=1000, ge=1, description="What the site gives at most.")
    rejected_hosts: Strings = Field(default=(), description="Prefixes of image hosts to leave out.")
    blocked_markers: Strings = Field(default=(), description="Text of a page that refuses robots.")
    no_results_markers: Strings = Field(default=(), description="Text of a page without results.")
    timeout_s: float = Field(default=20.0, gt=0, description="Wait for a page, in seconds.")
    interval_s: float = Field(default=1.0, ge=0, description="Pause between pages, in seconds.")

    @field_validator("url_template")
    @classmethod
    def _is_an_address_with_a_query(cls, template: str) -> str:
        if not template.startswith(("http://", "https://")) or "{query}" not in template:
            raise ValueError("an http(s) address with {query} in it")
        return template

    @field_validator("consent_selector", "ready_selector", "result_selector")
    @classmethod
    def _is_a_selector(cls, text: str, info: Any) -> str:
        if text or info.field_name != "consent_selector":
            parse_selector(text)
        return text

    @field_validator("fields")
    @classmethod
    def _are_known(cls, fields: dict[str, str]) -> dict[str, str]:
        if "image_url" not in fields or not set(fields) <= _FIELDS:
            raise ValueError(f"a map with image_url in it and names among {sorted(_FIELDS)}")
        return fields

    @property
    def has_pages(self) -> bool:
        """Whether there is more than one page to ask for."""
        return "{page}" in self.url_template or "{offset}" in self.url_template

    def url(self, query: str, page: int) -> str:
        """Return the address of result page number `page`, counted from 0."""
        paging = self.paging
        values = {
            "{query}": quote_plus(query),
            "{page}": str(paging.first_page + page),
            "{offset}": str(paging.first_offset + page * paging.results_per_page),
        }
        text = self.url_template
        for field, value in values.items():
            text = text.replace(field, value)
        return text


Providers = Annotated[tuple[ProviderOptions, ...], Field(strict=False)]


def read_results(
    provider: ProviderOptions, payloads: list[str | None], page_url: str
) -> list[FoundImage]:
    """Return the images that JSON texts from a result page name; what is no image is left out.

    Relative addresses are meant relative to `page_url`. Left out: broken JSON, addresses that are
    not http(s) (``data:`` thumbnails), and hosts that the provider rejects.
    """
    results = (_read_result(provider, payload, page_url) for payload in payloads)
    return [result for result in results if result is not None]


def _read_result(
    provider: ProviderOptions, payload: str | None, page_url: str
) -> FoundImage | None:
    try:
        facts = json.loads(payload or "")
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    found = {name: str(facts.get(key) or "") for name, key in provider.fields.items()}
    try:
        location = urljoin(page_url, found.pop("image_url"))
        parts = urlsplit(location)
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or location == page_url:
        return None
    if any(host.startswith(prefix) for prefix in provider.rejected_hosts):
        return None
    return FoundImage(location=location, **found)


def judge_page(provider: ProviderOptions, html: str, url: str, found: list[FoundImage]) -> Outcome:
    """Return the outcome of a loaded page; images on it outweigh every marker."""
    text = f"{url}\n{html}".casefold()
    if found:
        return Outcome("ok", tuple(found))
    for marker in provider.no_results_markers:
        if marker.casefold() in text:
            return Outcome("no_results", reason="the site says it has no results")
    for marker in provider.blocked_markers:
        if marker.casefold() in text:
            return Outcome("blocked", reason=f"the page says {marker!r}")
    return Outcome(
        "layout_changed",
        reason=f"no match of {provider.result_selector!r} and no word about having no results",
    )


def unique_images(found: list[FoundImage], limit: int) -> tuple[FoundImage, ...]:
    """Return the first `limit` images with different locations, in order."""
    unique: dict[str, FoundImage] = {}
    for image in found:
        unique.setdefault(image.location, image)
    return tuple(unique.values())[:limit]
