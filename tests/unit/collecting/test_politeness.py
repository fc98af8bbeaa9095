import threading
import time
from itertools import pairwise

from cosmop.collecting.politeness import HostLimiter


def _run(count, visit):
    threads = [threading.Thread(target=visit) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_host_never_serves_more_than_its_share_at_once():
    limiter, lock, now, most = HostLimiter(2, 0.0), threading.Lock(), [0], [0]

    def visit():
        with limiter.turn("a"):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            time.sleep(0.02)
            with lock:
                now[0] -= 1

    _run(8, visit)
    assert most[0] == 2


def test_starts_at_one_host_are_apart_and_other_hosts_do_not_wait():
    limiter, starts, lock = HostLimiter(8, 0.05), [], threading.Lock()

    def visit():
        with limiter.turn("a"), lock:
            starts.append(time.monotonic())

    _run(4, visit)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert min(gaps) > 0.045
    begin = time.monotonic()
    with limiter.turn("b"):
        assert time.monotonic() - begin < 0.04


def test_a_pause_holds_every_later_start_at_the_host():
    limiter = HostLimiter(8, 0.0)
    begin = time.monotonic()
    limiter.pause("a", 0.1)

    with limiter.turn("a"):
        assert time.monotonic() - begin >= 0.1


def test_a_host_given_up_is_remembered_and_no_other():
    limiter = HostLimiter(1, 0.0)
    limiter.give_up("a")

    assert (limiter.is_given_up("a"), limiter.is_given_up("b")) == (True, False)
