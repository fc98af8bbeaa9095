"""What a site's robots.txt asks of us (RFC 9309), read once per origin."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from protego import Protego

from cosmop.collecting.web.fetch_errors import FetchError
from cosmop.collecting.web.user_agents import product_token

DISALLOWED = "robots.txt disallows it"
UNREADABLE = "robots.txt cannot be read"
MAX_BYTES = 500 * 1024  # so much a crawler must read (RFC 9309, section 2.5); we read no more

_MOST_CHARACTERS = 20_000_000  # of all rules kept in memory
_PORTS = {"http": 80, "https": 443}
_AGENT_LINE = re.compile(r"\s*user[- ]?agent[\s:]+([^\s/;#]*)", re.IGNORECASE)
_RULE_LINE = re.compile(  # with the misspellings that protego forgives
    r"\s*(?:allow|d[a-z]{0,6}l[oa]w|crawl[- ]delay)[\s:]", re.IGNORECASE
)


@dataclass(slots=True)
class _Site:
    """What one origin says; `rules` is None until asked, and afterwards if it cannot be read."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_read: bool = False
    rules: Protego | None = None
    characters: int = 0


class Robots:
    """Tells whether a URL may be asked, by the robots.txt of its origin (scheme, host, port).

    Each robots.txt is asked once, however many wait for it, and kept until `origins` others, or
    20 million characters of rules, were used after it. A status of 400..499 (or endless
    redirects) means that all is allowed; any other failure, that nothing is (RFC 9309, sections
    2.3.1.3 and 2.3.1.4). For one event loop.

    Args:
        fetch: Gets a URL or raises `FetchError`. Of a long answer the beginning is enough, see
            `MAX_BYTES`.
        user_agent: Its product token, what stands before ``/``, is looked for in the groups.
        origins: How many are remembered.
    """

    def __init__(
        self, fetch: Callable[[str], Awaitable[bytes]], user_agent: str, *, origins: int = 10_000
    ) -> None:
        self._fetch = fetch
        self._token = product_token(user_agent)
        self._origins = origins
        self._sites: OrderedDict[str, _Site] = OrderedDict()
        self._characters = 0

    async def why_not(self, url: str) -> str:
        """Return ``""`` if `url` may be asked, else `DISALLOWED` or `UNREADABLE`.

        An address without a host has no robots.txt; refusing it is the client's business.
        """
        origin = origin_of(url)
        if not origin:
            return ""
        rules = await self._rules(origin)
        if rules is None:
            return UNREADABLE
        return "" if rules.can_fetch(url, self._token) else DISALLOWED

    async def crawl_delay_s(self, url: str) -> float | None:
        """Return the ``Crawl-delay`` (no part of RFC 9309, but meant) or None, in seconds."""
        origin = origin_of(url)
        rules = await self._rules(origin) if origin else None
        return None if rules is None else rules.crawl_delay(self._token)

    async def _rules(self, origin: str) -> Protego | None:
        site = self._sites.setdefault(origin, _Site())
        self._sites.move_to_end(origin)
        async with site.lock:
            if not site.is_read:
                await self._read(origin, site)
        return site.rules

    async def _read(self, origin: str, site: _Site) -> None:
        text = await self._text(f"{origin}/robots.txt")
        rules = None if text is None else group_for(self._token, text)
        site.rules = None if rules is None else Protego.parse(rules)
        site.is_read = True
        if self._sites.get(origin) is site:
            site.characters = len(rules or "")
            self._characters += site.characters
        self._forget_oldest()

    async def _text(self, url: str) -> str | None:
        try:
            return _text(await self._fetch(url))
        except FetchError as error:
            return "" if _means_there_is_none(error) else None

    def _forget_oldest(self) -> None:
        while len(self._sites) > self._origins or self._characters > _MOST_CHARACTERS:
            self._characters -= self._sites.popitem(last=False)[1].characters


def group_for(token: str, text: str) -> str:
    """Return the rules of `text` that are meant for `token`, as one group for everyone.

    All groups that name it count as one; only without any, those of ``*`` (RFC 9309, section
    2.2.1). Tokens are compared whole and without regard to case, a version is ignored.
    """
    rules: dict[str, list[str]] = {}
    named: list[str] = []
    is_naming = False
    for line in text.splitlines():
        if agent := _AGENT_LINE.match(line):
            named = [*named, agent[1].lower()] if is_naming else [agent[1].lower()]
            rules |= {name: [] for name in named if name in (token, "*") and name not in rules}
            is_naming = True
        elif _RULE_LINE.match(line):
            is_naming = False
            for name in {*named} & rules.keys():
                rules[name].append(line)
    return "\n".join(["user-agent: *", *rules.get(token, rules.get("*", []))])


def _text(body: bytes) -> str:
    """Decode as much as we read; a last line that is cut could say something else."""
    beginning = body[:MAX_BYTES]
    if len(body) > MAX_BYTES:
        beginning = beginning[: beginning.rfind(b"\n") + 1]
    return beginning.decode("utf-8-sig", errors="replace")


def _means_there_is_none(error: FetchError) -> bool:
    return re.fullmatch(r"http_[24]\d\d|too_many_redirects", error.kind) is not None


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
