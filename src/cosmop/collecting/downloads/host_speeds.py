"""How long the hosts of a download take, and which of them take far longer than is usual."""

import math

_SHORTEST_S = 1e-4
_STEPS_PER_OCTAVE = 8
_STEPS = 24 * _STEPS_PER_OCTAVE  # up to 28 minutes
_FEWEST_HOSTS = 10  # before that many were heard, nothing is usual
_FAR_ABOVE = 4.0
_NEVER_SLOW_S = 0.3  # a busy event loop makes everybody seem late by tenths of a second


class HostSpeeds:
    """The median of the hosts' mean durations, each host one vote, in constant time and memory.

    Durations are counted in logarithmic steps, so the median is right to 5 %.

    Attributes:
        slow_s: A host that takes longer is slow; infinity until ten hosts were heard.
    """

    def __init__(self) -> None:
        self.slow_s = math.inf
        self._hosts = [0] * _STEPS
        self._count = 0

    def replace(self, old_s: float | None, new_s: float) -> None:
        """Take note that a host's mean, `old_s` until now if it had one, is `new_s` seconds."""
        old, new = None if old_s is None else _step(old_s), _step(new_s)
        if old == new:
            return
        self._hosts[new] += 1
        if old is None:
            self._count += 1
        else:
            self._hosts[old] -= 1
        far_above = max(_FAR_ABOVE * self._median(), _NEVER_SLOW_S)
        self.slow_s = far_above if self._count >= _FEWEST_HOSTS else math.inf

    def _median(self) -> float:
        below = step = 0
        while (below := below + self._hosts[step]) * 2 < self._count:
            step += 1
        return float(_SHORTEST_S * 2 ** ((step + 0.5) / _STEPS_PER_OCTAVE))


def _step(seconds: float) -> int:
    octaves = math.log2(max(seconds, _SHORTEST_S) / _SHORTEST_S)
    return min(int(octaves * _STEPS_PER_OCTAVE), _STEPS - 1)
