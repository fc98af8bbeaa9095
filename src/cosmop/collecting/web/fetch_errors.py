"""What a fetch may take, and why nothing usable came: a kind to decide by, and words to read."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# What the same request may escape a moment later; other failures are for good.
_PASSING = frozenset(
    (
        *("no_connection", "timeout", "broken_answer"),
        *(f"http_{status}" for status in (429, 500, 502, 503, 504)),
    )
)
_LONGEST_WAIT_S = 366 * 86_400.0


@dataclass(frozen=True)
class FetchLimits:
    """What one fetch may take.

    Attributes:
        connect_s: Until the connection stands: lookup, TCP and TLS.
        headers_s: From the question until the last header has come, the connection included.
        total_s: For everything, redirects included; a caller's wait before a hop is not counted.
        min_bytes_per_s: The least mean rate of a body over each `rate_window_s`.
        max_bytes: Of a body; what really comes is counted, whatever the server claims.
        max_redirects: How many are followed.
        rate_window_s: See `min_bytes_per_s`.
    """

    connect_s: float = 10.0
    headers_s: float = 15.0
    total_s: float = 60.0
    min_bytes_per_s: float = 1000.0
    max_bytes: int = 30_000_000
    max_redirects: int = 5
    rate_window_s: float = 5.0


class FetchError(Exception):
    """Nothing usable came; the message is the reason in a few words.

    Attributes:
        kind: One of ``forbidden_address``, ``bad_address``, ``host_not_found``, ``no_connection``,
            ``timeout``, ``too_slow``, ``tls_error``, ``too_long``, ``too_many_redirects``,
            ``broken_answer`` and ``http_<status>``; callers' hooks may add their own.
        is_worth_retrying: Whether the same request may succeed later; by the kind, unless told.
        retry_after_s: How long the server asks to wait, if it says so.
        status: The HTTP status, 0 if there was none.
    """

    def __init__(
        self,
        kind: str,
        reason: str,
        *,
        is_worth_retrying: bool | None = None,
        retry_after_s: float | None = None,
        status: int = 0,
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.is_worth_retrying = (
            kind in _PASSING if is_worth_retrying is None else is_worth_retrying
        )
        self.retry_after_s = retry_after_s
        self.status = status


def http_error(status: int, retry_after: str | None, date: str | None = None) -> FetchError:
    """Return the failure that an answer with `status`, ``Retry-After`` and ``Date`` is."""
    wait_s = seconds_to_wait(retry_after, date)
    return FetchError(f"http_{status}", f"HTTP {status}", retry_after_s=wait_s, status=status)


def seconds_to_wait(retry_after: str | None, date: str | None = None) -> float | None:
    """Read a ``Retry-After`` header, seconds or an HTTP date (RFC 9110, section 10.2.3).

    Args:
        retry_after: The header, None if there is none.
        date: The server's clock, its ``Date`` header; without one this machine's clock counts.

    Returns:
        At least 0, at most a year; None if there is no header or nobody can read it.
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_WAIT_S)
    moment = _moment(text)
    if moment is None:
        return None
    wait_s = (moment - (_moment(date or "") or datetime.now(UTC))).total_seconds()
    return min(max(0.0, wait_s), _LONGEST_WAIT_S)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
