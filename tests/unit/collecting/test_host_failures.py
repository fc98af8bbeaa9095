import pytest

from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.downloads.host_failures import HostFailures
from cosmop.collecting.web.fetch_errors import FetchError, http_error

OPTIONS = DownloadOptions(backoff_s=2.0, retries=3, max_wait_s=60.0)


def waits(error, attempts, count=400):
    judges = (HostFailures(OPTIONS, seed) for seed in range(count))
    return [judge.judge("web.test", attempts, error).retry_in_s for judge in judges]


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_pauses_are_random_up_to_a_time_that_doubles(attempts):
    longest = 2.0 * 2 ** (attempts - 1)

    found = waits(FetchError("no_connection", "no connection"), attempts)

    assert 0 <= min(found) < 0.1 * longest
    assert 0.9 * longest < max(found) <= longest
    assert sum(found) / len(found) == pytest.approx(longest / 2, rel=0.1)


def test_a_host_is_waited_for_as_long_as_it_asks():
    assert waits(http_error(503, "7"), 1, count=1) == [7.0]


@pytest.mark.parametrize(("status", "is_meant_for_all"), [(429, True), (503, True), (500, False)])
def test_only_a_busy_host_is_left_alone(status, is_meant_for_all):
    verdict = HostFailures(OPTIONS, seed=1).judge("web.test", 1, http_error(status, None))

    assert verdict.retry_in_s
    assert verdict.pause_s == (verdict.retry_in_s if is_meant_for_all else 0.0)
