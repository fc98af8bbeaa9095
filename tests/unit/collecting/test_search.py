import os
import threading
import time

import pandas as pd
import pytest

from cosmop.collecting.browser import start_browser
from cosmop.collecting.candidates import CANDIDATE_COLUMNS
from cosmop.collecting.search import LOG_COLUMNS, SearchOptions, search_images
from cosmop.errors import InputError

from .conftest import documented_providers, jpeg

QUERIES = pd.DataFrame({"query": ["peru market", "volcano"]})


def options(**changes):
    data = {"providers": [documented_providers()[0]], "browser": "never"}
    return SearchOptions.model_validate(data | changes)


def ask(gallery, chosen, queries=QUERIES, token="demo"):
    return search_images(queries, chosen, bearer_token=token, host_addresses=gallery.host_addresses)


def test_the_same_image_from_two_sources_is_one_candidate_of_the_first(gallery):
    result = ask(gallery, options(sources=["search", "posts"]))

    assert list(CANDIDATE_COLUMNS) == list(result.candidates.columns)
    assert len(result.candidates) == 45
    assert result.candidates["source"].value_counts().to_dict() == {"gallery": 30, "posts": 15}
    assert result.candidates["candidate_id"].is_unique


def test_the_log_has_one_row_per_query_and_source(gallery):
    log = ask(gallery, options(sources=["search", "posts"])).log

    assert list(LOG_COLUMNS) == list(log.columns)
    assert list(
        log[["query", "source", "status", "results", "how"]]
        .head(2)
        .itertuples(index=False, name=None)
    ) == [
        ("peru market", "gallery", "ok", 30, "plain HTTP"),
        ("volcano", "gallery", "no_results", 0, "plain HTTP"),
    ]
    assert log["source"].tail(2).tolist() == ["posts", "posts"]
    assert log["how"].iloc[2].startswith("tweepy ")


def test_the_limit_per_query_holds_for_each_source(gallery):
    result = ask(gallery, options(sources=["search", "posts"], max_results_per_query=7))

    assert result.log["results"].tolist() == [7, 0, 7, 0]


def test_folder_and_url_list_need_neither_query_nor_network(gallery, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.jpg").write_bytes(jpeg(1))
    (tmp_path / "urls.txt").write_text("http://e.org/a#1\nhttp://e.org/a\n")
    chosen = options(
        sources=["folder", "url_list"], folder=str(tmp_path), url_list=str(tmp_path / "urls.txt")
    )

    result = ask(gallery, chosen, queries=QUERIES.head(0), token=None)

    columns = ["source", "kind", "title", "source_path"]
    assert list(result.candidates[columns].itertuples(index=False, name=None)) == [
        ("folder", "file", "a", "a/x.jpg"),
        ("url_list", "url", "", ""),
    ]
    assert result.log["results"].tolist() == [1, 2]


def test_one_source_that_fails_does_not_spoil_the_others(gallery):
    result = ask(gallery, options(sources=["search", "posts"]), token="wrong")

    assert result.log["status"].tolist() == ["ok", "no_results", "blocked", "blocked"]
    assert {"gallery"} == set(result.candidates["source"])


def test_finding_nothing_at_all_is_one_sentence(gallery):
    with pytest.raises(InputError, match="'volcano' with no_results"):
        ask(gallery, options(), queries=QUERIES.tail(1))
    with pytest.raises(InputError, match="token was refused"):
        ask(gallery, options(sources=["posts"]), token="wrong")


@pytest.mark.parametrize(
    ("changes", "queries", "message"),
    [
        ({"sources": ["posts"]}, QUERIES, "X_BEARER_TOKEN"),
        ({"sources": ["folder"]}, QUERIES, "folder is empty"),
        ({"sources": ["url_list"]}, QUERIES, "url_list is empty"),
        ({"providers": []}, QUERIES, "at least one provider"),
        ({}, QUERIES.head(0), "at least one query"),
    ],
)
def test_a_source_that_lacks_what_it_needs_is_refused_first(gallery, changes, queries, message):
    with pytest.raises(InputError, match=message):
        ask(gallery, options(**changes), queries=queries, token=None)


def test_an_unknown_source_is_refused():
    with pytest.raises(InputError, match=r"'sources' must be among.*flickr"):
        options(sources=["flickr"])


def test_without_a_browser_on_the_path_plain_http_is_used_and_said(gallery, monkeypatch, caplog):
    monkeypatch.setenv("PATH", "/nowhere")
    caplog.set_level("INFO")

    result = ask(gallery, options(browser="auto"))

    assert {"plain HTTP"} == set(result.log["how"])
    assert "because Chromium is not on PATH" in caplog.text


def test_a_browser_that_does_not_come_up_is_not_waited_for(tmp_path, monkeypatch, caplog):
    for name in ("chromium", "chromedriver"):
        (tmp_path / name).write_text("#!/bin/sh\nsleep 1; exit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    caplog.set_level("INFO")
    begin = time.monotonic()

    assert start_browser({}, deadline_s=0.3) is None
    assert time.monotonic() - begin < 1
    assert "did not start within 0.3 s" in caplog.text
    for thread in threading.enumerate():
        if thread.name == "start-browser":
            thread.join()
