"""Rules about addresses that a site keeps in one file, read once per origin."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from protego import Protego

MAX_BYTES = 500 * 1024  # so much of robots.txt a crawler must read (RFC 9309, section 2.5)

_MOST_CHARACTERS = 20_000_000  # of all rules kept in memory
_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class _Site:
    """What one origin says; `rules` is None until asked, and afterwards if it cannot be read."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_read: bool = False
    rules: Protego | None = None
    characters: int = 0


class OriginRules:
    """The rules of each origin (scheme, host, port), asked once, however many wait for them.

    They are kept until `origins` others, or 20 million characters of rules, were used after them.
    For one event loop.

    Args:
        path: Of the file.
        read: Gets its URL and returns the rules as one group of robots.txt for everyone, None if
            there is no telling. What it raises reaches who asked; the next one asks again.
        origins: How many are remembered.
    """

    def __init__(
        self, path: str, read: Callable[[str], Awaitable[str | None]], *, origins: int = 10_000
    ) -> None:
        self._path = path
        self._read = read
        self._origins = origins
        self._sites: OrderedDict[str, _Site] = OrderedDict()
        self._characters = 0

    async def of(self, origin: str) -> Protego | None:
        """Return the rules of an origin, see `origin_of`; None if they cannot be read."""
        site = self._sites.setdefault(origin, _Site())
        self._sites.move_to_end(origin)
        async with site.lock:
            if not site.is_read:
                await self._fill(origin, site)
        return site.rules

    async def _fill(self, origin: str, site: _Site) -> None:
        rules = await self._read(f"{origin}{self._path}")
        site.rules = None if rules is None else Protego.parse(rules)
        site.is_read = True
        if self._sites.get(origin) is site:
            site.characters = len(rules or "")
            self._characters += site.characters
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        while len(self._sites) > self._origins or self._characters > _MOST_CHARACTERS:
            self._characters -= self._sites.popitem(last=False)[1].characters


def origin_of(url: str) -> str:
    """Return scheme, host and any unusual port of `url`; ``""`` if it has no host."""
    try:
        parts = urlsplit(url)
        port = _PORTS.get(parts.scheme) if parts.port is None else parts.port
    except ValueError:
        return ""
    host = (parts.hostname or "").rstrip(".")
    name = f"[{host}]" if ":" in host else host
    suffix = "" if port == _PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{name}{suffix}" if host else ""
