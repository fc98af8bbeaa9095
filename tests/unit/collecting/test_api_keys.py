"""A provider's key reaches the API, in its address or in a header, and can be seen nowhere else.

A real server repeats the key in whatever it says. Then every byte of the work folder, every record
of every log at DEBUG, and all that the search returns or raises is looked through.
"""

import json
from dataclasses import replace
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pandas as pd
import pytest

from cosmop.collecting.candidates import FoundImage
from cosmop.collecting.providers.api_answers import read_answer
from cosmop.collecting.providers.api_options import ApiProviderOptions
from cosmop.collecting.providers.api_search import ApiSearch
from cosmop.collecting.providers.evidence import Evidence
from cosmop.collecting.providers.provider_key import ProviderKey
from cosmop.collecting.searching.search import SearchOptions, search_images
from cosmop.collecting.searching.search_answers import Answer, AnswerJournal, Question
from cosmop.errors import InputError

from .api_sites import JSON, KEY, WAYS_TO_WRITE, api, is_seen
from .conftest import says

IN_ADDRESS = api(url_template="http://api.test/s?q={query}&p={page}&api_key={key}")
IN_PATH = api(url_template="http://api.test/{key}/s?q={query}&p={page}")
IN_HEADER = api(
    url_template="http://api.test/s?q={query}&p={page}", headers={"X-Api-Key": "Token {key}"}
)
TELLING = {
    "paging": {"per_page": 2, "max_pages": 1},
    "fields": {"image_url": "u", "page_url": "page", "thumbnail_url": "thumb", "title": "title"},
    "error_path": "error",
    "timeout_s": 1.0,
}
PATH = f"/{quote(KEY, safe='')}/s"


def in_json(text):
    return json.dumps(text)[1:-1]


def drop(handler, told):
    handler.wfile.write(f"HTTP/1.1 {told} {told}\r\n{told}: {told}\r\n\r\n".encode())


def stay_late(handler, told):
    handler.rfile.read(1)  # until the client gives up


def found(handler, told):
    hit = {"u": "/i.jpg?k=TOLD", "page": "?more=1", "thumb": "#small", "title": "asked with TOLD"}
    text = json.dumps({"hits": [hit, hit | {"u": "deeper/b.jpg"}]}).replace("TOLD", in_json(told))
    says(text.encode(), 200, JSON, Set_Cookie=f"key={told}", X_Key=told)(handler)


def told_as(text, status=200):
    return lambda handler, told: says(text.replace("TOLD", told).encode(), status, JSON)(handler)


ANSWERS = {
    "found": found,
    "raw": told_as('{"hits": [{"u": "http://i.test/a", "title": "TOLD"}]}'),
    "error": lambda handler, told: told_as('{"error": "No key TOLD"}')(handler, in_json(told)),
    "text": told_as("No key TOLD, sorry"),
    "other": lambda handler, told: told_as('{"TOLD": 1}')(handler, in_json(told)),
    "useless": told_as('{"hits": [{"x": "TOLD"}]}'),
    "refused": told_as('{"error": "TOLD"}', 401),
    "down": told_as("TOLD", 500),
    "broken": drop,
    "late": stay_late,
}
QUERIES = [f"{name} {way}" for name in [*ANSWERS][:-1] for way in range(len(WAYS_TO_WRITE))]


@pytest.fixture
def telling(server):
    """A server that answers as the query says, and repeats the key as the query says."""

    def answer(handler):
        name, way = parse_qs(urlsplit(handler.path).query)["q"][0].split()
        ANSWERS[name](handler, WAYS_TO_WRITE[int(way)](KEY))

    server.routes["/s"] = server.routes[PATH] = answer
    return server


@pytest.fixture
def search(server, tmp_path):
    def ask(conf, queries, keys, hosts=("api.test",)):
        return search_images(
            pd.DataFrame({"query": queries}),
            SearchOptions(providers=("api",), give_up_after=1000),
            {"api": conf},
            bearer_token=None,
            host_addresses=dict.fromkeys(hosts, server.address),
            work=tmp_path / "work",
            provider_keys=keys,
        )

    return ask


def files_of(folder):
    return [path.read_bytes().decode(errors="replace") for path in folder.rglob("*.*")]


@pytest.mark.parametrize("conf", [IN_ADDRESS, IN_PATH, IN_HEADER])
def test_a_key_that_the_api_repeats_is_seen_nowhere(
    telling, search, tmp_path, caplog, capfd, monkeypatch, conf
):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")

    result = search(conf | TELLING, [*QUERIES, "late 0"], {"api": KEY})

    states = {"ok", "failed", "layout_changed", "blocked", "timeout"}
    assert set(result.log["status"]) == states
    assert all(is_seen(f"{path} {headers}") for path, headers in _asked(telling))
    told = [result.candidates.to_csv(), result.log.to_csv(), *files_of(tmp_path / "work")]
    said = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    assert not [text for text in [*told, *said, *capfd.readouterr()] if is_seen(text)]
    assert "hidden" in told[0]
    assert len(told) > 2 + len(WAYS_TO_WRITE)
    assert said


def _asked(server):
    return list(zip(server.requests, server.headers, strict=True))


def test_a_key_that_the_api_repeats_is_in_no_journal_and_in_no_printed_object(telling, tmp_path):
    provider = ApiProviderOptions.model_validate({"name": "api", **IN_PATH, **TELLING})
    evidence = Evidence(tmp_path / "pages")
    hosts = {"api.test": telling.address}
    with (
        AnswerJournal(tmp_path, 24.0) as journal,
        ApiSearch(hosts, "me", evidence=evidence, keys={"api": KEY}) as api_search,
    ):
        for query in QUERIES[: 6 * len(WAYS_TO_WRITE)]:
            outcome = api_search.find(provider, query, 10)
            journal.add(Question("api", query, "", 10, 0, provider), Answer(outcome, 1.0, "API"))
            assert not is_seen(repr(outcome))
        assert not is_seen(f"{api_search!r} {provider!r}")
        files = files_of(tmp_path)
    assert sum(file.count("\n") for file in files) >= 6 * len(WAYS_TO_WRITE)
    assert not any(map(is_seen, files))


def test_an_address_starts_where_the_api_is_and_repeats_no_key(telling, search):
    table = search(IN_PATH | TELLING, ["found 0"], {"api": KEY}).candidates

    first, second = table.itertuples()
    assert (first.location, second.location) == (
        "http://api.test/i.jpg?k=hidden",
        "http://api.test/hidden/deeper/b.jpg",
    )
    assert first.page_url == "http://api.test/hidden/s?more=1"
    assert first.title == "asked with hidden"


def test_a_number_that_is_the_key_is_hidden_and_other_numbers_stay():
    key = ProviderKey("api", "1234567890")
    provider = ApiProviderOptions.model_validate({"name": "api", **IN_ADDRESS, **TELLING})
    hit = {"u": "http://i.test/7", "title": 1234567890}

    answer = read_answer(provider, json.dumps({"hits": [hit]}), "http://api.test/", key.hide)

    assert answer.outcome.found == (FoundImage("http://i.test/7", title="hidden"),)


def test_a_continuation_with_the_key_in_it_is_sent_as_it_came_and_not_printed(server):
    paging = {"continuation_path": "next", "max_pages": 2}
    conf = IN_ADDRESS | {"paging": paging, "name": "api"}
    body = {"hits": [{"u": "http://i.test/1"}], "next": {"token": KEY}}
    server.routes["/s"] = says(json.dumps(body).encode(), 200, JSON)
    provider = ApiProviderOptions.model_validate(conf)

    with ApiSearch({"api.test": server.address}, "me", keys={"api": KEY}) as api_search:
        api_search.find(provider, "market", 10)

    assert parse_qs(urlsplit(server.requests[1]).query)["token"] == [KEY]
    answer = read_answer(provider, json.dumps(body), "http://e.org/", ProviderKey("api", KEY).hide)
    assert answer.continuation == {"token": KEY}
    assert not is_seen(repr(answer))


@pytest.mark.parametrize("conf", [IN_ADDRESS, IN_PATH])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_address_with_a_key_is_not_asked_for_elsewhere(server, search, conf, status):
    def moved(handler):
        there = f"http://elsewhere.test{handler.path}"
        says(b"", status, **{"Location": there})(handler)

    server.routes["/s"] = server.routes[PATH] = moved

    with pytest.raises(InputError, match="more than 0 redirects") as error:
        search(conf, ["market"], {"api": KEY}, hosts=("api.test", "elsewhere.test"))

    assert [headers["Host"] for headers in server.headers] == ["api.test"]
    assert not is_seen(str(error.value))


def test_the_key_arrives_as_it_is(server, search):
    body = json.dumps({"hits": [{"u": "http://i.test/1"}]}).encode()
    server.routes["/s"] = server.routes[PATH] = says(body, 200, JSON)

    for conf in (IN_ADDRESS, IN_PATH, IN_HEADER):
        search(conf | {"paging": {"max_pages": 1}}, ["{key}"], {"api": KEY})

    by_address, by_path, by_header = server.requests
    assert parse_qs(urlsplit(by_address).query) == {"q": ["{key}"], "p": ["1"], "api_key": [KEY]}
    assert unquote(urlsplit(by_path).path) == f"/{KEY}/s"
    assert not is_seen(by_header)
    assert [headers.get("X-Api-Key") for headers in server.headers] == [None, None, f"Token {KEY}"]


def test_without_a_key_headers_are_left_out_and_the_search_goes_on(server, search):
    server.routes["/s"] = says(b'{"hits": [{"u": "http://i.test/1"}]}', 200, JSON)

    assert len(search(IN_HEADER, ["market"], {}).candidates) == 1
    assert "X-Api-Key" not in server.headers[0]


@pytest.mark.parametrize("keys", [{}, {"api": ""}, {"another": KEY}])
def test_without_a_key_that_its_address_wants_nothing_is_asked(server, search, keys):
    with pytest.raises(InputError, match=r"'api' wants a key.*provider_keys: \{api: …\}") as error:
        search(IN_ADDRESS, ["market"], keys)

    assert (server.requests, str(error.value).count(". ")) == ([], 0)


def test_an_answer_is_found_again_after_the_key_has_changed(server, tmp_path):
    server.routes["/s"] = says(b'{"hits": [{"u": "http://i.test/1"}]}', 200, JSON)
    provider = ApiProviderOptions.model_validate({"name": "api", **IN_ADDRESS})
    question = Question("api", "market", "", 10, 0, provider)
    with ApiSearch({"api.test": server.address}, "me", keys={"api": KEY}) as api_search:
        outcome = api_search.find(provider, "market", 10)

    with AnswerJournal(tmp_path, 24.0) as journal:
        journal.add(question, Answer(outcome, 1.0, "API"))
    with AnswerJournal(tmp_path, 24.0) as journal:
        assert journal.get(replace(question, number=1)).outcome == outcome


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url_template": "http://{key}.e.org/{query}"}, "path or query alone"),
        ({"url_template": "http://{key}@e.org/{query}"}, "path or query alone"),
        ({"url_template": "http://e.org/{query}#{key}"}, "path or query alone"),
        ({"headers": {"X-Api-Key": KEY}}, "provider_keys in conf/local/credentials.yml"),
        ({"headers": {"X-Api-Key": {"key": None}}}, "in quotation marks"),
        ({"headers": f"X-Api-Key: {KEY}"}, "a mapping"),
        ({"headers": {"X Api Key": "{key}"}}, "a map of headers"),
        ({"headers": {"X-Api-Key": "{key} {query}"}}, "a map of headers"),
        ({"headers": {"X-Api-Key": "{key}\r\nCookie: a=b"}}, "a map of headers"),
    ],
)
def test_a_place_where_a_key_cannot_go_is_refused_and_a_key_in_it_is_not_quoted(change, message):
    with pytest.raises(InputError, match=message) as error:
        ApiProviderOptions.model_validate({"name": "api", **api(), **change})

    assert not is_seen(f"{error.value} {error.value.__cause__}")
