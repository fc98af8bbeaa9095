"""Rows that a result page gave, and what a page without them means."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urljoin, urlsplit

from cosmop.collecting.candidates import FoundImage, Outcome
from cosmop.collecting.providers.api_options import FIELDS
from cosmop.collecting.providers.providers import PageProviderOptions

LONGEST_TEXT = 4_000
_LARGEST_SIDE_PX = 1_000_000
_NUMBER = re.compile(r"\s*(\d[\d., ]*)")


@dataclass(frozen=True)
class RowsRead:
    """What became of the rows of a page: images, thumbnails without an image, and rubbish."""

    found: tuple[FoundImage, ...] = ()
    thumbnails: int = 0
    rubbish: int = 0


@dataclass(frozen=True)
class Sighting:
    """What can be seen of a loaded page.

    Attributes:
        url: After redirects.
        is_ready: Whether the provider's ready selector is there.
        images: Number of ``<img>`` elements.
        refusal: HTTP status of the page or of a recorded answer that refuses robots; 0 if none.
        signs: consent, blocked, no_results: by what each was recognised.
    """

    url: str
    is_ready: bool = False
    images: int = 0
    refusal: int = 0
    signs: Mapping[str, str] = field(default_factory=dict)


def read_rows(provider: PageProviderOptions, rows: Sequence[object], page_url: str) -> RowsRead:
    """Return the images that rows of a result page name; relative addresses start at `page_url`.

    A row whose image is a ``data:`` address or on a rejected host is a thumbnail and no image;
    a row without a usable address is rubbish. Other fields that cannot be used are left empty.
    """
    found: list[FoundImage] = []
    thumbnails = 0
    for row in rows:
        facts = row if isinstance(row, dict) else {}
        address = _text(facts.get(provider.fields["image_url"]))
        location = _web_address(address, page_url)
        if _is_thumbnail(provider, address, location):
            thumbnails += 1
        elif location and location != page_url:
            found.append(_image(provider, facts, location, page_url))
    return RowsRead(tuple(found), thumbnails, len(rows) - len(found) - thumbnails)


def _is_thumbnail(provider: PageProviderOptions, address: str, location: str) -> bool:
    host = urlsplit(location).hostname or ""
    is_rejected = any(fnmatchcase(host, pattern) for pattern in provider.rejected_hosts)
    return address[:5].lower() == "data:" or is_rejected


def _image(
    provider: PageProviderOptions, facts: Mapping[str, Any], location: str, page_url: str
) -> FoundImage:
    values: dict[str, Any] = {}
    for ours, theirs in provider.fields.items():
        name, value = FIELDS[ours], facts.get(theirs)
        if ours.endswith("_url"):
            values[name] = _web_address(_text(value), page_url)
        elif name.startswith("claimed_"):
            values[name] = _pixels(value)
        else:
            values[name] = " ".join(_text(value).split())
    return FoundImage(**{**values, "location": location})


def _text(value: object) -> str:
    """Return text or a number as text, short enough and without characters that cannot be kept."""
    text = str(value) if isinstance(value, str | int | float) else ""
    return text.encode(errors="replace").decode().strip()[:LONGEST_TEXT]


def _web_address(address: str, page_url: str) -> str:
    """Return an absolute http(s) address; empty where there is none or it may be cut off."""
    try:
        location = urljoin(page_url, address) if address else ""
        parts = urlsplit(location)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    return location if is_usable and len(address) < LONGEST_TEXT else ""


def _pixels(value: object) -> int:
    """Return the first number in ``1920``, ``"1,920 px"`` or ``"1920"``; 0 where there is none."""
    match = _NUMBER.match(str(value)) if isinstance(value, str | int | float) else None
    digits = re.sub(r"\D", "", match[1].split(".")[0]) if match else ""
    number = int(digits[:9] or "0")
    return number if number <= _LARGEST_SIDE_PX else 0


def judge_page(
    provider: PageProviderOptions, sight: Sighting, read: RowsRead, *, number: int = 0
) -> Outcome:
    """Return the outcome of a loaded page; images on it outweigh every sign.

    Rows too few for the images shown mean that the layout has changed; those few are kept. A page
    after the first (`number` 0) that shows nothing at all is the one after the last.
    """
    shown = max(sight.images, read.thumbnails)
    is_odd = len(read.found) < provider.min_rows and shown >= provider.many_images
    if read.found and not is_odd:
        return Outcome("ok", read.found)
    if not read.found and (explained := _explained(sight)):
        return explained
    if number and not is_odd:
        return Outcome("no_results", reason="the page after the last one")
    if not sight.is_ready:
        reason = f"no match of {provider.ready_selector!r}"
    elif read.thumbnails and not read.found:
        reason = "the page gave thumbnails only"
    else:
        reason = f"fewer than {provider.min_rows} results and no word about having none"
    return Outcome("layout_changed", read.found, reason=reason)


def _explained(sight: Sighting) -> Outcome | None:
    if sight.refusal:
        return Outcome("blocked", reason=f"HTTP {sight.refusal}")
    if "no_results" in sight.signs:
        return Outcome("no_results", reason="the site says it has no results")
    if "consent" in sight.signs:
        reason = f"a consent page that could not be passed ({sight.signs['consent']})"
        return Outcome("consent", reason=reason)
    if "blocked" in sight.signs:
        return Outcome("blocked", reason=f"the page shows {sight.signs['blocked']}")
    return None


def unique_images(found: Sequence[FoundImage], limit: int) -> tuple[FoundImage, ...]:
    """Return the first `limit` images with different locations, in order."""
    unique: dict[str, FoundImage] = {}
    for image in found:
        unique.setdefault(image.location, image)
    return tuple(unique.values())[:limit]
