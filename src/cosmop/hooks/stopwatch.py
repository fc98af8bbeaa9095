"""How long nodes take, their loading and saving included."""

import time


class Stopwatch:
    """Measures nodes that run one after another, or in threads."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._took: dict[str, float] = {}

    def begin(self, node: str) -> None:
        """Begin, unless the node has begun already."""
        self._began.setdefault(node, time.monotonic())

    def seconds(self, node: str) -> float:
        """Return the seconds up to the first time this is asked; 0 if the node never began."""
        if node not in self._began:
            return 0.0
        return self._took.setdefault(node, time.monotonic() - self._began[node])
