import json
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cosmop.collecting.candidates import CANDIDATE_COLUMNS
from cosmop.collecting.searching.search import LOG_COLUMNS, SearchOptions, search_images
from cosmop.errors import InputError

from .api_sites import api, hits
from .conftest import jpeg, says

PROJECT = Path(__file__).parents[3]
GALLERY = yaml.safe_load((PROJECT / "conf/base/providers/gallery.yml").read_text("utf-8"))
QUERIES = pd.DataFrame({"query": ["peru market", "volcano"]})


@pytest.fixture
def answering(server):
    server.routes["/s"] = hits
    return server


@pytest.fixture
def ask(tmp_path, server, gallery):
    hosts = {
        **gallery.host_addresses,
        **dict.fromkeys(("api.test", "one.test", "two.test"), server.address),
    }

    def search(given=None, queries=QUERIES, token=None, work=tmp_path / "work", **changes):
        given = {"api": api()} if given is None else given
        data = {"providers": list(given), "browser": "never", **changes}
        return search_images(
            queries,
            SearchOptions.model_validate(data),
            given,
            bearer_token=token,
            host_addresses=hosts,
            work=work,
        )

    return search


def rows(table, *columns):
    return list(table[list(columns)].itertuples(index=False, name=None))


def test_the_same_image_from_two_sources_is_one_candidate_of_the_first(ask):
    result = ask(GALLERY, sources=["search", "posts"], token="demo")

    assert list(CANDIDATE_COLUMNS) == list(result.candidates.columns)
    assert len(result.candidates) == 45
    assert result.candidates["source"].value_counts().to_dict() == {"gallery": 30, "posts": 15}
    assert result.candidates["candidate_id"].is_unique


def test_the_log_has_one_row_per_query_and_source(ask):
    log = ask(GALLERY, sources=["search", "posts"], token="demo").log

    assert list(LOG_COLUMNS) == list(log.columns)
    columns = ("query", "source", "status", "results", "new", "how")
    assert rows(log.head(2), *columns) == [
        ("peru market", "gallery", "ok", 30, 30, "plain HTTP"),
        ("volcano", "gallery", "no_results", 0, 0, "plain HTTP"),
    ]
    assert log["source"].tail(2).tolist() == ["posts", "posts"]
    assert log["how"].iloc[2].startswith("tweepy ")
    assert log["new"].sum() == 45


def test_sources_and_queries_keep_their_order_whoever_is_first(ask, answering):
    def slow(handler):
        time.sleep(0.1)
        hits(handler, host="one")

    answering.routes["/slow"] = slow
    providers = {
        "one": api("one", url_template="http://one.test/slow?q={query}&p={page}"),
        "two": api("two"),
    }
    queries = pd.DataFrame({"query": ["b", "a"]})

    log = ask(providers, queries=queries).log

    assert rows(log, "source", "query") == [("one", "b"), ("one", "a"), ("two", "b"), ("two", "a")]


def test_two_apis_do_not_wait_for_each_other(ask, answering):
    meeting = threading.Barrier(2, timeout=10)

    def met(handler):
        meeting.wait()  # breaks unless both APIs are asked at once
        hits(handler)

    answering.routes["/s"] = met
    providers = {name: api(name, paging={"max_pages": 1}) for name in ("one", "two")}

    assert ask(providers, queries=QUERIES.head(1)).log["status"].tolist() == ["ok", "ok"]


def test_new_counts_what_no_question_before_has_named(ask, answering):
    same = {"hits": [{"u": "http://e.org/1?utm_source=x"}, {"u": "http://E.org/2"}]}
    answering.routes["/s"] = says(json.dumps(same).encode())
    queries = pd.DataFrame({"query": ["a", "b"]})

    result = ask(queries=queries)

    assert rows(result.log, "results", "new") == [(2, 2), (2, 0)]
    assert len(result.candidates) == 2


def test_a_cap_of_a_query_goes_before_the_cap_of_all(ask, answering):
    answering.routes["/s"] = lambda handler: hits(handler, pages=50)
    queries = pd.DataFrame({"query": ["a", "b", "c"], "max_results": [0, 3, 99]})

    result = ask({"api": api(max_results=50)}, queries=queries, max_results_per_query=7)

    assert result.log["results"].tolist() == [7, 3, 50]


def test_hashtags_are_asked_to_posts_only_and_languages_go_along(ask, answering):
    queries = pd.DataFrame(
        {"query": ["mercado", "#market"], "kind": ["keyword", "hashtag"], "language": ["es", ""]}
    )

    log = ask(queries=queries, sources=["search", "posts"], token="demo").log

    assert rows(log, "source", "query", "language") == [
        ("api", "mercado", "es"),
        ("posts", "mercado", "es"),
        ("posts", "#market", ""),
    ]
    assert "l=es" in answering.requests[0]


def test_without_a_language_a_provider_is_asked_in_english(ask, answering):
    ask()

    assert all("l=en" in path for path in answering.requests)


def test_folder_and_url_list_need_neither_query_nor_network(ask, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.jpg").write_bytes(jpeg(1))
    (tmp_path / "urls.txt").write_text("http://e.org/a#1\nhttp://e.org/a\nnothing\n")

    result = ask(
        {},
        queries=QUERIES.head(0),
        sources=["folder", "url_list"],
        folder=str(tmp_path),
        url_list=str(tmp_path / "urls.txt"),
    )

    assert rows(result.candidates, "source", "kind", "title", "source_path", "rank") == [
        ("folder", "file", "a", "a/x.jpg", 1),
        ("url_list", "url", "", "", 1),
    ]
    assert rows(result.log, "results", "new", "reason") == [
        (1, 1, ""),
        (2, 1, "left out: 1 rows without an http(s) address"),
    ]


def test_a_url_list_may_name_its_columns(ask, tmp_path):
    (tmp_path / "a.csv").write_text("u,url\nhttp://e.org/a,http://e.org/no\n")
    url_list = {"path": str(tmp_path / "a.csv"), "url_column": "u"}

    found = ask({}, sources=["url_list"], url_list=url_list).candidates

    assert found["location"].tolist() == ["http://e.org/a"]


def test_one_source_that_fails_does_not_spoil_the_others(ask):
    result = ask(GALLERY, sources=["search", "posts"], token="wrong")

    assert result.log["status"].tolist() == ["ok", "no_results", "blocked", "blocked"]
    assert {"gallery"} == set(result.candidates["source"])


def test_a_provider_that_fails_in_a_row_is_asked_no_more(ask, answering):
    def refusing(handler):
        (hits if "q=good" in handler.path else says(b"", 403))(handler)

    answering.routes["/s"] = refusing
    queries = pd.DataFrame({"query": ["x", "good", *"abcde"]})

    log = ask(queries=queries, give_up_after=3).log

    assert log["status"].tolist() == ["blocked", "ok", *["blocked"] * 5]
    assert log["reason"].tolist()[4:] == [
        "HTTP 403",
        *["not asked, because 3 questions in a row failed (HTTP 403)"] * 2,
    ]
    assert len([path for path in answering.requests if "q=d" in path or "q=e" in path]) == 0


def test_a_page_that_was_not_understood_is_kept_and_named_in_the_log(ask, answering, tmp_path):
    def odd(handler):
        (hits if "peru" in handler.path else says(b"<html>captcha"))(handler)

    answering.routes["/s"] = odd
    log = ask().log

    assert log["status"].tolist() == ["ok", "layout_changed"]
    assert (tmp_path / "work/pages" / log["evidence"][1]).read_bytes() == b"<html>captcha"


def test_finding_nothing_at_all_is_one_sentence(ask, answering):
    with pytest.raises(InputError, match="'volcano' with no_results"):
        ask(queries=QUERIES.tail(1))
    with pytest.raises(InputError, match="token was refused"):
        ask({}, sources=["posts"], token="wrong")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": ["posts"]}, "X_BEARER_TOKEN"),
        ({"sources": ["folder"]}, "folder is empty"),
        ({"sources": ["url_list"]}, "url_list is empty"),
        ({"sources": ["url_list"], "url_list": ""}, "url_list is empty"),
        ({"providers": []}, "at least one provider"),
        ({"providers": ["apy"]}, "got 'apy'; did you mean 'api'"),
        ({"queries": QUERIES.head(0)}, "at least one query"),
        ({"given": {"api": api(needs_contact=True)}}, "where you can be reached, got 'cosmop"),
        (
            {
                "given": {
                    "open": api("one"),
                    "api": api(url_template="http://two.test/{key}?q={query}"),
                }
            },
            "'api' wants a key in its address",
        ),
        ({"sources": ["flickr"]}, r"'sources' must be among.*flickr"),
        ({"user_agent": "me\nCookie: a=b"}, "'user_agent' must match"),
        ({"sources": ["post"]}, "did you mean 'posts' for 'post'"),
    ],
)
def test_a_source_that_lacks_what_it_needs_is_refused_first(ask, server, changes, message):
    with pytest.raises(InputError, match=message):
        ask(**changes)
    assert server.requests == []


def test_hashtags_that_nobody_is_asked_for_are_told(ask, answering, caplog):
    hashtag = pd.DataFrame({"query": ["#peru"], "kind": ["hashtag"]})
    queries = pd.concat([QUERIES.assign(kind="keyword"), hashtag])

    ask(queries=queries)
    assert "sources ['search'], so nobody is asked for 1 hashtags" in caplog.text
    caplog.clear()
    ask(GALLERY, queries=queries, sources=["search", "posts"], token="demo")
    assert "nobody is asked" not in caplog.text


def test_the_progress_counts_the_questions(ask, answering, capfd, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE")

    ask()

    shown = capfd.readouterr().err
    assert "Searching: 100%" in shown
    assert "2/2" in shown
    assert "2 images" in shown
