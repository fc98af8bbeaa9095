"""Page after page of one provider, never faster than it wants."""

import time
from collections.abc import Callable
from dataclasses import replace

from cosmop.collecting.candidates import Outcome
from cosmop.collecting.providers.providers import PageProviderOptions
from cosmop.collecting.providers.result_rows import unique_images


def turn_pages(ask: Callable[[int, int], Outcome], *, pages: int, limit: int) -> Outcome:
    """Ask page after page until the limit, the last page, or one that brings nothing new.

    The first page decides the status; the last one says why there is not more.

    Args:
        ask: Takes a page number from 0 and how many images are still wanted.
        pages: At most so many.
        limit: At most so many images, each location once.
    """
    whole = first = ask(0, limit)
    found = unique_images(first.found, limit)
    for number in range(1, pages):
        if not found or len(found) >= limit:
            break
        last = ask(number, limit - len(found))
        whole = replace(
            first,
            reason=first.reason or _why_not_more(last),
            evidence=first.evidence or last.evidence,
        )
        more = unique_images((*found, *last.found), limit)
        if len(more) == len(found):
            break
        found = more
    return replace(whole, found=found)


def _why_not_more(last: Outcome) -> str:
    return "" if last.status == "no_results" else last.reason


class Pace:
    """Waits until a provider's interval since its last page is over, whatever the query."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def wait(self, provider: PageProviderOptions) -> None:
        """Return when the next page of `provider` may be asked for."""
        ready_at = self._last.get(provider.name, float("-inf")) + provider.interval_s
        time.sleep(max(0.0, ready_at - time.monotonic()))
        self._last[provider.name] = time.monotonic()
