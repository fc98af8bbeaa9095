import asyncio
from contextlib import suppress

import pytest

from cosmop.collecting.downloads.arrivals import Arrival, Arrivals
from cosmop.collecting.downloads.budgets import Budgets
from cosmop.collecting.downloads.doubts import FEWEST_HOSTS, Doubts
from cosmop.collecting.downloads.download import download_images
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.downloads.download_statistics import DownloadStatistics
from cosmop.collecting.downloads.finishing import Finisher
from cosmop.collecting.downloads.receiving import Wanted
from cosmop.collecting.web.fetch_errors import FetchError
from cosmop.errors import InputError
from cosmop.imaging.intake_processes import IntakeProcesses
from cosmop.imaging.store import ImageStore

from .conftest import candidates, jpeg
from .watching_server import WatchingServer

LOGIN = b"<html><form>Please log in"
OPTIONS = DownloadOptions(
    per_host_interval_s=0.0,
    decoding_workers=1,
    obeys_robots_txt=False,
    user_agent="cosmop/0.1 (tests@web.test)",
)


def failure(name):
    return Arrival(name, "", problem_kind="not_an_image", reason="a page")


def test_failures_of_many_hosts_in_a_row_are_for_good_only_if_an_image_came_between(caplog):
    doubts, journal = Doubts(), {}

    def fail(*hosts):
        for host in hosts:
            lines = doubts.lines(host, failure(host))
            journal.update((line.candidate_id, line.is_temporary) for line in lines)

    fail(*(f"early-{i}" for i in range(FEWEST_HOSTS - 1)))
    doubts.clear()
    fail(*(f"away-{i}" for i in range(FEWEST_HOSTS + 5)))
    doubts.clear()
    fail("late")

    doubtful = {name for name, is_temporary in journal.items() if is_temporary}
    assert doubtful == {name for name in journal if name.startswith("away")}
    assert len([text for text in caplog.messages if "check the network" in text]) == 1


def test_one_host_may_fail_as_often_as_it_likes():
    doubts = Doubts()

    lines = [line for i in range(1000) for line in doubts.lines("one", failure(str(i)))]

    assert [line.candidate_id for line in lines] == [str(i) for i in range(1000)]
    assert not any(line.is_temporary for line in lines)


def test_what_a_host_itself_answers_is_for_good_however_many_do():
    doubts = Doubts()
    gone = [failure(str(i))._replace(problem_kind="http_404") for i in range(2 * FEWEST_HOSTS)]

    lines = [line for arrival in gone for line in doubts.lines(arrival.candidate_id, arrival)]

    assert lines == gone


@pytest.fixture
def away():
    """A server that shows a login page in place of every image."""
    server = WatchingServer({f"/{i}.jpg": LOGIN for i in range(FEWEST_HOSTS + 10)})
    yield server
    server.close()


@pytest.fixture
def fetch(away, tmp_path):
    def run(table):
        hosts = {f"{name}.test": away.address for name in ("login", *range(FEWEST_HOSTS + 10))}
        store = ImageStore(tmp_path / "store")
        return download_images(table, store, OPTIONS, host_addresses=hosts, work=tmp_path / "work")

    return run


def addresses(count):
    return candidates(*(f"http://{i}.test/{i}.jpg" for i in range(count)))


def comes_back(server):
    server.requests.clear()
    server.redirects.clear()
    server.bodies |= {path: jpeg(i) for i, path in enumerate(server.bodies)}


@pytest.mark.parametrize("is_redirected", [False, True])
def test_a_login_page_in_place_of_all_images_costs_none_of_them(away, fetch, is_redirected):
    if is_redirected:
        away.redirects = dict.fromkeys(away.bodies, "http://login.test/page")
        away.bodies = away.bodies | {"/page": LOGIN}
    with pytest.raises(InputError, match=f"all {FEWEST_HOSTS} candidates failed"):
        fetch(addresses(FEWEST_HOSTS))
    comes_back(away)

    result = fetch(addresses(FEWEST_HOSTS))

    assert set(result.log["status"]) == {"stored"}


def test_pages_of_a_few_hosts_are_for_good(away, fetch):
    for _ in range(2):
        with suppress(InputError):
            fetch(addresses(5))

    assert len(away.requests) == 5


def test_an_image_of_this_machine_says_nothing_of_the_network(tmp_path):
    store, file = ImageStore(tmp_path / "store"), tmp_path / "mine.jpg"
    file.write_bytes(jpeg(999))
    unknown = FetchError("host_not_found", "host not found")

    async def finish(arrivals):
        async with IntakeProcesses(store, OPTIONS.intake, workers=1) as intake:
            finisher = Finisher(
                OPTIONS,
                intake=intake,
                arrivals=arrivals,
                statistics=DownloadStatistics(FEWEST_HOSTS + 1, 0),
                budgets=Budgets(OPTIONS.budgets, tmp_path),
                store=store,
                withdrawn=frozenset(),
            )
            for i in range(FEWEST_HOSTS - 1):
                finisher.fail(f"{i}.test", Wanted(f"{i}", f"http://{i}.test/"), unknown)
            mine = Wanted("mine", str(file), str(file))
            await finisher.take_in("", mine, file, file.stat().st_size)
            finisher.fail("last.test", Wanted("last", "http://last.test/"), unknown)

    with Arrivals(tmp_path / "work") as arrivals:
        asyncio.run(finish(arrivals))
        table = arrivals.table()

    assert set(table["candidate_id"][~table["is_temporary"]]) == {"mine"}
    assert len(table) == FEWEST_HOSTS + 1
