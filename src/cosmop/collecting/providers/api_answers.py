"""Reading the JSON answers of search APIs: results, the next page, and what went wrong."""

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from cosmop.collecting.candidates import FoundImage, Outcome
from cosmop.collecting.providers.api_options import FIELDS, ApiPagingOptions, ApiProviderOptions

_LONGEST_TEXT = 4_000
_LARGEST_SIDE_PX = 1_000_000
_TAG = re.compile(r"<[A-Za-z/!]")
_UNSEEN = {"script", "style"}
_NO_RESULTS = Outcome("no_results", reason="the API has no results")


@dataclass(frozen=True)
class ApiAnswer:
    """One answer of an API.

    Attributes:
        outcome: Of this answer alone.
        pages: How many answers there are; None where nothing tells.
        continuation: Parameters for the next request; empty for none. May hold the key.
        is_busy: Whether the API asks to come again later.
    """

    outcome: Outcome
    pages: int | None = None
    continuation: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_busy: bool = False


def read_answer(
    provider: ApiProviderOptions, text: str, url: str, hide: Callable[[str], str] = str
) -> ApiAnswer:
    """Return what the answer `text` from `url` holds.

    An answer that is no JSON, has no results where the provider says, or none with an address, is
    the outcome ``layout_changed``. Results without an http(s) address are left out.

    Args:
        provider: Who answered.
        text: The answer.
        url: Where relative addresses start; without the key.
        hide: Takes the key out of whatever is told of the answer.
    """
    try:
        said = json.loads(text)
        data = _hidden(said, hide)
    except (ValueError, RecursionError):
        reason = f"the answer is no JSON, it begins with {hide(text)[:30]!r}"
        return ApiAnswer(Outcome("layout_changed", reason=reason))
    if provider.error_path and (error := value_at(data, provider.error_path)) is not None:
        return _refused(provider, plain_text(error) or "an error without words")
    results = _results(provider, data)
    if results is None:
        return ApiAnswer(_without_results(provider, data))
    found = [image for result in results if (image := _image(provider, result, url)) is not None]
    return ApiAnswer(
        _judge(provider, results, found),
        _pages(provider.paging, data),
        _continuation(provider.paging, said),
    )


def _hidden(data: object, hide: Callable[[str], str]) -> Any:
    """Return JSON `data` with each name, text and number in it as `hide` lets it be seen."""
    if isinstance(data, dict):
        return {hide(name): _hidden(value, hide) for name, value in data.items()}
    if isinstance(data, list):
        return [_hidden(value, hide) for value in data]
    text = str(data)
    shown = hide(text)
    return data if shown == text else shown


def _refused(provider: ApiProviderOptions, error: str) -> ApiAnswer:
    reason = f"the API says {error!r}"
    if error in provider.busy_errors:
        return ApiAnswer(Outcome("blocked", reason=reason), is_busy=True)
    return ApiAnswer(Outcome("failed", reason=reason))


def _without_results(provider: ApiProviderOptions, data: object) -> Outcome:
    if provider.empty_path and value_at(data, provider.empty_path) is not None:
        return _NO_RESULTS
    names = (
        [name[:40] for name in sorted(data)[:8]] if isinstance(data, dict) else type(data).__name__
    )
    reason = f"the answer has no {provider.results!r}, only {names}"
    return Outcome("layout_changed", reason=reason)


def _pages(paging: ApiPagingOptions, data: object) -> int | None:
    pages = value_at(data, paging.pages_path) if paging.pages_path else None
    return pages if isinstance(pages, int) else None


def _continuation(paging: ApiPagingOptions, data: object) -> dict[str, str]:
    found = value_at(data, paging.continuation_path) if paging.continuation_path else None
    given = found if isinstance(found, dict) else {}
    texts = {name: str(value) for name, value in given.items() if isinstance(value, str | int)}
    return {_encodable(name): _encodable(value) for name, value in texts.items()}


def _results(provider: ApiProviderOptions, data: object) -> list[Any] | None:
    """Return the results in their order; None where the answer has no list of them."""
    found = value_at(data, provider.results)
    results = list(found.values()) if isinstance(found, dict) else found
    if not isinstance(results, list):
        return None
    if provider.order_by:
        results.sort(key=lambda result: _number(value_at(result, provider.order_by)))
    return results


def _judge(provider: ApiProviderOptions, results: list[Any], found: list[FoundImage]) -> Outcome:
    if found:
        return Outcome("ok", tuple(found))
    if not results:
        return _NO_RESULTS
    reason = f"{len(results)} results without an address in {provider.fields['image_url']!r}"
    return Outcome("layout_changed", reason=reason)


def _image(provider: ApiProviderOptions, result: object, url: str) -> FoundImage | None:
    values: dict[str, Any] = {}
    for ours, paths in provider.fields.items():
        name = FIELDS[ours]
        found = [value_at(result, path) for path in ((paths,) if isinstance(paths, str) else paths)]
        if ours.endswith("_url"):
            values[name] = _web_address(found[0], url)
        elif name.startswith("claimed_"):
            values[name] = _pixels(found[0])
        else:
            values[name] = " ".join(text for value in found if (text := plain_text(value)))
    return FoundImage(**values) if values["location"] else None


def value_at(data: object, path: str) -> Any:
    """Return what lies at the dotted `path` of JSON `data`; None where the path leads nowhere."""
    for step in path.split("."):
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's
        self._unseen += tag in _UNSEEN
        self.words.append(" " if tag in ("br", "p", "div", "li", "td") else "")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0

    def handle_data(self, data: str) -> None:
        self.words.append("" if self._unseen else data)


def plain_text(value: object) -> str:
    """Return text or a number as text without HTML, in one line and short enough to be kept."""
    text = str(value)[:_LONGEST_TEXT] if isinstance(value, str | int | float) else ""
    if _TAG.search(text) or "&" in text:
        parser = _Words()
        parser.feed(text)
        parser.close()
        text = "".join(parser.words)
    return " ".join(_encodable(text).split())[:_LONGEST_TEXT]


def _encodable(text: str) -> str:
    """Replace lone surrogates, which JSON can name and nothing can send or keep."""
    return text.encode(errors="replace").decode()


def _web_address(value: object, url: str) -> str:
    """Return an absolute http(s) address; empty where there is none or it is too long."""
    address = value.strip() if isinstance(value, str) else ""
    try:
        location = urljoin(url, address) if address else ""
        parts = urlsplit(location)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    is_short = len(location) <= _LONGEST_TEXT
    return _encodable(location) if is_usable and is_short else ""


def _number(value: object) -> float:
    """Return a rank; the last one for what is none, such as 10 to the power of 400."""
    with suppress(OverflowError):
        return float(value) if isinstance(value, int | float) else math.inf
    return math.inf


def _pixels(value: object) -> int:
    """Return a size in pixels, given as a number or as digits; 0 where it is neither."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    number = int(text) if text.isdecimal() and len(text) < 9 else 0
    return number if number <= _LARGEST_SIDE_PX else 0
