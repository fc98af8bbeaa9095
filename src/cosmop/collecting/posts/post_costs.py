"""What reading posts costs: an estimate before, a count while, a stop before the limit."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cosmop.collecting.json_lines import JsonLines
from cosmop.collecting.posts.post_archive import texts
from cosmop.collecting.posts.post_options import SMALLEST_PAGE, PostOptions

MOST_PHOTOS_PER_POST = 4

_KINDS = ("posts", "media", "users")


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def searched_post_usd(options: PostOptions, photos: int = MOST_PHOTOS_PER_POST) -> float:
    """Return what one post of a search costs with `photos` photos, in US dollars."""
    prices = options.prices
    author = prices.users_usd if options.authors else 0.0
    return prices.posts_usd + photos * prices.media_usd + author


@dataclass(frozen=True)
class Estimate:
    """What a search may cost.

    Attributes:
        queries: How many.
        pages: Requests per query, at most.
        posts: Posts in all, at most.
        likely_usd: If every photo wanted is the only one of its post.
        at_most_usd: If every page is full and every post has four photos.
    """

    queries: int
    pages: int
    posts: int
    likely_usd: float
    at_most_usd: float


def estimate_search(options: PostOptions, queries: int, limit: int) -> Estimate:
    """Estimate a search of `queries` queries for `limit` photos each, from nothing."""
    posts = min(queries * options.max_pages * options.page_size, options.max_posts)
    likely = min(queries * max(limit, SMALLEST_PAGE), posts)
    return Estimate(
        queries,
        options.max_pages,
        posts,
        min(likely * searched_post_usd(options, photos=1), options.max_cost_usd),
        min(posts * searched_post_usd(options), options.max_cost_usd),
    )


class Spending:
    """Counts what was read, and says how much more may be.

    A resource counts once in a UTC day (docs.x.com/x-api/getting-started/pricing, Deduplication,
    "a soft guarantee"). What was read lies in one file per day below `folder`, so that a killed run
    goes on with its count.

    Attributes:
        posts: Posts read today before this object was made, and all that it counted itself.
        usd: What all resources cost, in the same sense.
    """

    def __init__(
        self, folder: Path, options: PostOptions, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._folder = folder
        self._options = options
        self._clock = clock
        self.posts = 0
        self.usd = 0.0
        self._read: dict[str, set[str]] = {}
        self._turn_to(clock().date().isoformat())
        for kind, price in self._prices().items():
            self.usd += len(self._read[kind]) * price
        self.posts = len(self._read["posts"])

    def _prices(self) -> dict[str, float]:
        prices = self._options.prices
        return {"posts": prices.posts_usd, "media": prices.media_usd, "users": prices.users_usd}

    def _turn_to(self, day: str) -> None:
        self._day = day
        self._file = JsonLines(self._folder / f"{day}.jsonl")
        rows = self._file.rows
        self._read = {kind: {key for row in rows for key in texts(row, kind)} for kind in _KINDS}

    def count(
        self, posts: Iterable[str], media: Iterable[str] = (), users: Iterable[str] = ()
    ) -> None:
        """Add what one answer held; ids that were read today are free."""
        today = self._clock().date().isoformat()
        if today != self._day:
            self._file.close()
            self._turn_to(today)
        given = dict(zip(_KINDS, (posts, media, users), strict=True))
        new = {kind: sorted(set(keys) - self._read[kind]) for kind, keys in given.items()}
        self._file.append(new)
        for kind, price in self._prices().items():
            self._read[kind].update(new[kind])
            self.usd += len(new[kind]) * price
        self.posts += len(new["posts"])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def is_paid(self, post_id: str) -> bool:
        """Whether this post was read today, so that reading it again is free."""
        return post_id in self._read["posts"]

    def posts_allowed(self, post_usd: float) -> int:
        """Return how many more posts of at most `post_usd` each stay within both limits."""
        posts = self._options.max_posts - self.posts
        if post_usd > 0:
            left = self._options.max_cost_usd - self.usd
            posts = min(posts, math.floor(left / post_usd + 1e-9))
        return max(posts, 0)

    def reason(self, post_usd: float) -> str:
        """Say which limit is reached."""
        if self._options.max_posts - self.posts <= self.posts_allowed(post_usd):
            return f"max_posts, {self._options.max_posts}, is reached ({self.posts} read today)"
        return (
            f"max_cost_usd, {self._options.max_cost_usd:.2f}, is reached (${self.usd:.3f} spent "
            f"today; a post may cost ${post_usd:.3f})"
        )
