"""How a download goes: a live bar, warnings when it goes badly, and a table of the hosts."""

import logging
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
from tqdm import tqdm

from cosmop.metrics.intervals import wilson
from cosmop.progress import track

logger = logging.getLogger(__name__)

_TABLE_TYPES = {
    "host": "str",
    "tried": "int64",
    "stored": "int64",
    "failed": "int64",
    "bytes": "int64",
    "seconds": "float64",
    "main_problem": "str",
}
TABLE_COLUMNS = tuple(_TABLE_TYPES)

_FEWEST_OF_HOST = 20
_FEWEST_OF_RUN = 100  # and so many are its beginning
_LATEST = 200
_UNUSUAL_SHARE = 0.5
_UNUSUAL_RISE = 3
_LEAST_BEGINNING = 0.05  # a few failures more after a clean beginning are no news
_MOST_HOSTS_NAMED = 10

_ADVICE = {
    "http_401": "the site wants a login, so leave it out",
    "http_403": "the site refuses us, so set an honest user_agent with a contact or leave it out",
    "http_404": "the list is probably old, so search again",
    "http_410": "the list is probably old, so search again",
    "http_429": "raise per_host_interval_s and lower per_host_in_flight",
    "http_503": "raise per_host_interval_s and lower per_host_in_flight",
    "host_not_found": "check the name server, a resolver on this machine helps",
    "no_connection": "check the network, or try again later",
    "timeout": "use fewer slots or longer time limits, or try again later",
    "too_slow": "use fewer slots or longer time limits, or try again later",
    "tls_error": "check this machine's clock and certificates",
    "forbidden_address": "allow the host by host_addresses if it is meant to be private",
    "not_an_image": "look at one of its addresses, the list may name pages instead of images",
}
_OTHER_ADVICE = "look at the reasons in the download log"


@dataclass(slots=True)
class _Host:
    tried: int = 0
    bytes: int = 0
    seconds: float = 0.0
    problems: dict[str, int] | None = None
    is_warned_of: bool = False

    @property
    def failed(self) -> int:
        return sum((self.problems or {}).values())

    @property
    def main_problem(self) -> str:
        return _most_frequent(self.problems) if self.problems else ""


@dataclass(slots=True)
class _Run:
    """The run as a whole: its beginning, and the kinds of what came latest after that."""

    tried: int = 0
    failed_in_beginning: int = 0
    latest: deque[str] = field(default_factory=lambda: deque(maxlen=_LATEST))
    failed_latest: int = 0

    def add(self, problem_kind: str) -> None:
        self.tried += 1
        if self.tried <= _FEWEST_OF_RUN:
            self.failed_in_beginning += bool(problem_kind)
            return
        if len(self.latest) == _LATEST:
            self.failed_latest -= bool(self.latest[0])
        self.latest.append(problem_kind)
        self.failed_latest += bool(problem_kind)

    @property
    def has_worsened(self) -> bool:
        """Whether failures are surely three times as frequent as in the beginning."""
        before = max(self.failed_in_beginning / _FEWEST_OF_RUN, _LEAST_BEGINNING)
        latest = len(self.latest)
        if latest < _LATEST or self.failed_latest <= _UNUSUAL_RISE * before * latest:
            return False
        return wilson(self.failed_latest, latest)["low"] > _UNUSUAL_RISE * before


class DownloadStatistics:
    """Counts what became of every try, shows it live, and warns by logging when it goes badly.

    The bar shows rate and time left, the share stored, and the most frequent problem. A warning
    comes once for a host of which surely more than half fails (at least 20 tries, lower bound of
    the Wilson interval), for at most ten hosts; once if that holds for the run (100 tries); and
    once if the latest 200 failed surely three times as often as the first 100.

    Args:
        total: All candidates.
        done_before: So many of them were done by an earlier run.
    """

    def __init__(self, total: int, done_before: int) -> None:
        self._hosts: dict[str, _Host] = {}
        self._kinds: Counter[str] = Counter()
        self._run = _Run()
        self._failed = 0
        self._hosts_named = 0
        self._warned: set[str] = set()
        self._bar: tqdm[object] = track((), "Downloading", total=total, unit="image")
        self._bar.initial = self._bar.n = done_before

    def add(self, host: str, problem_kind: str, bytes: int, seconds: float) -> None:
        """Count one candidate that is done; `problem_kind` is empty if its image is stored."""
        entry = self._hosts.get(host)
        if entry is None:
            entry = self._hosts[host] = _Host()
        entry.tried += 1
        entry.bytes += bytes
        entry.seconds += seconds
        self._run.add(problem_kind)
        if problem_kind:
            self._failed += 1
            self._kinds[problem_kind] += 1
            entry.problems = entry.problems or {}
            entry.problems[problem_kind] = entry.problems.get(problem_kind, 0) + 1
            self._warn_of_host(host, entry)
            self._warn_of_run()
        self._bar.set_postfix_str(self._summary(), refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def table(self) -> pd.DataFrame:
        """Return one row per host, the most tried first; see `TABLE_COLUMNS`.

        ``seconds`` is the sum over its tries, ``main_problem`` its most frequent kind of failure.
        """
        rows = [
            (name, h.tried, h.tried - h.failed, h.failed, h.bytes, h.seconds, h.main_problem)
            for name, h in sorted(self._hosts.items(), key=lambda item: (-item[1].tried, item[0]))
        ]
        return pd.DataFrame(rows, columns=list(TABLE_COLUMNS)).astype(_TABLE_TYPES)

    def _summary(self) -> str:
        tried = self._run.tried
        stored = f"{(tried - self._failed) / tried:.0%} stored"
        if not self._kinds:
            return stored
        worst = _most_frequent(self._kinds)
        return f"{stored}, worst: {worst} {self._kinds[worst] / tried:.0%}"

    def _warn_of_host(self, name: str, host: _Host) -> None:
        if host.is_warned_of or not _fails_unusually(host.failed, host.tried, _FEWEST_OF_HOST):
            return
        host.is_warned_of = True
        self._hosts_named += 1
        if self._hosts_named > _MOST_HOSTS_NAMED:
            self._warn_once(
                "More than %d hosts fail unusually often; the table of hosts names them all.",
                _MOST_HOSTS_NAMED,
            )
            return
        logger.warning(
            "%d of %d downloads from %s failed, most of them with %s.",
            *(host.failed, host.tried, name, _with_advice(host.problems or {})),
        )

    def _warn_of_run(self) -> None:
        run = self._run
        if _fails_unusually(self._failed, run.tried, _FEWEST_OF_RUN):
            self._warn_once(
                "%d of all %d downloads failed, most of them with %s.",
                *(self._failed, run.tried, _with_advice(self._kinds)),
            )
        if run.has_worsened:
            self._warn_once(
                "%d of the latest %d downloads failed but only %d of the first %d, "
                "most of them with %s.",
                *(run.failed_latest, _LATEST, run.failed_in_beginning, _FEWEST_OF_RUN),
                _with_advice(Counter(filter(None, run.latest))),
            )

    def _warn_once(self, sentence: str, *facts: object) -> None:
        if sentence not in self._warned:
            self._warned.add(sentence)
            logger.warning(sentence, *facts)


def _fails_unusually(failed: int, tried: int, fewest: int) -> bool:
    if tried < fewest or failed <= _UNUSUAL_SHARE * tried:
        return False
    return wilson(failed, tried)["low"] > _UNUSUAL_SHARE


def _most_frequent(kinds: Mapping[str, int]) -> str:
    return max(kinds, key=kinds.__getitem__)


def _with_advice(kinds: Mapping[str, int]) -> str:
    kind = _most_frequent(kinds)
    return f"{kind}; {_ADVICE.get(kind, _OTHER_ADVICE)}"
