"""Browsers that hang, crash or are interrupted: nothing of them is left, what was found stays."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pandas as pd
import psutil
import pytest

from cosmop.collecting.providers.browser import BrowserSearch
from cosmop.collecting.providers.chromium import NoBrowserError
from cosmop.collecting.providers.evidence import Evidence
from cosmop.collecting.providers.providers import PageProviderOptions
from cosmop.collecting.searching.search import SearchOptions, search_images
from tests.browser.test_browser_search import SCRIPTED, browsers_alive, tile

pytestmark = pytest.mark.browser

PROVIDER = {name: value for name, value in SCRIPTED.items() if name != "name"} | {"timeout_s": 60.0}
OPTIONS = {"providers": ["scripted"], "browser_start_s": 60}


@pytest.fixture
def own_browser(start, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    try:
        search = BrowserSearch(start, Evidence(tmp_path / "pages"))
    except NoBrowserError as error:
        pytest.skip(str(error))
    with search:
        yield search


def test_what_pages_before_a_crash_gave_is_kept_with_the_reason(own_browser, pages, tmp_path):
    pages.html |= {"/r1": tile("a") + tile("b"), "/r2": "<h1>waiting"}
    provider = PageProviderOptions.model_validate(
        SCRIPTED
        | {"url_template": "http://pages.test/r{page}?{query}", "timeout_s": 30.0}
        | {"paging": {"browser_pages": 5}, "scroll": {"max_scrolls": 0}}
    )
    is_over = threading.Event()

    def kill_on_the_second_page():
        seen = len(pages.requests)
        while not is_over.wait(0.05):
            if any(path.startswith("/r2") for path in pages.requests[seen:]):
                seen = len(pages.requests)
                for victim in browsers_alive(tmp_path):
                    victim.kill()

    killer = threading.Thread(target=kill_on_the_second_page)
    killer.start()
    outcome = own_browser.find(provider, "q", 100)
    is_over.set()
    killer.join()

    assert [image.title for image in outcome.found] == ["a", "b"]
    assert (outcome.status, outcome.reason) == ("ok", "the browser crashed twice on this page")
    assert len([path for path in pages.requests if path.startswith("/r1")]) == 1


def test_a_renderer_that_crashes_is_one_failed_query(own_browser, pages):
    pages.html["/fine"] = tile("a")
    provider = PageProviderOptions.model_validate(SCRIPTED)
    crashing = provider.model_copy(update={"url_template": "chrome://crash"})

    assert own_browser.find(crashing, "q", 5).status == "failed"
    assert own_browser.find(provider, "fine", 5).status == "ok"


def test_a_driver_that_hangs_is_ended_without_waiting_for_it(own_browser, tmp_path):
    processes = browsers_alive(tmp_path)
    psutil.Process(own_browser._chromium.driver.service.process.pid).suspend()
    begin = time.monotonic()

    own_browser.close()

    assert time.monotonic() - begin < 12  # Selenium's own way of ending takes twice as long
    psutil.wait_procs(processes, timeout=5)
    assert browsers_alive(tmp_path) == []
    assert list(tmp_path.glob("cosmop-browser-*")) == []


INTERRUPTED = """
import json, sys, tempfile
import pandas as pd
from pathlib import Path
from cosmop.collecting.searching.search import SearchOptions, search_images
given = json.loads(sys.argv[1])
tempfile.tempdir = given["temporary"]
search_images(pd.DataFrame({"query": given["queries"]}), SearchOptions.model_validate(
    given["options"]), given["providers"], bearer_token=None, host_addresses=given["hosts"],
    work=Path(given["work"]))
"""


@pytest.mark.parametrize("to_all", [False, True], ids=["to_python_only", "as_a_terminal_does"])
@pytest.mark.parametrize("page", [None, "<h1>still loading"], ids=["hanging", "never_ready"])
def test_ctrl_c_ends_a_search_at_once_and_leaves_no_browser(browser, pages, tmp_path, page, to_all):
    pages.html |= {"/one": tile("a"), "/two": page, "/three": tile("c")}
    given = {
        "queries": ["one", "two", "three"],
        "providers": {"scripted": PROVIDER},
        "options": OPTIONS,
        "hosts": {"pages.test": pages.address},
        "work": str(tmp_path / "work"),
        "temporary": str(tmp_path),
    }
    pages.requests.clear()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TQDM_DISABLE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, json.dumps(given)],
        env=environment,
        start_new_session=True,
    )
    deadline = time.monotonic() + 90
    while "/two" not in pages.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)

    assert process.wait(30) != 0  # the page would be waited for a minute
    psutil.wait_procs(browsers_alive(tmp_path), timeout=5)
    assert browsers_alive(tmp_path) == []
    assert list(tmp_path.glob("cosmop-browser-*")) == []

    pages.html["/two"] = tile("b")
    pages.requests.clear()
    resumed = search_images(
        pd.DataFrame({"query": given["queries"]}),
        SearchOptions.model_validate(OPTIONS),
        given["providers"],
        bearer_token=None,
        host_addresses=given["hosts"],
        work=tmp_path / "work",
    )
    assert resumed.candidates["title"].tolist() == ["a", "b", "c"]
    assert "/one" not in pages.requests
