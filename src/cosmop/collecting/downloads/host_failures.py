"""What a failure means for the image, and for its host: another try, a pause, or the end."""

import random
from collections import Counter
from typing import NamedTuple

from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.web.fetch_errors import FetchError

_BUSY = (429, 503)  # what a host says that has enough of us, not of one address


class Verdict(NamedTuple):
    """What follows from a failure.

    Attributes:
        retry_in_s: The image is asked for again after so long; None: it has failed.
        pause_s: The host is left alone so long.
        giving_up: Why the host is not asked for anything any more, or None.
    """

    retry_in_s: float | None = None
    pause_s: float = 0.0
    giving_up: FetchError | None = None


class HostFailures:
    """Remembers how often each host has failed since it last gave an answer.

    Pauses are those the host asks for, else random up to a time that doubles (full jitter).

    Args:
        options: How often, how long.
        seed: Of the jitter; None takes the machine's randomness.
    """

    def __init__(self, options: DownloadOptions, seed: int | None = None) -> None:
        self._options = options
        self._random = random.Random(seed)  # noqa: S311  jitter keeps no secret
        self._in_a_row: Counter[str] = Counter()

    def forget(self, host: str) -> None:
        """Remember that `host` has answered."""
        self._in_a_row.pop(host, None)

    def judge(self, host: str, attempts: int, error: FetchError) -> Verdict:
        """Return what follows from `error`, with which attempt number `attempts` ended."""
        if not error.is_worth_retrying:
            self.forget(host)
            return Verdict()
        self._in_a_row[host] += 1
        asked_s = error.retry_after_s
        if asked_s is not None and asked_s > self._options.max_wait_s:
            return _end(f"{error}, asks to wait {asked_s:.0f} s")
        if self._in_a_row[host] >= self._options.max_failures_in_a_row:
            return _end(f"the host failed {self._in_a_row[host]} times in a row, last: {error}")
        wait_s = self._jitter(attempts) if asked_s is None else asked_s
        is_meant_for_all = asked_s is not None or error.status in _BUSY
        return Verdict(
            wait_s if attempts <= self._options.retries else None,
            wait_s if is_meant_for_all else 0.0,
        )

    def _jitter(self, attempts: int) -> float:
        return self._random.uniform(0, self._options.backoff_s * 2 ** (attempts - 1))


def _end(reason: str) -> Verdict:
    return Verdict(giving_up=FetchError("given_up", reason))
