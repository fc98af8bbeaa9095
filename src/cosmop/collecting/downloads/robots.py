"""What a site's robots.txt asks of us (RFC 9309), read once per origin."""

import re
from collections.abc import Awaitable, Callable

from cosmop.collecting.downloads.origin_rules import MAX_BYTES, OriginRules, origin_of
from cosmop.collecting.web.fetch_errors import FetchError
from cosmop.collecting.web.user_agents import product_token

DISALLOWED = "robots.txt disallows it"
UNREADABLE = "robots.txt cannot be read"

_AGENT_LINE = re.compile(r"\s*user[- ]?agent[\s:]+([^\s/;#]*)", re.IGNORECASE)
_RULE_LINE = re.compile(  # with the misspellings that protego forgives
    r"\s*(?:allow|d[a-z]{0,6}l[oa]w|crawl[- ]delay)[\s:]", re.IGNORECASE
)


class Robots:
    """Tells whether a URL may be asked, by the robots.txt of its origin, see `OriginRules`.

    A status of 400..499 (or endless redirects) means that all is allowed; any other failure, that
    nothing is (RFC 9309, sections 2.3.1.3 and 2.3.1.4). For one event loop.

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
        self._rules = OriginRules("/robots.txt", self._read, origins=origins)

    async def why_not(self, url: str) -> str:
        """Return ``""`` if `url` may be asked, else `DISALLOWED` or `UNREADABLE`.

        An address without a host has no robots.txt; refusing it is the client's business.
        """
        origin = origin_of(url)
        if not origin:
            return ""
        rules = await self._rules.of(origin)
        if rules is None:
            return UNREADABLE
        return "" if rules.can_fetch(url, self._token) else DISALLOWED

    async def crawl_delay_s(self, url: str) -> float | None:
        """Return the ``Crawl-delay`` (no part of RFC 9309, but meant) or None, in seconds."""
        origin = origin_of(url)
        rules = await self._rules.of(origin) if origin else None
        return None if rules is None else rules.crawl_delay(self._token)

    async def _read(self, url: str) -> str | None:
        text = await self._text(url)
        return None if text is None else group_for(self._token, text)

    async def _text(self, url: str) -> str | None:
        try:
            return _text(await self._fetch(url))
        except FetchError as error:
            return "" if _means_there_is_none(error) else None


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
