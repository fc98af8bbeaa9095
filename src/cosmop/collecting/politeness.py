"""Politeness towards hosts: few requests at once, not too fast, and waiting when asked to."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class _Host:
    slots: threading.Semaphore
    lock: threading.Lock = field(default_factory=threading.Lock)
    next_start: float = 0.0
    is_given_up: bool = False


class HostLimiter:
    """Lets each host serve at most `in_flight` requests at once, started `interval_s` apart."""

    def __init__(self, in_flight: int, interval_s: float) -> None:
        self._in_flight = in_flight
        self._interval_s = interval_s
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    def _host(self, name: str) -> _Host:
        with self._lock:
            if name not in self._hosts:
                self._hosts[name] = _Host(threading.Semaphore(self._in_flight))
            return self._hosts[name]

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Wait for a turn at the host `name` and hold it while the context is open."""
        host = self._host(name)
        with host.slots:
            while (wait_s := self._reserve(host)) > 0:
                time.sleep(wait_s)
            yield

    def _reserve(self, host: _Host) -> float:
        """Take the next start if it has come, else return the seconds until then."""
        with host.lock:
            now = time.monotonic()
            if host.next_start > now:
                return host.next_start - now
            host.next_start = now + self._interval_s
            return 0.0

    def give_up(self, name: str) -> None:
        """Remember that the host `name` is not to be asked again."""
        self._host(name).is_given_up = True

    def is_given_up(self, name: str) -> bool:
        """Tell whether `give_up` was called for the host `name`."""
        return self._host(name).is_given_up

    def pause(self, name: str, seconds: float) -> None:
        """Start nothing new at the host `name` for the next `seconds`."""
        host = self._host(name)
        with host.lock:
            host.next_start = max(host.next_start, time.monotonic() + seconds)
