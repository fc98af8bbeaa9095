"""An HTTP client for servers nobody vouches for: public addresses only, and everything is bounded.

Built on aiohttp, of which little is used: connections that are kept, TLS, and the parser of
answers. Redirects are followed by hand, bodies are counted and never expanded, proxies and
passwords of the environment are not used, and the address is asked for exactly as it was given.
Where sockets are opened is in `cosmop.collecting.web.socket_doors`.
"""

import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from yarl import URL

from cosmop.collecting.web.asked_urls import asked_url, redirected_url
from cosmop.collecting.web.fetch_errors import FetchError, FetchLimits, http_error
from cosmop.collecting.web.patience import Patience, too_long
from cosmop.collecting.web.socket_doors import (
    PublicResolver,
    SilentConnections,
    StatedResolver,
    cut_on_failure,
    open_public_socket,
    plain_host,
    stated_addresses,
)

Headers = tuple[tuple[str, str], ...]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECTS_OF_THE_SAME_METHOD = frozenset({307, 308})
_COMPRESSIONS = frozenset({"br", "compress", "deflate", "gzip", "x-compress", "x-gzip", "zstd"})
_READ_BYTES = 1 << 18  # as much as asyncio takes from a socket at once
_LONGEST_HEADER = 1 << 14
_MOST_HEADERS = 128
_IDLE_S = 10.0  # a connection without a request is kept that long
_NAMES_KEPT_S = 60


@dataclass(frozen=True)
class Fetched:
    """A complete answer with status 200.

    Attributes:
        url: Where the redirects ended.
        headers: As they came, names in the server's case, values as Latin-1.
        body: Empty if it went to a sink.
        length: Bytes of the body.
    """

    url: str
    headers: Headers
    body: bytes
    length: int


_Texts = Mapping[str, str] | None


@dataclass(frozen=True)
class _Wanted:
    """What one call of `WebClient.fetch` asked for."""

    limits: FetchLimits
    sink: Callable[[bytes], object] | None
    on_headers: Callable[[str, Sequence[tuple[str, str]]], None] | None


class WebClient:
    """Fetches from public addresses, and from stated hosts; an async context manager.

    Belongs to the event loop in which it was entered. TLS certificates are verified against the
    system's authorities (or those of ``SSL_CERT_FILE``).

    Args:
        user_agent: Who asks, with a contact.
        host_addresses: Host name to ``"IP:PORT"``: connections to that host go there, whatever
            port the URL names. The only way to a private address. Tests and intranets come in here.
        connections: The most at once to public hosts, and as many to stated ones.
        keeps_cookies: Whether cookies are sent back to the site that set them.

    Raises:
        InputError: `host_addresses` cannot be read.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        host_addresses: Mapping[str, str] | None = None,
        connections: int = 64,
        keeps_cookies: bool = False,
    ) -> None:
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._stated_hosts = stated_addresses(host_addresses or {})
        self._connections = connections
        self._keeps_cookies = keeps_cookies

    async def __aenter__(self) -> Self:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        cookies = aiohttp.CookieJar() if self._keeps_cookies else aiohttp.DummyCookieJar()
        self._lookups = PublicResolver()
        # Two pools, so that a connection to a stated address is never used for another host.
        self._public = self._session(
            context, cookies, resolver=self._lookups, socket_factory=open_public_socket
        )
        self._stated = self._session(context, cookies, resolver=StatedResolver(self._stated_hosts))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._public.close()
        await self._stated.close()
        await self._lookups.close()

    def _session(
        self, context: ssl.SSLContext, cookies: aiohttp.abc.AbstractCookieJar, **doors: Any
    ) -> aiohttp.ClientSession:
        connector = SilentConnections(
            limit=self._connections,
            ssl=context,
            keepalive_timeout=_IDLE_S,
            ttl_dns_cache=_NAMES_KEPT_S,
            **doors,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=cookies,
            headers=self._headers,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_READ_BYTES,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )

    async def fetch(
        self,
        url: str,
        limits: FetchLimits,
        *,
        sink: Callable[[bytes], object] | None = None,
        before_hop: Callable[[str], Awaitable[None]] | None = None,
        on_headers: Callable[[str, Sequence[tuple[str, str]]], None] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Get `url` (or post `form` to it), following redirects by hand.

        Args:
            url: Of http or https; user, password and fragment are dropped.
            limits: Of time and bytes.
            sink: Is given each piece of the body instead of the body being collected. A fetch that
                fails later may have given it some.
            before_hop: Is awaited with each address before it is asked, redirects too; its time
                is not counted. May raise `FetchError`.
            on_headers: Is called with the address and headers of the final answer before its
                body is read. May raise `FetchError`.
            form: Sent along; again after a redirect only where HTTP wants that (307, 308).
            headers: Sent to the origin of `url` alone, since one may be a key: a redirect to
                another one goes without.

        Raises:
            FetchError: Any status but 200, and whatever else goes wrong on the way.
        """
        asked, left_s = asked_url(url), limits.total_s
        origin = asked.origin()
        wanted = _Wanted(limits, sink, on_headers)
        for _ in range(limits.max_redirects + 1):
            if before_hop is not None:
                await before_hop(str(asked))
            with _failures_in_words():
                async with Patience(limits, left_s) as patience:
                    own = headers if asked.origin() == origin else None
                    outcome = await self._ask(asked, wanted, patience, form=form, headers=own)
            if isinstance(outcome, Fetched):
                return outcome
            left_s -= patience.used_s
            asked, form = outcome.url, form if outcome.keeps_form else None
        raise FetchError("too_many_redirects", f"more than {limits.max_redirects} redirects")

    async def _ask(
        self, asked: URL, wanted: _Wanted, patience: Patience, *, form: _Texts, headers: _Texts
    ) -> "Fetched | _Redirect":
        is_stated = plain_host(asked.raw_host or "") in self._stated_hosts
        session = self._stated if is_stated else self._public
        method = "GET" if form is None else "POST"
        connect_s = wanted.limits.connect_s
        timeout = aiohttp.ClientTimeout(connect=connect_s, sock_connect=connect_s)
        with cut_on_failure():
            answer = await session.request(
                method,
                asked,
                data=form,
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
            )
        try:
            redirect = _redirect(asked, answer)
            return redirect or await _read(asked, answer, wanted, patience)
        finally:
            _let_go(answer)


@dataclass(frozen=True)
class _Redirect:
    url: URL
    keeps_form: bool


def _redirect(asked: URL, answer: aiohttp.ClientResponse) -> _Redirect | None:
    location = answer.headers.get("Location")
    if answer.status not in _REDIRECTS or not location:
        return None
    keeps_form = answer.status in _REDIRECTS_OF_THE_SAME_METHOD
    return _Redirect(redirected_url(asked, location), keeps_form)


async def _read(
    asked: URL, answer: aiohttp.ClientResponse, wanted: _Wanted, patience: Patience
) -> Fetched:
    if answer.status != 200:
        said = answer.headers
        raise http_error(answer.status, said.get("Retry-After"), said.get("Date"))
    url, headers = str(asked), _plain_headers(answer)
    if wanted.on_headers is not None:
        wanted.on_headers(url, headers)
    _check_claims(answer, wanted.limits)
    body: list[bytes] = []
    length = 0
    take = body.append if wanted.sink is None else wanted.sink
    patience.begin_body()
    while piece := await answer.content.readany():
        patience.count(len(piece))
        length += len(piece)
        take(piece)
    return Fetched(url, headers, b"".join(body), length)


def _plain_headers(answer: aiohttp.ClientResponse) -> Headers:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers
    )


def _check_claims(answer: aiohttp.ClientResponse, limits: FetchLimits) -> None:
    """Refuse by the headers what would be refused by the body; they can only end it earlier."""
    claimed = answer.headers.get("Content-Length", "")
    if claimed.isdigit() and int(claimed) > limits.max_bytes:
        raise too_long(limits)
    named = answer.headers.get("Content-Encoding", "").lower()
    if not _COMPRESSIONS.isdisjoint(map(str.strip, named.split(","))):
        raise FetchError("broken_answer", "compressed although not asked", is_worth_retrying=False)


def _let_go(answer: aiohttp.ClientResponse) -> None:
    """Give a connection back; cut it if something of the answer is still to come."""
    transport = answer.connection and answer.connection.transport
    if transport:
        transport.abort()  # see `cut_on_failure`
    answer.release()


_REASONS: tuple[tuple[type[aiohttp.ClientError], str, str], ...] = (
    # An exception of aiohttp, and the kind and reason it shares with others; the first match wins.
    (aiohttp.ClientSSLError, "tls_error", "TLS error"),
    (aiohttp.ConnectionTimeoutError, "timeout", "no connection in time"),
    (aiohttp.ClientConnectorError, "no_connection", "no connection"),
    (aiohttp.InvalidURL, "bad_address", "not a usable address"),
    (aiohttp.ClientResponseError, "broken_answer", "not an answer of HTTP"),
    (aiohttp.ClientError, "broken_answer", "connection broke off"),
)


@contextmanager
def _failures_in_words() -> Iterator[None]:
    """Raise the failures of aiohttp as reasons that can be counted; a sink's own pass through."""
    try:
        yield
    except aiohttp.ClientError as error:
        kind, reason = next(words for cause, *words in _REASONS if isinstance(error, cause))
        raise FetchError(kind, reason) from None  # its frames hold addresses and headers: keys
