"""Posts with photos from the X API v2 recent search, through tweepy."""

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import requests
import tweepy
from pydantic import Field
from requests.adapters import HTTPAdapter

from cosmop.collecting.candidates import FoundImage, Outcome, Status
from cosmop.config import Options
from cosmop.errors import InputError

logger = logging.getLogger(__name__)

API_HOST = "api.twitter.com"
_API = f"https://{API_HOST}"
_SMALLEST_PAGE, _LARGEST_PAGE = 10, 100  # what recent search accepts as max_results
_LONGEST_QUERY = 512  # characters, recent search
_REFUSALS = {
    401: "the bearer token was refused (HTTP 401)",
    402: "the account has no credits left (HTTP 402)",
    403: "the account may not use recent search (HTTP 403)",
}


class PostOptions(Options):
    """How posts are searched; the limits of the API are those of docs.x.com, 2026."""

    query_suffix: str = Field(default="has:images -is:retweet", description="Added to each query.")
    max_posts: int = Field(
        default=1000, ge=1, description="Posts read per run, at most: they cost."
    )
    timeout_s: float = Field(default=20.0, gt=0, description="Per request, in seconds.")
    retries: int = Field(default=3, ge=0, description="After server errors and lost connections.")
    backoff_s: float = Field(default=1.0, ge=0, description="First pause before a retry; doubles.")
    max_wait_s: float = Field(
        default=900.0, ge=0, description="Wait for rate limits, per run; X's window is 15 minutes."
    )


class _ApiAdapter(HTTPAdapter):
    """Gives every request a time-out, and sends it to another address where one is stated."""

    def __init__(self, timeout_s: float, address: str | None) -> None:
        self._timeout_s = timeout_s
        self._address = address
        super().__init__()

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send `request` with a time-out; tweepy passes none."""
        kwargs["timeout"] = kwargs.get("timeout") or self._timeout_s
        if self._address:
            parts = urlsplit(str(request.url))
            request.headers["Host"] = str(parts.netloc)
            request.url = urlunsplit(("http", self._address, parts.path, parts.query, ""))
            kwargs["proxies"] = {}
        return super().send(request, *args, **kwargs)


class _NoMore(Exception):  # noqa: N818 - not an error: how a search ends early
    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class PostSearch:
    """Finds the photos of recent posts; one object reads at most ``max_posts`` posts.

    Waits for rate limits itself, because tweepy's waiting recurses without end when the header
    ``x-rate-limit-reset`` is missing.

    Raises:
        InputError: No bearer token.
    """

    how = f"tweepy {tweepy.__version__}"

    def __init__(
        self, options: PostOptions, bearer_token: str | None, host_addresses: Mapping[str, str]
    ) -> None:
        if not bearer_token or not bearer_token.strip():
            raise InputError(
                "The posts source wants a bearer token of the X API, but got none; write it as "
                "x_api.bearer_token in conf/local/credentials.yml or set X_BEARER_TOKEN, or leave "
                "posts out of the sources."
            )
        self._options = options
        self._token = bearer_token.strip()
        self._client = tweepy.Client(self._token)
        adapter = _ApiAdapter(options.timeout_s, host_addresses.get(API_HOST))
        self._client.session.mount(_API, adapter)
        self._posts_left = options.max_posts
        self._wait_left_s = options.max_wait_s
        self._refusal: _NoMore | None = None

    def find(self, query: str, limit: int) -> Outcome:
        """Return at most `limit` photos of posts, newest pages first."""
        found: list[FoundImage] = []
        ended = Outcome("no_results", reason="no post has a photo")
        try:
            if self._refusal:
                raise self._refusal
            with _token_hidden(self._token):
                for response in self._pages(self._full_query(query), limit):
                    found += read_posts(response)
                    if len(found) >= limit:
                        break
        except _NoMore as error:
            ended = Outcome(error.status, reason=str(error))
        if found:
            reason = "" if ended.status == "no_results" else ended.reason
            return Outcome("ok", tuple(found[:limit]), reason=reason)
        return ended

    def _full_query(self, query: str) -> str:
        text = f"{query} {self._options.query_suffix}".strip()
        if len(text) > _LONGEST_QUERY:
            raise _NoMore("failed", f"the query has more than {_LONGEST_QUERY} characters")
        return text

    def _pages(self, query: str, limit: int) -> Iterator[Any]:
        token: str | None = None
        while self._posts_left > 0:
            wanted = min(_LARGEST_PAGE, self._posts_left, limit)
            response = self._request(query, max(_SMALLEST_PAGE, wanted), token)
            self._posts_left -= len(response.data or [])
            yield response
            token = (response.meta or {}).get("next_token")
            if not token:
                return
        raise _NoMore("blocked", f"max_posts, {self._options.max_posts}, is reached")

    def _request(self, query: str, size: int, token: str | None) -> Any:
        """Ask for one page; wait for rate limits, and try again after server errors."""
        failures = limited = 0
        while True:
            try:
                return self._client.search_recent_tweets(
                    query,
                    max_results=size,
                    next_token=token,
                    expansions=["attachments.media_keys", "author_id"],
                    media_fields=["url", "width", "height", "alt_text", "type"],
                    tweet_fields=["created_at", "possibly_sensitive"],
                    user_fields=["username"],
                )
            except tweepy.TooManyRequests as error:
                self._wait_for_limit(error, limited)
                limited += 1
            except tweepy.TwitterServerError as error:
                failures += 1
                self._back_off(failures, f"HTTP {error.response.status_code}")
            except (requests.ConnectionError, requests.Timeout) as error:
                failures += 1
                self._back_off(failures, type(error).__name__)
            except tweepy.HTTPException as error:
                raise self._refused(error) from error
            except (requests.RequestException, ValueError) as error:
                raise _NoMore("failed", f"unreadable answer ({type(error).__name__})") from error

    def _refused(self, error: Any) -> _NoMore:
        """Return why the API said no; a no to the account is a no to every later query."""
        status = int(error.response.status_code)
        if status in _REFUSALS:
            self._refusal = _NoMore("blocked", _REFUSALS[status])
            return self._refusal
        detail = "; ".join(str(text) for text in error.api_messages) or "no detail"
        return _NoMore("failed", f"HTTP {status}: {detail.replace(self._token, '…')}")

    def _wait_for_limit(self, error: Any, limited: int) -> None:
        if "usage-capped" in error.response.text:
            self._refusal = _NoMore("blocked", "the account's monthly cap is reached (HTTP 429)")
            raise self._refusal
        asked = str(error.response.headers.get("x-rate-limit-reset", ""))
        shortest = self._options.backoff_s * 2**limited
        until_reset = float(asked) - time.time() if re.fullmatch(r"\d+", asked) else 0.0
        seconds = max(until_reset, shortest, 0.01)
        if seconds > self._wait_left_s:
            raise _NoMore("blocked", f"rate limit: asked to wait {seconds:.0f} s more") from error
        logger.info("The X API asks to wait %.0f s for its rate limit", seconds)
        self._wait_left_s -= seconds
        time.sleep(seconds)

    def _back_off(self, failures: int, reason: str) -> None:
        if failures > self._options.retries:
            raise _NoMore("failed", f"{reason}, {failures} times")
        time.sleep(self._options.backoff_s * 2 ** (failures - 1))

    def close(self) -> None:
        """Close the connections."""
        self._client.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _token_hidden(token: str) -> Iterator[None]:
    """Keep the bearer token out of tweepy's own DEBUG lines, which print every header."""

    def hide(record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage().replace(token, "…"), ()
        return True

    chatty = logging.getLogger("tweepy.client")
    chatty.addFilter(hide)
    try:
        yield
    finally:
        chatty.removeFilter(hide)


def read_posts(response: Any) -> list[FoundImage]:
    """Return the photos of one tweepy response, joined to their posts through the includes.

    Videos and media without a URL (deleted, withheld) are left out.
    """
    includes = response.includes or {}
    photos = {item.media_key: item for item in includes.get("media", []) if item.type == "photo"}
    names = {user.id: user.username for user in includes.get("users", [])}
    found = []
    for post in response.data or []:
        keys = (post.attachments or {}).get("media_keys", [])
        author = str(names.get(post.author_id) or post.author_id or "")
        for media in (photos[key] for key in keys if key in photos and photos[key].url):
            found.append(
                FoundImage(
                    location=str(media.url),
                    page_url=f"https://x.com/{author or 'i'}/status/{post.id}",
                    title=str(media.alt_text or post.text or ""),
                    author=author,
                )
            )
    return found
