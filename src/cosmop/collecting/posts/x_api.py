"""The X API v2 through tweepy: time-outs, retries, rate limits, and a token that nothing shows."""

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import tweepy
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from cosmop.collecting.candidates import Status
from cosmop.collecting.posts.post_options import SECONDS_BETWEEN, PostOptions
from cosmop.errors import InputError

logger = logging.getLogger(__name__)

API_HOST = "api.twitter.com"

_STAND_IN = "hidden"  # what tweepy knows, logs and puts into errors instead of the token
_RESET = "x-rate-limit-reset"
_FINAL = {
    401: "the bearer token was refused (HTTP 401)",
    402: "the account has no credits left (HTTP 402)",
    403: "the account may not use this part of the API (HTTP 403)",
}


class NoAnswerError(Exception):
    """The API did not answer a question; the text says why, in a few words.

    Attributes:
        status: As a query ends in the search log.
        is_final: Every other question would end the same way.
        http_status: 0 where there was none.
    """

    def __init__(
        self, status: Status, reason: str, *, is_final: bool = False, http_status: int = 0
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.is_final = is_final
        self.http_status = http_status


class _SilentHTTPConnection(HTTPConnection):
    debuglevel = 0  # else http.client.HTTPConnection.debuglevel prints every header


class _SilentHTTPSConnection(HTTPSConnection):
    debuglevel = 0


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _SilentHTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SilentHTTPSConnection


class TimedAdapter(HTTPAdapter):
    """Gives every request a time-out, reads its answer, and redirects stated hosts.

    Errors of the network become `requests.Timeout` or `requests.ConnectionError` that hold their
    kind only.
    """

    def __init__(self, timeout_s: float, host_addresses: Mapping[str, str]) -> None:
        self._timeout_s = timeout_s
        self._host_addresses = dict(host_addresses)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make pools whose connections never print what they send."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the same pools behind a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        return manager

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send `request` to where its host is, and read the whole answer."""
        kwargs["timeout"] = self._timeout_s
        parts = urlsplit(str(request.url))
        address = self._host_addresses.get(str(parts.hostname))
        if address:
            request.headers["Host"] = str(parts.netloc)
            request.url = urlunsplit(("http", address, parts.path, parts.query, ""))
            kwargs["proxies"] = {}
        try:
            response = super().send(request, *args, **kwargs)
            response.content  # noqa: B018 - read here, where an error can be told apart
        except requests.Timeout as error:
            failure: requests.RequestException = requests.Timeout(type(error).__name__)
        except (requests.RequestException, OSError, ValueError) as error:
            failure = requests.ConnectionError(type(error).__name__)
        else:
            return response
        raise failure  # outside the handlers: the old error's frames hold every header


class _ApiAdapter(TimedAdapter):
    """Writes the token over its stand-in while a request is on its way, and only then."""

    def __init__(self, token: str, *args: Any) -> None:
        self._token = token
        super().__init__(*args)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send `request` with the token; an answer that quotes it is changed."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        try:
            response = super().send(request, *args, **kwargs)
        finally:
            request.headers["Authorization"] = f"Bearer {_STAND_IN}"
        response._content = response.content.replace(self._token.encode(), _STAND_IN.encode())
        if not re.fullmatch(r"[0-9]{1,12}", response.headers.get(_RESET, "0")):
            del response.headers[_RESET]  # tweepy itself falls over this
        return response


class XApi:
    """Asks the X API one question at a time.

    Waits for rate limits itself, because tweepy's waiting recurses without end when the header
    ``x-rate-limit-reset`` is missing. tweepy is given a stand-in for the token, so that neither its
    DEBUG lines nor any error of it can hold it.

    Raises:
        InputError: No bearer token, or one that cannot be sent; or X itself is to be asked, and
            nothing says what its posts cost.
    """

    how = f"tweepy {tweepy.__version__}"

    def __init__(
        self, token: str | None, options: PostOptions, host_addresses: Mapping[str, str]
    ) -> None:
        self._options = options
        if API_HOST not in host_addresses:
            options.check_prices()
        adapter = _ApiAdapter(_usable(token), options.timeout_s, host_addresses)
        self._client = tweepy.Client(_STAND_IN, return_type=dict)
        self._client.session.mount(f"https://{API_HOST}/", adapter)
        self._client.session.max_redirects = 0  # no other host ever gets a request
        self._pause_s = 0.0
        self._asked_at = -1e9
        self._wait_left_s = options.max_wait_s
        self._limited_until = 0.0
        self._has_ended = threading.Event()

    def search(self, query: str, **parameters: Any) -> dict[str, Any]:
        """Return one page of posts as the API words it.

        Raises:
            NoAnswerError: After all retries.
        """
        archive = self._options.archive
        self._pause_s = SECONDS_BETWEEN[archive]
        method = getattr(self._client, f"search_{archive}_tweets")
        return self._answer(lambda: method(query, **parameters))

    def posts(self, ids: list[str]) -> dict[str, Any]:
        """Return what is left of at most 100 posts; the missing ones are in ``errors``.

        Raises:
            NoAnswerError: After all retries.
        """
        return self._answer(lambda: self._client.get_tweets(ids, tweet_fields=["withheld"]))

    def create_job(self, name: str) -> dict[str, Any]:
        """Create a batch compliance job for posts.

        Raises:
            NoAnswerError: After all retries.
        """
        return self._answer(lambda: self._client.create_compliance_job("tweets", name=name))

    def job(self, job_id: str) -> dict[str, Any]:
        """Return the state of a batch compliance job.

        Raises:
            NoAnswerError: After all retries.
        """
        return self._answer(lambda: self._client.get_compliance_job(job_id))

    def _answer(self, ask: Callable[[], Any]) -> dict[str, Any]:
        failures = limited = 0
        while True:
            self._refuse_while_limited()
            self._keep_distance()
            try:
                return _object(ask())
            except tweepy.TooManyRequests as error:
                limited += 1
                self._wait_for_limit(error.response, limited)
            except tweepy.TwitterServerError as error:
                failures += 1
                self._back_off(failures, f"HTTP {error.response.status_code}", "failed")
            except requests.Timeout as error:
                failures += 1
                self._back_off(failures, str(error), "timeout")
            except requests.ConnectionError as error:
                failures += 1
                self._back_off(failures, str(error), "failed")
            except tweepy.HTTPException as error:
                raise _refusal(error) from None
            except (requests.RequestException, ValueError, AttributeError, TypeError) as error:
                reason = f"unreadable answer ({type(error).__name__})"
                raise NoAnswerError("failed", reason) from None

    def _keep_distance(self) -> None:
        self._sleep(self._asked_at + self._pause_s - time.monotonic())
        self._asked_at = time.monotonic()

    def _refuse_while_limited(self) -> None:
        """Ask nothing more until the time that the API named, if that is too long to wait."""
        seconds = self._limited_until - time.time()
        if seconds > 0:
            reason = f"rate limit: asked to wait {seconds:.0f} s more"
            raise NoAnswerError("blocked", reason, http_status=429)

    def _wait_for_limit(self, response: requests.Response, limited: int) -> None:
        if "usage-capped" in response.text:
            reason = "the account's monthly cap is reached (HTTP 429)"
            raise NoAnswerError("blocked", reason, is_final=True, http_status=429)
        reset = int(response.headers.get(_RESET, "0"))
        seconds = max(reset + 1.0 - time.time(), self._options.backoff_s * 2 ** (limited - 1))
        if seconds > self._wait_left_s:
            self._limited_until = time.time() + seconds
            self._refuse_while_limited()
        logger.info("The X API asks to wait %.0f s for its rate limit", seconds)
        self._wait_left_s -= seconds
        self._sleep(seconds)

    def _back_off(self, failures: int, reason: str, status: Status) -> None:
        if failures > self._options.retries:
            raise NoAnswerError(status, f"{reason}, {failures} times")
        self._sleep(self._options.backoff_s * 2 ** (failures - 1))

    def _sleep(self, seconds: float) -> None:
        if self._has_ended.wait(max(0.0, seconds)):
            raise NoAnswerError("failed", "the search was ended", is_final=True)

    def end(self) -> None:
        """Break off waits, from another thread, and ask nothing more."""
        self._has_ended.set()

    def close(self) -> None:
        """Close the connections."""
        self._client.session.close()


def _usable(token: str | None) -> str:
    """Return the token; it is never quoted, not even when it is wrong."""
    text = (token or "").strip()
    if not text:
        raise InputError(
            "The posts source wants a bearer token of the X API, but got none; write it as "
            "x_api.bearer_token in conf/local/credentials.yml or set X_BEARER_TOKEN, or leave "
            "posts out of the sources."
        )
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise InputError(
            "The posts source wants a bearer token of printable ASCII without spaces, but got "
            f"{len(text)} characters with others among them; copy the token again into "
            "x_api.bearer_token in conf/local/credentials.yml."
        )
    return text


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise TypeError(type(answer).__name__)
    return answer


def _refusal(error: Any) -> NoAnswerError:
    """Return why the API said no; a no to the account is a no to every later question."""
    status = int(error.response.status_code)
    if status in _FINAL:
        return NoAnswerError("blocked", _FINAL[status], is_final=True, http_status=status)
    detail = "; ".join(str(text) for text in error.api_messages) or "no detail"
    words = " ".join(detail[:200].encode(errors="replace").decode().split())
    return NoAnswerError("failed", f"HTTP {status}: {words}", http_status=status)
