from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from cosmop.collecting.web.fetch_errors import FetchError, http_error, seconds_to_wait


@pytest.mark.parametrize("kind", ["no_connection", "timeout", "broken_answer", "http_503"])
def test_what_may_pass_is_worth_retrying(kind):
    assert FetchError(kind, "so it is").is_worth_retrying
    assert not FetchError(kind, "for good", is_worth_retrying=False).is_worth_retrying


@pytest.mark.parametrize("kind", ["forbidden_address", "tls_error", "too_long", "http_404", "x"])
def test_what_is_for_good_is_not(kind):
    assert not FetchError(kind, "so it is").is_worth_retrying
    assert FetchError(kind, "not now", is_worth_retrying=True).is_worth_retrying


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 410, 418, 429, 451, 500, 501, 502, 503, 504]
)
def test_a_status_is_a_kind(status):
    error = http_error(status, "7")

    assert (error.kind, str(error), error.status) == (f"http_{status}", f"HTTP {status}", status)
    assert error.is_worth_retrying == (status in {429, 500, 502, 503, 504})
    assert error.retry_after_s == 7.0


def test_retry_after_is_read_as_seconds_or_as_a_date():
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert [seconds_to_wait(text) for text in ("7", " 0 ", "120")] == [7.0, 0.0, 120.0]
    assert 30 < (seconds_to_wait(in_a_minute) or 0) < 90
    assert seconds_to_wait("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert seconds_to_wait("Wednesday, 21-Oct-15 07:28:00 GMT") == 0.0
    assert seconds_to_wait("Wed Oct 21 07:28:00 2015") == 0.0


@pytest.mark.parametrize("text", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_is_waited_for_longer_than_a_year(text):
    assert seconds_to_wait(text) == 366 * 86_400


@pytest.mark.parametrize(
    "text",
    [None, "", "soon", "-3", "1.5", "１", "inf", "Wed, 99 Oct 99999 07:28:00 GMT", "\0"],
)
def test_what_nobody_can_read_is_no_time(text):
    assert seconds_to_wait(text) is None


def test_a_date_to_wait_for_is_one_of_the_servers_clock():
    later = "Sat, 21 Nov 2026 10:00:30 GMT"

    assert seconds_to_wait(later, "Sat, 21 Nov 2026 10:00:00 GMT") == 30
    assert seconds_to_wait(later, "Sat, 21 Nov 2026 11:00:00 GMT") == 0
    assert seconds_to_wait("7", "Sat, 21 Nov 2026 11:00:00 GMT") == 7
    assert seconds_to_wait(later, "no date") == pytest.approx(seconds_to_wait(later), abs=60)
