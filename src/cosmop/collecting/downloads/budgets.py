"""How much a download may take in all, and from one host."""

import math
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from cosmop.config import Options

_SECONDS_BETWEEN_LOOKS = 1.0


class BudgetOptions(Options):
    """Where a download stops by itself; None is no limit."""

    per_host_images: int | None = Field(default=None, ge=1, description="Stored from one host.")
    per_host_bytes: int | None = Field(default=None, ge=1, description="Received from one host.")
    total_images: int | None = Field(default=None, ge=1, description="Stored in one run.")
    total_bytes: int | None = Field(default=None, ge=1, description="Received in one run.")
    total_minutes: float | None = Field(default=None, gt=0, description="Of one run.")
    min_free_disk_bytes: int = Field(
        default=1_000_000_000, ge=0, description="Left on the disk of the images; 0 does not look."
    )


class Budgets:
    """Counts what was taken and says what is spent.

    What is in flight is not counted: ask `why_not` again before an image is kept, and no budget
    of images is ever exceeded.

    Args:
        options: The budgets.
        folder: On the disk that is to keep free space; need not exist yet.
        clock: In seconds; the run begins now.
    """

    def __init__(
        self, options: BudgetOptions, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = options
        self._folder = folder
        self._clock = clock
        self._start = clock()
        self._looked_at = -math.inf
        self._free_bytes = 0
        self._images = self._bytes = 0
        self._of_host: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])

    def why_not(self, host: str) -> str:
        """Return ``""`` while there is room for an image from `host`, else the budget's name."""
        images, received = self._of_host.get(host, (0, 0))
        if images >= _limit(self._options.per_host_images):
            return "per_host_images is spent"
        if received >= _limit(self._options.per_host_bytes):
            return "per_host_bytes is spent"
        return self.why_over

    def spend(self, host: str, bytes: int, *, images: int = 1) -> None:
        """Count `bytes` from `host`, by which `images` were stored."""
        self._images += images
        self._bytes += bytes
        if self._options.per_host_images or self._options.per_host_bytes:
            taken = self._of_host[host]
            taken[0] += images
            taken[1] += bytes

    @property
    def why_over(self) -> str:
        """The budget of the whole run that is spent, else ``""``."""
        if self._images >= _limit(self._options.total_images):
            return "total_images is spent"
        if self._bytes >= _limit(self._options.total_bytes):
            return "total_bytes is spent"
        if self._clock() - self._start >= 60 * _limit(self._options.total_minutes):
            return "total_minutes are over"
        return "the disk is nearly full (min_free_disk_bytes)" if self._is_disk_full() else ""

    def _is_disk_full(self) -> bool:
        wanted = self._options.min_free_disk_bytes
        if wanted and self._clock() - self._looked_at >= _SECONDS_BETWEEN_LOOKS:
            self._looked_at = self._clock()
            self._free_bytes = shutil.disk_usage(_existing(self._folder)).free
        return self._free_bytes < wanted


def _limit(budget: float | None) -> float:
    return math.inf if budget is None else budget


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
