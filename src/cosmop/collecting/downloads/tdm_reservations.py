"""Which addresses a site's tdmrep.json reserves from text and data mining.

TDM Reservation Protocol, W3C community group report, section "TDM File on the Origin Server".
"""

import json
from collections.abc import Awaitable, Callable

from cosmop.collecting.downloads.origin_rules import MAX_BYTES, OriginRules, origin_of
from cosmop.collecting.web.fetch_errors import FetchError

RESERVED = "tdmrep.json reserves it"

_FILE = "/.well-known/tdmrep.json"
_FOR_ALL = "user-agent: *"


class TdmReservations:
    """Tells whether the site of a URL reserves it, by the tdmrep.json of its origin.

    Where several locations match, one that is reserved decides. A file that does not come, or is no
    such file, reserves nothing. For one event loop.

    Args:
        fetch: Gets a URL or raises `FetchError`; see `cosmop.collecting.downloads.robots.Robots`.
    """

    def __init__(self, fetch: Callable[[str], Awaitable[bytes]]) -> None:
        self._fetch = fetch
        self._rules = OriginRules(_FILE, self._read)

    async def cover(self, url: str) -> bool:
        """Tell whether `url` is reserved; one without a host never is."""
        origin = origin_of(url)
        rules = await self._rules.of(origin) if origin else None
        return rules is not None and not rules.can_fetch(url, "*")

    async def _read(self, url: str) -> str:
        try:
            body = await self._fetch(url)
        except FetchError:
            return ""
        return reservations(body) if len(body) <= MAX_BYTES else ""


def reservations(body: bytes) -> str:
    """Return the reserved locations of a tdmrep.json as a robots.txt that disallows them.

    Both match addresses in the same way. Entries that cannot be read are passed over.
    """
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    reserved = [
        f"disallow: {location}"
        for entry in (entries if isinstance(entries, list) else [entries])
        if isinstance(entry, dict) and str(entry.get("tdm-reservation")) == "1"
        if (location := _location(entry.get("location")))
    ]
    return "\n".join([_FOR_ALL, *reserved]) if reserved else ""


def _location(given: object) -> str:
    """Return a pattern of paths, from the root on; nothing if it is none."""
    if not isinstance(given, str) or not given.isprintable() or not given.strip():
        return ""
    pattern = given.strip().replace("#", "%23")
    return pattern if pattern[0] in "/*" else f"/{pattern}"
