"""How polite a download is, as the servers see it."""

import itertools
import logging
import time
from collections.abc import Iterator

import pytest

from cosmop.collecting.downloads.download import download_images
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.web.user_agents import USER_AGENT_WITHOUT_CONTACT
from cosmop.errors import InputError
from cosmop.imaging.store import ImageStore

from .conftest import candidates, in_turn, jpeg, says
from .watching_server import ROBOTS, TDMREP, WatchingServer

OPTIONS = DownloadOptions(
    per_host_interval_s=0.0,
    backoff_s=0.01,
    decoding_workers=1,
    user_agent="cosmop/0.1 (tests@web.test)",
)
HOSTS = ("a.test", "b.test", "c.test")


@pytest.fixture
def watched() -> Iterator[WatchingServer]:
    server = WatchingServer({f"/{i}": jpeg(i) for i in range(12)})
    yield server
    server.close()


@pytest.fixture
def fetch(tmp_path):
    def run(server, *urls, **options):
        return download_images(
            candidates(*urls),
            ImageStore(tmp_path / "store"),
            OPTIONS.model_copy(update=options),
            host_addresses=dict.fromkeys(HOSTS, server.address),
            work=tmp_path / "work",
        )

    return run


def shortest_gap(times):
    return min(later - sooner for sooner, later in itertools.pairwise(times))


def test_no_host_sees_more_requests_at_once_nor_sooner_than_allowed(watched, fetch):
    watched.seconds = 1.0
    watched.redirects = {f"/to-b/{i}": f"http://b.test/{i}" for i in range(6, 12)}
    urls = [f"http://{host}/{i}" for host in ("a.test", "b.test") for i in range(6)]

    result = fetch(
        watched,
        *(urls + [f"http://c.test/to-b/{i}" for i in range(6, 12)]),
        per_host_in_flight=3,
        per_host_interval_s=0.3,
    )

    assert set(result.log["status"]) <= {"stored", "identical"}
    assert watched.most_in_flight == {"a.test": 3, "b.test": 3, "c.test": 3}
    for host, count in {"a.test": 6, "b.test": 12, "c.test": 6}.items():
        times = watched.starts_at(host)
        assert len(times) == count + 2  # robots.txt and tdmrep.json
        assert shortest_gap(times) > 0.05  # 0.3 less what the network and this machine add
        assert times[-1] - times[0] > 0.3 * count - 0.25


def test_robots_txt_is_asked_first_once_per_host_and_obeyed_by_redirects_too(watched, fetch):
    watched.bodies[ROBOTS] = b"User-agent: *\nDisallow: /secret\nCrawl-delay: 0.3"
    watched.redirects = {"/9": "http://b.test/secret/2", "/10": "/secret/3"}
    urls = [f"http://{host}/{i}" for host in ("a.test", "b.test") for i in range(5)]
    urls += ["http://a.test/secret/1", "http://a.test/9", "http://a.test/10"]

    result = fetch(watched, *urls)

    assert result.log["problem_kind"].tolist() == [""] * 10 + ["robots"] * 3
    for host in ("a.test", "b.test"):
        asked = [path for name, path, _ in watched.requests if name == host]
        assert asked[0] == ROBOTS
        assert asked.count(ROBOTS) == 1
        assert not [path for path in asked if path.startswith("/secret")]
        assert shortest_gap(watched.starts_at(host)) > 0.05


def test_what_a_site_reserves_is_not_asked_for_redirects_included(watched, fetch, caplog):
    watched.bodies[TDMREP] = b'[{"location": "/1*", "tdm-reservation": 1}]'
    watched.redirects = {"/9": "/11"}
    names = ("1", "2", "9", "10", "11")

    log = fetch(watched, *(f"http://a.test/{name}" for name in names)).log

    assert log["problem_kind"].tolist() == ["opt_out", "", "opt_out", "opt_out", "opt_out"]
    assert set(log["reason"]) == {"", "tdmrep.json reserves it"}
    assert sorted(watched.images_asked()) == ["/2", "/9"]
    assert [path for _, path, _ in watched.requests].count(TDMREP) == 1


def test_who_heeds_no_opt_outs_does_not_ask_for_reservations(watched, fetch):
    watched.bodies[TDMREP] = b'[{"location": "/", "tdm-reservation": 1}]'

    result = fetch(watched, "http://a.test/1", refused_directives=())

    assert result.log["status"].tolist() == ["stored"]
    assert [path for _, path, _ in watched.requests] == [ROBOTS, "/1"]


def test_who_does_not_obey_robots_txt_does_not_ask_for_it(watched, fetch):
    watched.bodies[ROBOTS] = b"User-agent: *\nDisallow: /"

    result = fetch(watched, "http://a.test/1", obeys_robots_txt=False)

    assert result.log["status"].tolist() == ["stored"]
    assert [path for _, path, _ in watched.requests] == ["/1"]


def test_each_origin_of_a_host_has_its_own_robots_txt(server, fetch):
    down, none = says(b"", 500), says(b"", 404)

    def robots(handler):
        (down if ":81" in handler.headers["Host"] else none)(handler)

    server.routes |= {ROBOTS: robots, "/1": says(jpeg(1))}
    urls = ["http://a.test:81/1", "http://a.test/1", "http://a.test:81/2"]

    log = fetch(server, *urls, retries=0).log

    assert log["problem_kind"].tolist() == ["robots_unreachable", "", "robots_unreachable"]
    assert log["reason"][2] == "robots.txt cannot be read: HTTP 500"


def test_a_robots_txt_that_is_late_is_awaited_and_one_that_never_comes_forbids(server, fetch):
    server.routes |= {"/1": says(jpeg(1)), ROBOTS: in_turn(says(b"", 503), says(b"", 404))}
    first = fetch(server, "http://a.test/1")
    server.routes[ROBOTS] = says(b"", 503)
    second = fetch(server, "http://a.test/1", "http://a.test/2", retries=2)

    assert first.log["status"].tolist() == ["stored"]
    assert second.log["problem_kind"].tolist() == ["", "robots_unreachable"]
    assert second.log["reason"][1] == "robots.txt cannot be read: HTTP 503"
    asked = [path for path in server.requests if path != TDMREP]
    assert asked == [ROBOTS, ROBOTS, "/1", ROBOTS, ROBOTS, ROBOTS]


def test_a_crawl_delay_longer_than_patience_ends_the_host(watched, fetch):
    watched.bodies[ROBOTS] = b"User-agent: *\nCrawl-delay: 500"
    store_something = fetch(watched, "http://b.test/1", obeys_robots_txt=False)

    result = fetch(watched, "http://b.test/1", "http://a.test/1", "http://a.test/2")

    assert store_something.log["status"].tolist() == ["stored"]
    assert result.log["problem_kind"].tolist() == ["", "given_up", "given_up"]
    assert result.log["reason"][1] == "robots.txt asks for 500 s between requests"
    assert [path for name, path, _ in watched.requests if name == "a.test"] == [ROBOTS]


def test_budgets_of_hosts_are_kept_to_the_image(watched, fetch):
    budgets = OPTIONS.budgets.model_copy(update={"per_host_images": 2})
    urls = [f"http://{host}/{i}" for host in ("a.test", "b.test") for i in range(6)]

    result = fetch(watched, *urls, budgets=budgets)

    kept = result.log[result.log["status"] != "failed"]
    assert kept["location"].str.contains("//a.test").sum() == 2
    assert kept["location"].str.contains("//b.test").sum() == 2
    assert set(result.log["reason"]) == {"", "per_host_images is spent"}


def test_bytes_of_a_host_are_counted(watched, fetch):
    budgets = OPTIONS.budgets.model_copy(update={"per_host_bytes": 1})
    urls = [*(f"http://a.test/{i}" for i in range(3)), "http://b.test/3"]

    result = fetch(watched, *urls, budgets=budgets, slots=1)

    assert result.log["status"].tolist() == ["stored", "failed", "failed", "stored"]
    assert set(result.log["reason"][1:3]) == {"per_host_bytes is spent"}


def test_where_the_disk_is_nearly_full_nobody_is_asked(watched, fetch):
    budgets = OPTIONS.budgets.model_copy(update={"min_free_disk_bytes": 1 << 60})

    with pytest.raises(InputError, match="3 with: the disk is nearly full"):
        fetch(watched, *(f"http://{host}/1" for host in HOSTS), budgets=budgets)

    assert watched.requests == []


def test_time_that_is_over_ends_the_wait_for_a_host(watched, fetch):
    watched.bodies[ROBOTS] = b"User-agent: *\nCrawl-delay: 60"
    fetch(watched, "http://b.test/1", obeys_robots_txt=False)
    budgets = OPTIONS.budgets.model_copy(update={"total_minutes": 0.01})
    begin = time.monotonic()

    result = fetch(
        watched, "http://b.test/1", *(f"http://a.test/{i}" for i in (2, 3)), budgets=budgets
    )

    assert time.monotonic() - begin < 50
    assert result.log["reason"][2] == "total_minutes are over"


def test_who_cannot_be_reached_is_warned_once_before_asking_strangers(watched, fetch, caplog):
    with caplog.at_level(logging.WARNING):
        fetch(watched, "http://a.test/1", user_agent=USER_AGENT_WITHOUT_CONTACT)
        assert not caplog.messages
        strange = ["http://127.0.0.1/1", "http://127.0.0.1/2"]
        fetch(watched, "http://a.test/1", *strange, user_agent=USER_AGENT_WITHOUT_CONTACT)

    assert [text for text in caplog.messages if "Nobody can reach you" in text] == caplog.messages
    assert len(caplog.messages) == 1
