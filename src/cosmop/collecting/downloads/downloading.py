"""The engine of a download: who is asked when, and what becomes of the answers."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from cosmop.collecting.downloads.budgets import Budgets
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.downloads.finishing import Finisher
from cosmop.collecting.downloads.host_failures import HostFailures
from cosmop.collecting.downloads.hosts import HostSchedule
from cosmop.collecting.downloads.receiving import MovedError, Receiver, Wanted, host_of
from cosmop.collecting.web.fetch_errors import FetchError

_LONGEST_NAP_S = 1.0  # budgets of time and disk are looked at between naps
_CHECKS_AT_ONCE = 100
_BAD_ADDRESS = FetchError("bad_address", "not a usable address")


class Downloading:
    """One run over all that is wanted.

    A host is asked for its robots.txt before any of its images. An image that a redirect sends to
    another host waits for its turn there. Bodies wait in files for a decoder, not in memory, and
    so few that a slow decoder slows the download.

    Args:
        options: How fast and how politely.
        receiver: Asks.
        finisher: Takes what came, and what did not.
        budgets: End it early.
        parts: Folder for bodies that are not in the store yet.
    """

    def __init__(
        self,
        options: DownloadOptions,
        *,
        receiver: Receiver,
        finisher: Finisher,
        budgets: Budgets,
        parts: Path,
    ) -> None:
        self._options = options
        self._receiver = receiver
        self._finisher = finisher
        self._budgets = budgets
        self._parts = parts
        self._now = asyncio.get_running_loop().time
        # None is a request for robots.txt or tdmrep.json, which come before a host's images.
        self._schedule: HostSchedule[Wanted | None] = HostSchedule(
            options.host_limits, options.slots, self._now
        )
        self._failures = HostFailures(options)
        self._room = asyncio.Semaphore(options.slots + options.waiting_for_decoding)
        self._something_happened = asyncio.Event()
        self._waiting_for_robots: dict[str, deque[Wanted]] = {}
        self._hosts: set[str] = set()
        self._heard: set[str] = set()  # hosts whose robots.txt is known
        self._given_up: dict[str, FetchError] = {}
        self._robots_tries: Counter[str] = Counter()

    async def run(self, wanted: Sequence[Wanted]) -> None:
        """Finish every candidate.

        Raises:
            InputError: The store's disk is full, or no decoder starts.
            OSError: A part file or the journal cannot be written.
        """
        for item in wanted:
            if not item.file:
                self._enqueue(item)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._take_files(group, (item for item in wanted if item.file)))
                await self._visit_hosts(group)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _take_files(self, group: asyncio.TaskGroup, files: Iterable[Wanted]) -> None:
        for item in files:
            await self._room.acquire()
            group.create_task(self._take_file(item))

    async def _take_file(self, item: Wanted) -> None:
        file = Path(item.file)
        try:
            length = _length(file, self._options.max_bytes)
        except FetchError as error:
            self._finisher.fail("", item, error)
        else:
            await self._finisher.take_in("", item, file, length)
        self._room.release()

    def _enqueue(self, item: Wanted) -> None:
        """Let a candidate wait for its host."""
        host = host_of(item.url)
        refusal = self._given_up.get(host) if host else _BAD_ADDRESS
        if refusal is not None:
            self._finisher.fail(host, item, refusal)
        elif host in self._waiting_for_robots:
            self._waiting_for_robots[host].append(item)
        elif host in self._hosts or not self._options.obeys_robots_txt:
            self._schedule.add(host, item)
        else:
            self._waiting_for_robots[host] = deque([item])
            self._schedule.add(host, None)
        if host:
            self._hosts.add(host)

    async def _visit_hosts(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._room.acquire()
            turn = await self._next_turn()
            if turn is None:
                return
            group.create_task(self._visit(*turn))

    async def _next_turn(self) -> tuple[str, Wanted | None] | None:
        while True:
            self._heed_budgets()
            turn = self._schedule.next()
            if not isinstance(turn, float):
                return turn
            await self._nap(min(turn, _LONGEST_NAP_S))

    async def _nap(self, seconds: float) -> None:
        self._something_happened.clear()
        alarm = asyncio.get_running_loop().call_later(seconds, self._something_happened.set)
        await self._something_happened.wait()
        alarm.cancel()

    def _heed_budgets(self) -> None:
        reason = self._budgets.why_over
        if reason and len(self._given_up) < len(self._hosts):
            for host in self._hosts:
                self._give_up(host, FetchError("budget", reason))

    async def _visit(self, host: str, item: Wanted | None) -> None:
        if item is None:
            await self._open(host)
        elif reason := self._budgets.why_not(host):
            self._give_up(host, FetchError("budget", reason))
            self._end(host, item, self._given_up[host], 0.0)
        else:
            await self._download(host, item)
        self._room.release()
        self._something_happened.set()

    async def _open(self, host: str) -> None:
        """Read a host's robots.txt, in its next turn tdmrep.json; then let its images wait."""
        begin = self._now()
        try:
            await (self._sort_out(host) if host in self._heard else self._hear(host))
        except FetchError as error:
            self._robots_tries[host] += 1
            self._after_failure(host, None, self._robots_tries[host], error, self._now() - begin)
        else:
            self._schedule.finished(host, self._now() - begin)

    async def _hear(self, host: str) -> None:
        delay_s = await self._receiver.crawl_delay_s(self._waiting_for_robots[host][0].url)
        self._heard.add(host)
        self._obey_crawl_delay(host, delay_s or 0.0)
        if host not in self._given_up:
            self._schedule.add(host, None)

    def _obey_crawl_delay(self, host: str, delay_s: float) -> None:
        if delay_s > self._options.max_wait_s:
            reason = f"robots.txt asks for {delay_s:.0f} s between requests"
            self._give_up(host, FetchError("given_up", reason))
        elif delay_s > self._options.per_host_interval_s:
            self._schedule.set_interval(host, delay_s)

    async def _sort_out(self, host: str) -> None:
        """Queue what the site allows; what it does not needs no turn."""
        waiting = self._waiting_for_robots[host]
        checks = 0
        while waiting:
            item = waiting.popleft()
            refusal = await self._receiver.refusal(item.url)
            refusal = self._given_up.get(host, refusal)
            if refusal is None or refusal.is_worth_retrying:
                item.allowed_url = "" if refusal else item.url
                self._schedule.add(host, item)
            else:
                self._finisher.fail(host, item, refusal)
            checks += 1
            if checks % _CHECKS_AT_ONCE == 0:
                self._something_happened.set()
                await asyncio.sleep(0)
        self._waiting_for_robots.pop(host, None)

    async def _download(self, host: str, item: Wanted) -> None:
        begin = self._now()
        part = self._parts / f"{item.candidate_id}.part"
        try:
            fetched = await self._receiver.receive(host, item, part)
        except MovedError as moved:
            part.unlink()
            item.url, item.redirects = moved.url, moved.redirects
            item.named_host = item.named_host or host
            self._enqueue(item)
            self._schedule.finished(host, self._now() - begin)
        except FetchError as error:
            item.attempts += 1
            part.unlink()
            self._after_failure(host, item, item.attempts, error, self._now() - begin)
        else:
            item.url, item.attempts = fetched.url, item.attempts + 1
            item.seconds = self._now() - begin
            self._failures.forget(host)
            self._schedule.finished(host, item.seconds)
            self._something_happened.set()
            await self._finisher.take_in(host, item, part, fetched.length)

    def _after_failure(
        self, host: str, item: Wanted | None, attempts: int, error: FetchError, seconds: float
    ) -> None:
        verdict = self._failures.judge(host, attempts, error)
        if verdict.giving_up is not None:
            self._give_up(host, verdict.giving_up)
        if verdict.pause_s:
            self._schedule.pause(host, verdict.pause_s)
        if verdict.retry_in_s is not None and host not in self._given_up:
            self._schedule.put_back(host, item, verdict.retry_in_s)
            return
        if error.is_worth_retrying:
            error = self._given_up.get(host, error)
        self._end(host, item, error, seconds)

    def _end(self, host: str, item: Wanted | None, error: FetchError, seconds: float) -> None:
        self._schedule.finished(host, seconds)
        if item is not None:
            item.seconds = seconds
            self._finisher.fail(host, item, error)

    def _give_up(self, host: str, error: FetchError) -> None:
        """Ask this host for nothing more; what is in flight may end."""
        self._given_up[host] = error
        for item in self._schedule.give_up(host):
            if item is not None:
                self._finisher.fail(host, item, error)
        waiting = self._waiting_for_robots.pop(host, deque())
        while waiting:
            self._finisher.fail(host, waiting.popleft(), error)


def _length(file: Path, max_bytes: int) -> int:
    """Return the bytes of a regular file, under the same limit as a download.

    Raises:
        FetchError: Not a readable regular file, or too long.
    """
    try:
        if not file.is_file():
            raise FetchError("unreadable_file", "not a regular file", is_worth_retrying=True)
        length = file.stat().st_size
    except OSError as error:
        reason = f"unreadable file ({error.strerror})"
        raise FetchError("unreadable_file", reason, is_worth_retrying=True) from error
    if length > max_bytes:
        raise FetchError("too_long", f"longer than {max_bytes} bytes")
    return length
