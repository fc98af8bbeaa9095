"""One bounded HTTP exchange: redirects, bytes and seconds are counted, and failures have words."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, InvalidURL
from urllib.parse import urlencode, urljoin, urlsplit

import requests
import urllib3
from requests.cookies import (
    RequestsCookieJar,
    extract_cookies_to_jar,
    get_cookie_header,
)
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from cosmop.collecting.guard import Deadline, ForbiddenAddressError, is_temporary_name_failure

_REDIRECTS = {301, 302, 303, 307, 308}
_TRY_AGAIN = {429, 500, 502, 503, 504}
_CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class FetchLimits:
    """How long and how much one exchange may take."""

    timeout_s: float
    total_deadline_s: float
    max_bytes: int
    user_agent: str
    max_redirects: int = 5


@dataclass(frozen=True)
class Page:
    """A complete answer with status 200; `url` is where the redirects ended."""

    url: str
    body: bytes
    encoding: str

    @property
    def text(self) -> str:
        """The body as text; what cannot be decoded is replaced."""
        try:
            return self.body.decode(self.encoding, errors="replace")
        except LookupError:  # the server named an encoding that does not exist
            return self.body.decode("utf-8", errors="replace")


class FetchError(Exception):
    """Nothing usable came; the message is the reason in a few words.

    Attributes:
        is_worth_retrying: Whether the same request may succeed later.
        retry_after_s: How long the server asks to wait, if it says so.
        status: The HTTP status, 0 if there was none.
    """

    def __init__(
        self,
        reason: str,
        *,
        is_worth_retrying: bool = False,
        retry_after_s: float | None = None,
        status: int = 0,
    ) -> None:
        super().__init__(reason)
        self.is_worth_retrying = is_worth_retrying
        self.retry_after_s = retry_after_s
        self.status = status


def fetch(
    pool: urllib3.PoolManager,
    url: str,
    limits: FetchLimits,
    *,
    form: Mapping[str, str] | None = None,
    cookies: RequestsCookieJar | None = None,
) -> Page:
    """Get `url` (or post `form` to it), following redirects by hand.

    By hand, because requests reads the whole body of a redirect before it follows. Asks for
    identity encoding, so that counted bytes are the bytes in memory.

    Raises:
        FetchError: Any status but 200, and whatever else goes wrong on the way.
    """
    with Deadline(limits.total_deadline_s) as deadline:
        try:
            for _ in range(limits.max_redirects + 1):
                response = _send(pool, url, limits, form, cookies)
                target = response.headers.get("Location")
                if response.status in _REDIRECTS and target:
                    response.close()
                    url, form = urljoin(url, target), None
                    continue
                return _page(response, url, limits, deadline)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            if deadline.is_over:
                raise FetchError(f"took longer than {limits.total_deadline_s:g} s") from error
            raise _in_words(error) from error
    raise FetchError(f"more than {limits.max_redirects} redirects")


def _send(
    pool: urllib3.PoolManager,
    url: str,
    limits: FetchLimits,
    form: Mapping[str, str] | None,
    cookies: RequestsCookieJar | None,
) -> urllib3.BaseHTTPResponse:
    if urlsplit(url).scheme.lower() not in ("http", "https"):
        raise FetchError("only http and https addresses are fetched")
    method = "GET" if form is None else "POST"
    headers = {"User-Agent": limits.user_agent, "Accept-Encoding": "identity", "Accept": "*/*"}
    request = requests.Request(method, url).prepare() if cookies is not None else None
    if request is not None and cookies is not None:
        header = get_cookie_header(cookies, request)  # type: ignore[no-untyped-call]
        headers |= {"Cookie": header} if header else {}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    response = pool.request(
        method,
        url,
        body=urlencode(form) if form is not None else None,
        headers=headers,
        preload_content=False,
        decode_content=False,
        redirect=False,
        retries=False,
        timeout=urllib3.Timeout(connect=limits.timeout_s, read=limits.timeout_s),
    )
    if request is not None and cookies is not None:
        extract_cookies_to_jar(cookies, request, response)  # type: ignore[no-untyped-call]
    return response


def _page(
    response: urllib3.BaseHTTPResponse, url: str, limits: FetchLimits, deadline: Deadline
) -> Page:
    try:
        _check_status(response)
        body = _read(response, limits)
    except BaseException:
        response.close()  # an unread rest makes the connection useless
        raise
    response.release_conn()
    if deadline.is_over:  # a cut connection can look like the end of a body
        raise FetchError(f"took longer than {limits.total_deadline_s:g} s")
    kind = response.headers.get("Content-Type", "")
    encoding = kind.partition("charset=")[2].partition(";")[0].strip(" \"'") or "utf-8"
    return Page(url, body, encoding)


def _check_status(response: urllib3.BaseHTTPResponse) -> None:
    if response.status != 200:
        raise FetchError(
            f"HTTP {response.status}",
            is_worth_retrying=response.status in _TRY_AGAIN,
            retry_after_s=retry_after_s(response.headers.get("Retry-After")),
            status=response.status,
        )


def _read(response: urllib3.BaseHTTPResponse, limits: FetchLimits) -> bytes:
    """Read the body, counting real bytes; a claim in Content-Length can only end it earlier."""
    too_long = FetchError(f"longer than {limits.max_bytes} bytes")
    claimed = response.headers.get("Content-Length", "")
    if claimed.isdigit() and int(claimed) > limits.max_bytes:
        raise too_long
    body = bytearray()
    for chunk in response.stream(_CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > limits.max_bytes:
            raise too_long
    return bytes(body)


def retry_after_s(text: str | None) -> float | None:
    """Read a ``Retry-After`` header, seconds or an HTTP date (RFC 9110, section 10.2.3)."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


_REASONS: tuple[tuple[tuple[type[Exception], ...], str, bool], ...] = (
    # Exceptions, the reason that many failures share, and whether to try again; first match wins.
    ((NewConnectionError,), "no connection", True),
    ((ConnectTimeoutError, ReadTimeoutError), "no answer in time", True),
    ((SSLError, ssl.SSLError), "TLS error", False),
    ((LocationValueError, UnicodeError, InvalidURL), "not a usable address", False),
    ((HTTPError, HTTPException, OSError), "connection broke off", True),
    ((ValueError,), "not a usable address", False),
)


def _in_words(error: Exception) -> FetchError:
    """Return the same failure as a reason that can be counted over thousands of downloads."""
    if isinstance(error, ForbiddenAddressError):
        return FetchError("forbidden address " + str(error).rpartition("forbidden address ")[2])
    if isinstance(error, NameResolutionError):
        return FetchError("host not found", is_worth_retrying=is_temporary_name_failure(error))
    for kinds, reason, is_worth_retrying in _REASONS:
        if isinstance(error, kinds):
            return FetchError(reason, is_worth_retrying=is_worth_retrying)
    raise AssertionError(f"no words for {type(error).__name__}") from error
