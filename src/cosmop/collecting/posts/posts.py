"""Posts with photos from the X API v2, through tweepy."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from cosmop.collecting.candidates import FoundImage, Outcome, Status
from cosmop.collecting.posts.post_archive import Page, PostArchive, dict_at, objects
from cosmop.collecting.posts.post_costs import Spending, estimate_search, searched_post_usd, utc_now
from cosmop.collecting.posts.post_options import SMALLEST_PAGE, PostOptions, Prices
from cosmop.collecting.posts.post_photos import partial_errors, photos_of
from cosmop.collecting.posts.post_queries import write_query
from cosmop.collecting.posts.x_api import API_HOST, NoAnswerError, XApi

__all__ = ["API_HOST", "PostOptions", "PostSearch", "Prices"]

logger = logging.getLogger(__name__)

_KEPT = ("data", "includes", "errors", "meta")
_REACH_OF_RECENT = timedelta(days=6, hours=23)  # seven days, less what a run may take
_SNOWFLAKE_EPOCH_MS = 1288834974657  # an id holds its post's time: (id >> 22) + this


@dataclass(frozen=True)
class _Place:
    """Where in a search a page is asked for."""

    search: str
    query: str
    sweep: int
    since_id: str = ""
    until_id: str = ""
    next_token: str = ""


class PostSearch:
    """Finds the photos of posts, and pays for each post once.

    Pages are kept below ``work/posts`` as they come (see `PostArchive`). A query is answered from
    there as far as that reaches. Only if photos are wanting, an interrupted sweep goes on where it
    was, and then newer posts are asked for. One process at a time works in a folder.

    Raises:
        InputError: No bearer token, or another process works in the folder.
    """

    how = XApi.how

    def __init__(
        self,
        options: PostOptions,
        bearer_token: str | None,
        host_addresses: Mapping[str, str],
        work: Path,
    ) -> None:
        self._options = options
        self._api = XApi(bearer_token, options, host_addresses)
        folder = Path(work) / "posts"
        self._archive = PostArchive(folder, shows_old=options.reuse_archive)
        self._spending = Spending(folder / "spent", options)
        self._refusal: NoAnswerError | None = None
        self._is_announced = False

    def announce(self, queries: int, limit: int) -> None:
        """Log what a search of `queries` queries for `limit` photos each may cost."""
        self._is_announced = True
        options, prices = self._options, self._options.prices
        estimate = estimate_search(options, queries, limit)
        logger.info(
            "Posts: %d queries × at most %d pages of %d posts, likely $%.2f, at most $%.2f (limits "
            "$%.2f and %d posts per UTC day, of which $%.2f and %d are used; prices of %s, %s)",
            *(queries, estimate.pages, options.page_size),
            *(estimate.likely_usd, estimate.at_most_usd, options.max_cost_usd, options.max_posts),
            *(self._spending.usd, self._spending.posts, prices.as_of, prices.source),
        )

    def find(self, query: str, limit: int, language: str = "") -> Outcome:
        """Return at most `limit` photos of posts, the newest post first.

        Args:
            query: Words, phrases, hashtags and operators of X.
            limit: Photos wanted.
            language: A code such as ``"es"``; empty for any language.
        """
        status: Status = "no_results"
        reasons: list[str] = []
        try:
            place = self._place(query, language)
        except NoAnswerError as error:
            return Outcome(error.status, reason=str(error))
        read = len(self._archive.pages(place.search))
        try:
            self._read(place, limit)
        except NoAnswerError as error:
            self._refusal = error if error.is_final else self._refusal
            status, reasons = error.status, [str(error)]
        found = self._photos(place.search)[:limit]
        partial = partial_errors(self._archive.pages(place.search)[read:])
        reason = "; ".join([*reasons, partial] if partial else reasons)
        if found:
            return Outcome("ok", tuple(found), reason=reason)
        return Outcome(status, reason=reason or "no post has a photo")

    def _place(self, query: str, language: str) -> _Place:
        options = self._options
        text = write_query(query, language, options)
        times = options.start_time or "", options.end_time or ""
        return _Place(" ".join([options.archive, *times, text]), text, sweep=0)

    def _photos(self, search: str) -> list[FoundImage]:
        wanted = not self._options.leave_out_sensitive
        return photos_of(self._archive.pages(search), with_sensitive=wanted)

    def _read(self, place: _Place, limit: int) -> None:
        """Go on with what was interrupted, then ask for newer posts, until `limit` is reached."""
        if len(self._photos(place.search)) < limit and not self._is_announced:
            self.announce(1, limit)
        for last in self._archive.unfinished(place.search):
            self._resume(place, last, limit)
        pages = self._archive.pages(place.search)
        newest = max((top for page in pages for top in page.extremes), default=0)
        newer = replace(
            place,
            sweep=max((page.sweep + 1 for page in pages), default=0),
            since_id=str(newest) if self._is_in_reach(newest) else "",
        )
        self._sweep(newer, limit)

    def _resume(self, place: _Place, last: Page, limit: int) -> None:
        """Go on with a sweep by its token or, where the API knows that no more, by its last id."""
        of_sweep = [p for p in self._archive.pages(place.search) if p.sweep == last.sweep]
        oldest = min((low for page in of_sweep for low in page.extremes), default=0)
        if not self._is_in_reach(oldest):
            return
        of_last = replace(place, sweep=last.sweep, since_id=last.since_id)
        by_token = replace(of_last, until_id=last.until_id, next_token=last.next_token)
        for start in (by_token, replace(of_last, until_id=str(oldest))):
            try:
                self._sweep(start, limit)
            except NoAnswerError as error:
                if error.http_status != HTTPStatus.BAD_REQUEST:
                    raise
                logger.info("The X API no longer knows where %r was (%s)", place.query, error)
            else:
                return

    def _is_in_reach(self, post_id: int) -> bool:
        """Whether a post may bound a search; recent search refuses ids older than seven days."""
        if self._options.archive == "all":
            return post_id > 0
        posted_at = datetime.fromtimestamp((post_id / 2**22 + _SNOWFLAKE_EPOCH_MS) / 1000, UTC)
        return utc_now() - posted_at < _REACH_OF_RECENT

    def _sweep(self, place: _Place, limit: int) -> None:
        for _ in range(self._options.max_pages):
            missing = limit - len(self._photos(place.search))
            if missing <= 0:
                return
            page = self._ask(place, missing)
            if not page.next_token:
                return
            place = replace(place, next_token=page.next_token)

    def _ask(self, place: _Place, missing: int) -> Page:
        """Read one page, keep it and count what it cost."""
        if self._refusal:
            raise self._refusal
        body = self._api.search(place.query, **self._parameters(place, self._page_size(missing)))
        includes = dict_at(body, "includes")
        media, users = objects(includes, "media"), objects(includes, "users")
        page = Page(
            *(place.search, place.sweep, place.since_id, place.until_id),
            body={name: body[name] for name in _KEPT if name in body},
            read_at=utc_now().isoformat(timespec="seconds"),
        )
        self._spending.count(page.post_ids, _ids(media, "media_key"), _ids(users, "id"))
        self._archive.append(page)
        return page

    def _page_size(self, missing: int) -> int:
        """Return how many posts to ask for: no more than wanted, and than the limits allow."""
        post_usd = searched_post_usd(self._options)
        wanted = min(max(missing, SMALLEST_PAGE), self._options.page_size)
        size = min(wanted, self._spending.posts_allowed(post_usd))
        if size < SMALLEST_PAGE:
            raise NoAnswerError("blocked", self._spending.reason(post_usd), is_final=True)
        return size

    def _parameters(self, place: _Place, size: int) -> dict[str, Any]:
        options = self._options
        return {
            "max_results": size,
            "next_token": place.next_token or None,
            "since_id": place.since_id or None,
            "until_id": place.until_id or None,
            "start_time": None if place.since_id else options.start_time,
            "end_time": None if place.until_id else options.end_time,
            "expansions": ["attachments.media_keys", *(["author_id"] if options.authors else [])],
            "media_fields": ["url", "width", "height", "alt_text", "type"],
            "tweet_fields": ["attachments", "author_id", "created_at", "possibly_sensitive"],
            "user_fields": ["username"] if options.authors else None,
        }

    def end(self) -> None:
        """Break off waits, from another thread, and ask nothing more."""
        self._api.end()

    def close(self) -> None:
        """Close the connections and files, and tell what was spent."""
        if self._is_announced:
            read, usd = self._spending.posts, self._spending.usd
            logger.info("Posts: %d read for $%.2f this UTC day", read, usd)
        self._api.close()
        self._archive.close()
        self._spending.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ids(items: list[dict[str, Any]], name: str) -> list[str]:
    return [str(item[name]) for item in items if name in item]
