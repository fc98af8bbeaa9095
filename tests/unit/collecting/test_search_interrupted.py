"""Searches that are killed, by real processes."""

import json
import os
import signal
import subprocess
import sys
import threading

import pandas as pd

from cosmop.collecting.candidates import CANDIDATE_COLUMNS
from cosmop.collecting.searching.search import SearchOptions, search_images

from .api_sites import api, hits


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
