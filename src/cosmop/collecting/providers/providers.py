"""Search providers are data: how a result page is asked for, waited for, read and judged.

Each file in ``conf/base/providers`` holds one provider under its name. ``kind: page`` is a page for
people, read by a browser or, where the provider has a ``plain`` part, by plain HTTP too; ``kind:
api`` is asked for JSON, see `cosmop.collecting.providers.api_options`. A page in short::

    my_archive:
      kind: page
      url_template: https://images.example.org/search?q={query}&first={offset}
      paging: {results_per_page: 20, browser_pages: 5}
      hosts: [images.example.org, "*.example-static.org"]
      ready_selector: "a[data-meta]"
      scroll: {item_selector: "a[data-meta]", max_scrolls: 30}
      extractor: |
        return [...document.querySelectorAll("a[data-meta]")].map(a => parse(a.dataset.meta));
      fields: {image_url: url, title: caption, width: w, height: h}
      no_results: {texts: [nothing found]}
      blocked: {texts: [unusual traffic], urls: [/captcha]}
      min_rows: 5
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, Self
from urllib.parse import quote_plus, urlsplit

from pydantic import Field, field_validator, model_validator

from cosmop.collecting.providers.api_options import FIELDS, ApiProviderOptions
from cosmop.collecting.providers.selectors import parse_selector
from cosmop.config import Integers, Options, Strings
from cosmop.errors import InputError


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

    item_selector: str = Field(
        default="img", min_length=1, description="What there is more of when a page has grown."
    )
    max_scrolls: int = Field(default=60, ge=0, description="Scrolls to the end, at most.")
    growth_wait_s: float = Field(default=1.5, gt=0, description="Wait for new results per scroll.")
    patience: int = Field(default=2, ge=1, description="Stop after this many scrolls in vain.")
    more_selector: str = Field(default="", description="A button that shows more, if there is one.")
    end_selector: str = Field(default="", description="What appears when all is shown.")


class SignOptions(Options):
    """By what a kind of page is known; one match is enough."""

    selector: str = Field(default="", description="An element that can be seen on such a page.")
    texts: Strings = Field(default=(), description="Parts of its visible text, in any case.")
    urls: Strings = Field(default=(), description="Parts of its address.")


class ConsentOptions(SignOptions):
    """The page that asks before it shows anything, and the button that lets us pass."""

    button: str = Field(default="", description="Is pressed once; the first match that is seen.")


class BlockedOptions(SignOptions):
    """The page that refuses robots."""

    statuses: Integers = Field(
        default=(401, 403, 429), description="HTTP statuses that refuse, of recorded answers too."
    )


class PlainOptions(Options):
    """Where the rows are for a reader without JavaScript: JSON in an attribute."""

    result_selector: str = Field(description="One match per result: tag#id.class[attribute=value].")
    result_attribute: str = Field(description="Attribute of a match that holds JSON.")


class PageProviderOptions(Options):
    """One image-search site as data; see the module for an example."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="The source of its candidates.")
    kind: Literal["page"] = "page"
    url_template: str = Field(description="Has {query}, and {page} or {offset} when it has pages.")
    paging: PagingOptions = PagingOptions()
    hosts: Strings = Field(
        default=(), description="The only hosts the browser may reach; * stands for any text."
    )
    ready_selector: str = Field(min_length=1, description="Present once the page shows results.")
    scroll: ScrollOptions = ScrollOptions()
    recorded_requests: Strings = Field(
        default=(), description="Parts of addresses that the page's scripts ask; answers are kept."
    )
    extractor: str = Field(
        description="Body of a JavaScript function(answers, parse) that returns rows; answers are "
        "the recorded texts, parse reads JSON and gives null for what is none."
    )
    fields: dict[str, str] = Field(description=f"Ours to the rows' names; ours are {[*FIELDS]}.")
    plain: PlainOptions | None = Field(default=None, description="For a search without a browser.")
    rejected_hosts: Strings = Field(
        default=(), description="Hosts of thumbnails, which are no results; * stands for any text."
    )
    consent: ConsentOptions = ConsentOptions()
    blocked: BlockedOptions = BlockedOptions()
    no_results: SignOptions = SignOptions()
    min_rows: int = Field(default=1, ge=1, description="Fewer rows on a page are suspicious …")
    many_images: int = Field(default=20, ge=1, description="… where so many <img> are shown.")
    max_results: int = Field(default=1000, ge=1, description="What the site gives at most.")
    timeout_s: float = Field(default=20.0, gt=0, description="Wait for a page or a step, seconds.")
    page_s: float = Field(default=180.0, gt=0, description="For one page with all its scrolls.")
    interval_s: float = Field(default=1.0, ge=0, description="Pause between pages, in seconds.")

    @field_validator("url_template")
    @classmethod
    def _is_an_address_with_a_query(cls, template: str) -> str:
        if not template.startswith(("http://", "https://")) or "{query}" not in template:
            raise ValueError("an http(s) address with {query} in it")
        return template

    @field_validator("extractor")
    @classmethod
    def _returns_rows(cls, code: str) -> str:
        if "return" not in code:
            raise ValueError("the body of a JavaScript function, with a return in it")
        return code

    @field_validator("fields")
    @classmethod
    def _are_known(cls, fields: dict[str, str]) -> dict[str, str]:
        if "image_url" not in fields or not set(fields) <= set(FIELDS):
            raise ValueError(f"a map with image_url in it and names among {sorted(FIELDS)}")
        return fields

    @model_validator(mode="after")
    def _can_be_read_without_a_browser(self) -> Self:
        if self.plain is not None:
            for selector in (self.plain.result_selector, *_selectors_of(self)):
                parse_selector(selector)
        return self

    @property
    def has_pages(self) -> bool:
        """Whether there is more than one page to ask for."""
        return "{page}" in self.url_template or "{offset}" in self.url_template

    @property
    def reachable_hosts(self) -> tuple[str, ...]:
        """What a browser may reach: the site itself and `hosts`."""
        return (urlsplit(self.url_template).hostname or "", *self.hosts)

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


def _selectors_of(provider: PageProviderOptions) -> list[str]:
    """Return the selectors that plain HTTP has to understand, too."""
    given = (
        provider.consent.selector,
        provider.consent.button,
        provider.no_results.selector,
        provider.blocked.selector,
    )
    return [selector for selector in given if selector]


Provider = PageProviderOptions | ApiProviderOptions
_KINDS: dict[str, type[PageProviderOptions] | type[ApiProviderOptions]] = {
    "page": PageProviderOptions,
    "api": ApiProviderOptions,
}
_OTHER_SOURCES = ("posts", "folder", "url_list")


def providers_from(conf: Mapping[str, Any], names: Sequence[str]) -> tuple[Provider, ...]:
    """Return the named providers in the order of `names`, each once.

    Args:
        conf: All of ``conf/base/providers``: name to the mapping in that provider's file.
        names: Which of them to ask.

    Raises:
        InputError: A name that no file has, or a file that no provider can be made of.
    """
    return tuple(_provider(conf, name) for name in dict.fromkeys(names))


def _provider(conf: Mapping[str, Any], name: str) -> Provider:
    if name not in conf:
        near = get_close_matches(name, conf, n=1)
        known = f"did you mean {near[0]!r}?" if near else f"known are {sorted(conf)}."
        raise InputError(
            "The search wants providers that have a file in conf/base/providers or in those of the "
            f"environment, got {name!r}; {known}"
        )
    kind = conf[name].get("kind") if isinstance(conf[name], Mapping) else conf[name]
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InputError(
            f"The provider {name!r} wants kind: page or kind: api in its file, got {kind!r}; "
            f"correct conf/<env>/providers/{name}.yml."
        )
    try:
        provider = _KINDS[kind].model_validate({"name": name, **conf[name]})
    except InputError as error:
        where = str(error).replace("conf/<env>/parameters", "conf/<env>/providers")
        raise InputError(f"The provider {name!r}: {where}") from error
    if provider.name in _OTHER_SOURCES:
        raise InputError(
            f"A provider wants a name other than {', '.join(_OTHER_SOURCES)}, which are sources "
            f"themselves, got {provider.name!r}; rename it."
        )
    return provider
