"""Who may be asked next: fair over hosts, never too many at once, never too fast at one of them."""

import heapq
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, NamedTuple, TypeVar

from cosmop.collecting.downloads.host_speeds import HostSpeeds

T = TypeVar("T")

_NEWEST_WEIGHT = 0.1  # of a duration in its host's mean, which so follows a host that changes
_SHARE_BESIDE_OTHERS = 1 / 8  # of the slow hosts' share, while another host could take the slot
_KNOWN, _NEW, _SLOW = range(3)


class HostLimits(NamedTuple):
    """What one host, and all slow hosts together, may take.

    Attributes:
        in_flight: Requests at once at one host.
        interval_s: A host earns one request in this time (token bucket).
        burst: So many requests it may have earned and not used.
        slow_share: Of all slots, the most that slow hosts hold together while others have work.
    """

    in_flight: int
    interval_s: float
    burst: int = 1
    slow_share: float = 0.5


@dataclass(slots=True)
class _Host(Generic[T]):
    """One host. `turn` names its one valid entry in the heaps; older entries are stale."""

    name: str
    interval_s: float
    slack_s: float
    queue: deque[T] = field(default_factory=deque)
    delayed: list[tuple[float, int, T]] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    last_start: float = -math.inf
    earned_at: float = -math.inf
    paused_until: float = -math.inf
    opens_at: float = math.inf
    turn: int = 0
    is_ready: bool = False
    rank: int = _NEW
    mean_s: float | None = None

    @property
    def queued(self) -> int:
        return len(self.queue) + len(self.delayed)

    def release(self, now: float) -> None:
        """Move what was put back and is due to the front of the queue."""
        while self.delayed and self.delayed[0][0] <= now:
            self.queue.appendleft(heapq.heappop(self.delayed)[2])

    def may_start_at(self, in_flight: int) -> float:
        """Return when its next item may start; infinity if something must happen before."""
        if len(self.starts) >= in_flight or not self.queued:
            return math.inf
        item_at = -math.inf if self.queue else self.delayed[0][0]
        return max(item_at, self.earned_at - self.slack_s, self.paused_until)


class HostSchedule(Generic[T]):
    """Queued items of many hosts, and which of them may start now.

    Hosts that could start take turns. A host whose requests last on average more than four times
    as long as those of the median host is slow, and so is one with a request that has lasted so
    long already. While other hosts have work, slow ones together hold at most
    ``limits.slow_share`` of the slots, and an eighth of that where another host could use them.
    If they hold more, because new hosts turned out to be slow, hosts that have answered before
    come before those that never have.

    Every item that `next` gives out is to be `finished` or `put_back` once. Each step takes
    O(log n) time. Not for several threads.

    Args:
        limits: What hosts may take.
        slots: The most that are in flight at once, of all hosts.
        clock: In seconds.

    Attributes:
        queued: Items that wait, those put back included.
        in_flight: Items that were given out and are neither finished nor put back.
    """

    def __init__(
        self, limits: HostLimits, slots: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.queued = 0
        self.in_flight = 0
        self._limits = limits
        self._slots = slots
        self._clock = clock
        self._hosts: dict[str, _Host[T]] = {}
        self._ready: tuple[list[tuple[int, str]], ...] = ([], [], [])  # by rank
        self._waiting: list[tuple[float, int, str]] = []
        self._started: deque[tuple[float, str]] = deque()
        self._turns = count(1)
        self._speeds = HostSpeeds()
        self._queued_at_slow = 0
        self._held_by_slow = 0

    def add(self, host: str, item: T) -> None:
        """Queue `item` behind the others of `host`."""
        entry = self._host(host)
        entry.queue.append(item)
        self._count_queued(entry, 1)
        self._place(entry, self._clock())

    def next(self) -> tuple[str, T] | float | None:
        """Give out a host and its item that may start now; they count as started.

        Returns:
            Else the seconds until something may start, infinity when something must finish
            before; None when nothing is queued and nothing in flight.
        """
        if not self.queued and not self.in_flight:
            return None
        now = self._clock()
        self._open(now)
        self._notice_overdue(now)
        if self.in_flight >= self._slots:
            return math.inf
        host = self._first_ready()
        if host is not None:
            return host.name, self._start(host, now)
        return self._waiting[0][0] - now if self._waiting else math.inf

    def finished(self, host: str, seconds: float) -> None:
        """Free the slot of an item of `host` that took `seconds`."""
        self._free(self._hosts[host], seconds, self._clock())

    def put_back(self, host: str, item: T, delay_s: float) -> None:
        """Free the slot of `item`, which failed, and queue it again to start after `delay_s`."""
        entry, now = self._hosts[host], self._clock()
        heapq.heappush(entry.delayed, (now + delay_s, next(self._turns), item))
        self._count_queued(entry, 1)
        self._free(entry, now - entry.starts[0], now)

    def pause(self, host: str, seconds: float) -> None:
        """Start nothing at `host` for the next `seconds`."""
        entry, now = self._host(host), self._clock()
        entry.paused_until = max(entry.paused_until, now + seconds)
        self._place(entry, now)

    def give_up(self, host: str) -> list[T]:
        """Return the queued items of `host`, which will not be started.

        What is in flight stays so. Nothing is remembered: what is added or put back afterwards is
        queued as ever.
        """
        entry = self._host(host)
        items = [*entry.queue, *(item for _, _, item in sorted(entry.delayed))]
        self._count_queued(entry, -len(items))
        entry.queue.clear()
        entry.delayed.clear()
        self._place(entry, self._clock())
        return items

    def set_interval(self, host: str, interval_s: float) -> None:
        """Keep starts at `host` `interval_s` apart from now on, without any burst."""
        entry = self._host(host)
        entry.interval_s, entry.slack_s = interval_s, 0.0
        entry.earned_at = entry.last_start + interval_s
        self._place(entry, self._clock())

    def _host(self, name: str) -> _Host[T]:
        entry = self._hosts.get(name)
        if entry is None:
            limits = self._limits
            slack_s = (limits.burst - 1) * limits.interval_s
            entry = self._hosts[name] = _Host(name, limits.interval_s, slack_s)
        return entry

    def _place(self, host: _Host[T], now: float) -> None:
        """Enter `host` among those ready or waiting; one that was ready keeps its turn."""
        opens_at = host.may_start_at(self._limits.in_flight)
        is_ready = opens_at <= now
        if is_ready == host.is_ready and (is_ready or opens_at == host.opens_at):
            return
        host.opens_at, host.is_ready, host.turn = opens_at, is_ready, next(self._turns)
        if is_ready:
            heapq.heappush(self._ready[host.rank], (host.turn, host.name))
        elif opens_at < math.inf:
            heapq.heappush(self._waiting, (opens_at, host.turn, host.name))

    def _open(self, now: float) -> None:
        """Let hosts whose time has come take turns; the heap then begins with a valid entry."""
        while self._waiting:
            opens_at, turn, name = self._waiting[0]
            host = self._hosts[name]
            if host.turn == turn and opens_at > now:
                return
            heapq.heappop(self._waiting)
            if host.turn == turn:
                self._place(host, now)

    def _first_ready(self) -> _Host[T] | None:
        known, new, slow = (self._head(rank) for rank in (_KNOWN, _NEW, _SLOW))
        heads = [known]
        if not known or self._held_by_slow <= self._slots_for_slow(_SHARE_BESIDE_OTHERS):
            heads.append(new)
        if self._held_by_slow < self._room_for_slow(is_another_ready=bool(known or new)):
            heads.append(slow)
        first = min(filter(None, heads), default=None)
        return self._hosts[first[1]] if first else None

    def _head(self, rank: int) -> tuple[int, str] | None:
        heap = self._ready[rank]
        while heap:
            host = self._hosts[heap[0][1]]
            if host.is_ready and host.turn == heap[0][0] and host.rank == rank:
                return heap[0]
            heapq.heappop(heap)
        return None

    def _room_for_slow(self, *, is_another_ready: bool) -> int:
        if self.queued == self._queued_at_slow:
            return self._slots
        return self._slots_for_slow(_SHARE_BESIDE_OTHERS if is_another_ready else 1)

    def _slots_for_slow(self, part: float) -> int:
        return max(1, int(self._slots * self._limits.slow_share * part))

    def _start(self, host: _Host[T], now: float) -> T:
        host.release(now)
        item = host.queue.popleft()
        self._count_queued(host, -1)
        host.starts.append(now)
        self._count_held(host, 1)
        self._started.append((now, host.name))
        host.last_start = now
        host.earned_at = max(host.earned_at, now) + host.interval_s
        host.is_ready = False
        self._place(host, now)
        return item

    def _free(self, host: _Host[T], seconds: float, now: float) -> None:
        host.starts.remove(min(host.starts, key=lambda start: abs(now - seconds - start)))
        self._count_held(host, -1)
        old_s = host.mean_s
        host.mean_s = seconds if old_s is None else old_s + _NEWEST_WEIGHT * (seconds - old_s)
        self._speeds.replace(old_s, host.mean_s)
        longest_s = max(host.mean_s, *(now - start for start in host.starts), 0.0)
        self._set_rank(host, _SLOW if longest_s > self._speeds.slow_s else _KNOWN)
        self._place(host, now)

    def _notice_overdue(self, now: float) -> None:
        """Call a host slow before its request ends: one that hangs would say so too late."""
        while self._started:
            start, name = self._started[0]
            host = self._hosts[name]
            is_in_flight = start in host.starts
            if is_in_flight and now - start <= self._speeds.slow_s:
                return
            self._started.popleft()
            if is_in_flight:
                self._set_rank(host, _SLOW)

    def _set_rank(self, host: _Host[T], rank: int) -> None:
        if rank == host.rank:
            return
        change = (rank == _SLOW) - (host.rank == _SLOW)
        self._queued_at_slow += change * host.queued
        self._held_by_slow += change * len(host.starts)
        host.rank = rank
        if host.is_ready:
            heapq.heappush(self._ready[rank], (host.turn, host.name))

    def _count_queued(self, host: _Host[T], change: int) -> None:
        self.queued += change
        self._queued_at_slow += change * (host.rank == _SLOW)

    def _count_held(self, host: _Host[T], change: int) -> None:
        self.in_flight += change
        self._held_by_slow += change * (host.rank == _SLOW)
