"""Failures that may be the network's: those of many hosts one after the other, and no image."""

import logging
from collections import deque

from cosmop.collecting.downloads.arrivals import Arrival

logger = logging.getLogger(__name__)

FEWEST_HOSTS = 30
# What a login page or a dead name server makes of every host; a plain "404" is a host's own.
_DOUBTFUL = frozenset(
    ("not_an_image", "host_not_found", "forbidden_address", "too_many_redirects", "tls_error")
)
_MOST_HELD = 10_000  # failures of one host may be very many


class Doubts:
    """Tells which failures are no host's fault for sure.

    The login page of a network in place of every image, or a name server that knows no names, make
    each host look as if it failed for good. What other hosts give meanwhile tells the difference:
    where 30 hosts failed so and no image came from any between, none of these failures is for good.
    The first time is told by a warning.
    """

    def __init__(self) -> None:
        self._has_warned = False
        self._hosts: set[str] = set()
        self._failed: deque[Arrival] = deque(maxlen=_MOST_HELD)

    def clear(self) -> None:
        """Remember that an image came over the network."""
        self._hosts.clear()
        self._failed.clear()

    def lines(self, host: str, failure: Arrival) -> list[Arrival]:
        """Return what the journal is to hold of a `failure`, and of earlier ones from now on.

        Args:
            host: That the candidate itself named: a login page is one for all hosts.
            failure: As it looks.
        """
        if failure.problem_kind not in _DOUBTFUL:
            return [failure]
        self._hosts.add(host)
        if len(self._hosts) < FEWEST_HOSTS:
            self._failed.append(failure)
            return [failure]
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "No image came from the latest %d hosts, last: %s; check the network, it may be "
                "down or want a login. The next run tries such addresses again.",
                *(FEWEST_HOSTS, failure.reason),
            )
        doubtful = [*self._failed, failure]
        self._failed.clear()
        return [arrival._replace(is_temporary=True) for arrival in doubtful]
