"""Progress bars with the time left, for every loop a person may wait for."""

import os
import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

_SECONDS_BETWEEN_LINES = 10.0  # a log file gets a line now and then, not a thousand


def track(
    items: Iterable[T], what: str, *, total: int | None = None, unit: str = "it"
) -> "tqdm[T]":
    """Wrap `items` in a progress bar that is named `what` and shows rate and time left.

    On a terminal the bar moves; in a log it becomes an occasional line. ``TQDM_DISABLE=1``
    silences it. The bar is a context manager and takes ``set_postfix_str``.
    """
    is_terminal = sys.stderr.isatty()
    return tqdm(
        items,
        desc=what,
        total=total,
        unit=unit,
        disable=os.environ.get("TQDM_DISABLE", "") not in ("", "0"),
        mininterval=0.2 if is_terminal else _SECONDS_BETWEEN_LINES,
        leave=True,
        dynamic_ncols=is_terminal,
    )
