"""One polite exchange for one image: robots.txt, redirects, opt-outs, and a file with the body."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.downloads.opt_outs import opt_out
from cosmop.collecting.downloads.origin_rules import MAX_BYTES, origin_of
from cosmop.collecting.downloads.robots import DISALLOWED, Robots
from cosmop.collecting.downloads.tdm_reservations import RESERVED, TdmReservations
from cosmop.collecting.web.asked_urls import asked_url
from cosmop.collecting.web.fetch_errors import FetchError
from cosmop.collecting.web.web_client import Fetched, WebClient

_LONGEST_SITE_FILE = 10_000_000  # what we read no more of, but what may come

_OF_THE_HOST = frozenset({"bad_address", "forbidden_address", "host_not_found", "tls_error"})


@dataclass(slots=True)
class Wanted:
    """One candidate on its way.

    Attributes:
        candidate_id: Names its part file.
        url: What is asked next; after a redirect to another host, the address there.
        file: Taken in as it is, without the web; then `url` only says where it came from.
        redirects: That led to `url`.
        named_host: Of the candidate's own address, once redirects have led to another host.
        attempts: That have ended.
        fetched_at: ISO 8601, of a file that an earlier run has fetched.
        seconds: That the last attempt took.
        allowed_url: The address of which robots.txt is known to allow it.
    """

    candidate_id: str
    url: str
    file: str = ""
    redirects: int = 0
    named_host: str = ""
    attempts: int = 0
    fetched_at: str = ""
    seconds: float = 0.0
    allowed_url: str = ""


class MovedError(Exception):
    """The image is at another host, whose turn it is not.

    Attributes:
        url: Where.
        redirects: That led there.
    """

    def __init__(self, url: str, redirects: int) -> None:
        super().__init__(url)
        self.url = url
        self.redirects = redirects


class _NotYetError(Exception):
    """robots.txt did not come, and may come later: `Robots` then asks again."""

    def __init__(self, cause: FetchError) -> None:
        super().__init__(str(cause))
        self.cause = FetchError(
            cause.kind,
            f"robots.txt: {cause}",
            is_worth_retrying=True,
            retry_after_s=cause.retry_after_s,
            status=cause.status,
        )


def host_of(url: str) -> str:
    """Return the host by which requests take turns, as `WebClient` asks it; ``""`` without one."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
        return host if host.isascii() else str(asked_url(url).raw_host)
    except (ValueError, FetchError):
        return ""


class Receiver:
    """Receives bodies into files, from those who let us have them.

    Args:
        client: Who asks.
        options: Limits, robots.txt and opt-outs.
    """

    def __init__(self, client: WebClient, options: DownloadOptions) -> None:
        self._client = client
        self._options = options
        self._limits = options.fetch_limits
        self._robots = Robots(self._read_robots, options.user_agent)
        self._reservations = TdmReservations(self._read_beginning)
        self._robots_tries: Counter[str] = Counter()
        self._robots_failures: dict[str, FetchError] = {}

    async def crawl_delay_s(self, url: str) -> float | None:
        """Return what robots.txt asks for between two requests, in seconds.

        Raises:
            FetchError: robots.txt could not be read, and it is worth trying again.
        """
        if not self._options.obeys_robots_txt:
            return None
        try:
            return await self._robots.crawl_delay_s(url)
        except _NotYetError as not_yet:
            raise not_yet.cause from not_yet

    async def refusal(self, url: str) -> FetchError | None:
        """Return None if robots.txt allows `url` and tdmrep.json does not reserve it.

        Else an error of kind ``robots``, ``opt_out`` or ``robots_unreachable``, or what kept
        robots.txt from being read: where it is worth trying again, and where the images would meet
        the same.
        """
        if not self._options.obeys_robots_txt:
            return None
        try:
            reason = await self._robots.why_not(url)
        except _NotYetError as not_yet:
            return not_yet.cause
        if not reason:
            return await self._reservation(url)
        if reason == DISALLOWED:
            return FetchError("robots", reason)
        cause = self._robots_failures[origin_of(url)]
        if cause.kind in _OF_THE_HOST:
            return cause
        return FetchError("robots_unreachable", f"{reason}: {cause}")

    async def _reservation(self, url: str) -> FetchError | None:
        is_heeded = bool(self._options.refused_directives)
        is_reserved = is_heeded and await self._reservations.cover(url)
        return FetchError("opt_out", RESERVED) if is_reserved else None

    async def receive(self, host: str, wanted: Wanted, part: Path) -> Fetched:
        """Write the body of the answer to `part`, at the turn of `host`.

        Raises:
            FetchError: Nothing usable came.
            MovedError: A redirect leads to another host.
            OSError: The file cannot be written.
        """
        before_hop = partial(self._before_hop, wanted, host, count(wanted.redirects))
        with part.open("wb", buffering=0) as file:
            return await self._client.fetch(
                wanted.url,
                self._limits,
                sink=file.write,
                before_hop=before_hop,
                on_headers=self._refuse_opted_out,
            )

    async def _before_hop(
        self, wanted: Wanted, host: str, redirects_so_far: "count[int]", url: str
    ) -> None:
        redirects = next(redirects_so_far)
        if redirects > self._limits.max_redirects:
            most = self._limits.max_redirects
            raise FetchError("too_many_redirects", f"more than {most} redirects")
        if url == wanted.allowed_url:
            return
        if host_of(url) != host:
            raise MovedError(url, redirects)
        refusal = await self.refusal(url)
        if refusal is not None:
            raise refusal

    def _refuse_opted_out(self, _: str, headers: Sequence[tuple[str, str]]) -> None:
        reason = opt_out(headers, self._options.user_agent, self._options.refused_directives)
        if reason:
            raise FetchError("opt_out", reason)

    async def _read_beginning(self, url: str) -> bytes:
        beginning = bytearray()

        def keep(piece: bytes) -> None:
            beginning.extend(piece[: MAX_BYTES + 1 - len(beginning)])

        limits = replace(self._limits, max_bytes=_LONGEST_SITE_FILE)
        await self._client.fetch(url, limits, sink=keep)
        return bytes(beginning)

    async def _read_robots(self, url: str) -> bytes:
        try:
            return await self._read_beginning(url)
        except FetchError as error:
            self._robots_tries[url] += 1
            self._robots_failures[origin_of(url)] = error
            if error.is_worth_retrying and self._robots_tries[url] <= self._options.retries:
                raise _NotYetError(error) from error
            raise
