"""Searches that are killed, by real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

from cosmop.collecting.candidates import CANDIDATE_COLUMNS
from cosmop.collecting.searching.search import SearchOptions, search_images

from .api_sites import api, hits
from .x_server import TOKEN, problem


def ask(server, work, queries):
    return search_images(
        queries,
        SearchOptions(providers=("api",)),
        {"api": api()},
        bearer_token=None,
        host_addresses={"api.test": server.address},
        work=work,
    )


def test_a_finished_search_asks_anew_and_leaves_no_answers(server, tmp_path):
    server.routes["/s"] = hits
    queries = pd.DataFrame({"query": ["peru"]})

    ask(server, tmp_path, queries)
    first = len(server.requests)
    ask(server, tmp_path, queries)

    assert len(server.requests) == 2 * first
    assert not (tmp_path / "answers.jsonl").exists()


INTERRUPTED = """
import json, sys, pandas as pd
from pathlib import Path
from cosmop.collecting.searching.search import SearchOptions, search_images
given = json.loads(sys.argv[1])
search_images(pd.DataFrame({"query": given["queries"]}), SearchOptions(providers=("api",)),
    given["providers"], bearer_token=None, host_addresses=given["hosts"], work=Path(given["work"]))
"""


def test_a_search_that_is_killed_asks_nothing_twice_and_finds_the_same(server, tmp_path):
    queries = pd.DataFrame({"query": [f"word {number}" for number in range(12)]})
    server.routes["/s"] = hits
    undisturbed = ask(server, tmp_path / "undisturbed", queries)
    whole = len(server.requests)
    server.requests.clear()
    given = {
        "queries": queries["query"].tolist(),
        "providers": {"api": api()},
        "hosts": {"api.test": server.address},
        "work": str(tmp_path / "work"),
    }
    reached, gate = threading.Event(), threading.Event()

    def stuck_at_seven(handler):
        if "word+7" in handler.path and not gate.is_set():
            reached.set()
            gate.wait(30)
        hits(handler)

    server.routes["/s"] = stuck_at_seven
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TQDM_DISABLE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, json.dumps(given)], env=environment
    )
    try:
        assert reached.wait(60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        gate.set()
    with (tmp_path / "work/answers.jsonl").open("ab") as journal:
        journal.write(b'{"key": "torn')  # what a kill in mid-write leaves
    asked_before = len(server.requests)

    resumed = ask(server, tmp_path / "work", queries)

    assert asked_before + len(server.requests[asked_before:]) == whole + 1  # word 7 once more
    assert len(server.requests[asked_before:]) == whole * 5 // 12
    columns = [name for name in CANDIDATE_COLUMNS if name != "found_at"]
    pd.testing.assert_frame_equal(resumed.candidates[columns], undisturbed.candidates[columns])
    columns = ["query", "source", "status", "results", "new", "reason"]
    pd.testing.assert_frame_equal(resumed.log[columns], undisturbed.log[columns])
    assert resumed.log["how"].tolist() == ["API, before the interruption"] * 7 + ["API"] * 5


ENDED = """
import json, sys, pandas as pd
from pathlib import Path
from cosmop.collecting.searching.search import SearchOptions, search_images
given = json.loads(sys.argv[1])
search_images(pd.DataFrame({"query": ["one", "two"]}), SearchOptions.model_validate(
    given["options"]), given["providers"], bearer_token=given["token"],
    host_addresses=given["hosts"], work=Path(given["work"]))
"""


def asked_to_wait(handler):
    handler.send_response(429)
    handler.send_header("Retry-After", "50")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def until_the_server_ends(handler):
    time.sleep(50)


@pytest.mark.parametrize("how", [asked_to_wait, until_the_server_ends])
@pytest.mark.parametrize("source", ["search", "posts"])
def test_ctrl_c_ends_a_search_at_once_and_what_was_found_stays(server, x, tmp_path, source, how):
    x.fill(5)
    reached = threading.Event()

    def stuck(handler):
        reached.set()
        limited = problem(429, x_rate_limit_reset=str(int(time.time()) + 50))
        (limited if source == "posts" and how is asked_to_wait else how)(handler)

    server.routes["/s"] = lambda handler: (stuck if "two" in handler.path else hits)(handler)
    x.script = [x.answer, stuck]
    given = {
        "options": {"sources": [source], "providers": ["api"], "posts": {"timeout_s": 60.0}},
        "providers": {"api": api(timeout_s=60.0)},
        "hosts": {"api.test": server.address, **x.hosts},
        "token": TOKEN,
        "work": str(tmp_path / "work"),
    }
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TQDM_DISABLE": "1"}
    process = subprocess.Popen([sys.executable, "-c", ENDED, json.dumps(given)], env=environment)
    assert reached.wait(60)
    process.send_signal(signal.SIGINT)

    assert process.wait(30) != 0  # the server would be waited for 50 s
    file = "answers.jsonl" if source == "search" else "posts/pages.jsonl"
    assert len((tmp_path / "work" / file).read_text().splitlines()) == 1
