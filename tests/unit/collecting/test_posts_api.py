import http.client
import json
import logging
import threading
import time
import traceback
from itertools import pairwise

import pytest

from cosmop.collecting.posts.posts import PostSearch
from cosmop.collecting.posts.x_api import NoAnswerError, TimedAdapter, XApi
from cosmop.errors import InputError

from .x_server import FAST, TOKEN, XServer, problem, says


@pytest.fixture
def x():
    server = XServer()
    server.fill(1)
    yield server
    server.close()


@pytest.fixture
def search(x, tmp_path):
    opened = []

    def start(token=TOKEN, **changed):
        options = FAST.model_copy(update=changed)
        opened.append(PostSearch(options, token, x.hosts, tmp_path))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def cut(handler):
    handler.close_connection = True
    handler.wfile.close()


def cut_in_the_body(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"data": [')
    handler.wfile.close()


@pytest.mark.parametrize("failure", [problem(503), problem(500), cut, cut_in_the_body])
def test_server_errors_and_cut_connections_are_tried_again_as_often_as_allowed(x, search, failure):
    posts = search()
    x.script = [failure, failure]
    assert posts.find("one", 10).status == "ok"

    x.asked.clear()
    x.script = [failure] * 9
    outcome = posts.find("two", 10)
    assert (outcome.status, len(x.asked)) == ("failed", 3)
    assert outcome.reason.endswith(", 3 times")


def test_a_server_that_answers_too_late_is_given_up(x, search):
    x.script = [lambda handler: time.sleep(0.4)] * 2

    outcome = search(timeout_s=0.1, retries=1).find("q", 10)

    assert (outcome.status, outcome.reason) == ("timeout", "ReadTimeout, 2 times")


def test_pauses_between_tries_double(x, search):
    x.script = [problem(503)] * 3

    search(backoff_s=0.3, retries=3).find("q", 10)

    times = [asked.at for asked in x.asked]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert all(pause >= least for pause, least in zip(pauses, (0.3, 0.6, 1.2), strict=True))
    assert pauses[-1] < 2.6  # three times as long each time would be 2.7


def test_a_rate_limit_is_waited_for_until_its_reset(x, search):
    wanted_s = []

    def limited(handler):
        reset = int(time.time()) + 1
        wanted_s.append(reset + 1 - time.time())
        problem(429, x_rate_limit_reset=str(reset))(handler)

    x.script = [limited]

    assert search(max_wait_s=5.0).find("q", 10).status == "ok"
    first, second = x.asked
    assert second.at - first.at > wanted_s[0] - 0.3  # a clock that is set may spare some


@pytest.mark.parametrize("reset", [None, "100", "?", "1.5", "-7", "²"])
def test_a_rate_limit_without_a_usable_reset_does_not_hammer(x, search, reset):
    headers = {} if reset is None else {"x_rate_limit_reset": reset}
    x.script = [problem(429, **headers)] * 999

    outcome = search(backoff_s=0.1, max_wait_s=1.0).find("q", 10)

    assert (outcome.status, outcome.reason[:10]) == ("blocked", "rate limit")
    assert len(x.asked) == 4  # pauses of 0.1, 0.2 and 0.4 s; 0.8 s more would be too long


def test_a_long_wait_is_refused_at_once_and_for_later_queries_without_asking(x, search):
    x.script = [problem(429, x_rate_limit_reset=str(int(time.time()) + 3600))]
    posts = search()

    for query in ("one", "two"):
        outcome = posts.find(query, 10)
        assert outcome.status == "blocked"
        assert "asked to wait 3" in outcome.reason
    assert len(x.asked) == 1


CAPPED = {"title": "UsageCapExceeded", "type": "https://api.twitter.com/2/problems/usage-capped"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (problem(401), "the bearer token was refused (HTTP 401)"),
        (problem(402), "the account has no credits left (HTTP 402)"),
        (problem(403), "the account may not use this part of the API (HTTP 403)"),
        (says(CAPPED, 429), "the account's monthly cap is reached (HTTP 429)"),
        (says({"errors": [CAPPED | {"message": "cap"}]}, 429, x_rate_limit_reset="9"), "cap"),
    ],
)
def test_a_no_to_the_account_is_told_once_and_not_asked_again(x, search, answer, reason):
    x.script = [answer]
    posts = search()
    first = posts.find("one", 10)

    assert first.status == "blocked"
    assert reason in first.reason
    assert first == posts.find("two", 10)
    assert len(x.asked) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (problem(400), "HTTP 400: D"),
        (problem(404), "HTTP 404: D"),
        (says(b"<html>"), "unreadable answer (JSONDecodeError)"),
        (says(b"\xff\xfe"), "unreadable answer"),
        (says([1, 2]), "unreadable answer (TypeError)"),
        (says([1, 2], 400), "unreadable answer (AttributeError)"),
        (says({}, 302, Location="http://169.254.169.254/latest"), "unreadable answer"),
        (says({}, 307, Location="https://api.twitter.com/elsewhere"), "unreadable answer"),
    ],
)
def test_a_no_to_one_query_leaves_the_next_ones(x, search, answer, reason):
    x.script = [answer]
    posts = search()
    outcome = posts.find("one", 10)

    assert outcome.status == "failed"
    assert reason in outcome.reason
    assert len(x.asked) == 1
    assert posts.find("two", 10).status == "ok"


def test_a_reason_can_be_kept_whatever_the_api_writes(x, search):
    x.script = [says({"title": "T", "detail": "half a \ud83d pair\nand a line"}, 400)]

    assert search().find("q", 10).reason == "HTTP 400: half a ? pair and a line"


def test_a_token_that_expires_in_the_midst_is_told_and_the_next_run_goes_on(x, search):
    ids = x.fill(35)
    x.script = [x.answer, x.answer, problem(401)]
    first = search(page_size=10)
    before = first.find("q", 50)
    assert (before.status, len(before.found)) == ("ok", 20)
    assert "token was refused" in before.reason
    first.close()
    x.asked.clear()

    after = search(page_size=10).find("q", 50)

    assert [int(image.post_id) for image in after.found][:35] == ids
    assert x.searches[0]["next_token"] == str(ids[19])


def test_an_empty_page_with_a_next_one_is_not_the_end(x, search):
    x.fill(5)
    newer = str(max(x.posts) + 1)
    x.script = [says({"meta": {"result_count": 0, "next_token": newer}})]

    assert len(search().find("q", 50).found) == 6


@pytest.mark.parametrize("limited", [True, False], ids=["rate_limit", "server_errors"])
def test_a_wait_is_broken_off_when_the_search_is_ended(x, search, limited):
    x.script = [
        problem(429, x_rate_limit_reset=str(int(time.time()) + 600)) if limited else cut
    ] * 3
    posts = search(max_wait_s=900.0, backoff_s=600.0)
    threading.Timer(0.5, posts.end).start()
    begin = time.monotonic()

    outcome = posts.find("q", 10)

    assert (outcome.status, outcome.reason) == ("failed", "the search was ended")
    assert time.monotonic() - begin < 300
    assert posts.find("another", 10).reason == "the search was ended"
    assert len(x.asked) == 1


def test_what_came_before_a_failure_is_kept_with_the_reason(x, search):
    x.fill(20)
    x.script = [x.answer, problem(403)]

    outcome = search(page_size=10).find("q", 50)

    assert (outcome.status, len(outcome.found)) == ("ok", 10)
    assert "may not use" in outcome.reason


@pytest.mark.parametrize("token", [None, "", "  "])
def test_a_missing_token_names_both_places_to_put_it(token, tmp_path):
    with pytest.raises(InputError, match=r"x_api\.bearer_token in conf/local.*X_BEARER_TOKEN"):
        PostSearch(FAST, token, {}, tmp_path)


@pytest.mark.parametrize("token", ["s3cret\nX: y", "s3cret part", "s3crét", "s3cret\x7f"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_quoted(token, tmp_path):
    with pytest.raises(InputError, match="printable ASCII") as caught:
        PostSearch(FAST, token, {}, tmp_path)
    assert "s3cr" not in str(caught.value)


def test_the_token_is_in_no_log_line_and_nowhere_on_the_screen_even_at_debug(
    x, search, caplog, capfd, monkeypatch
):
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    echo = says({"errors": [{"message": f"no {TOKEN}", "token": TOKEN}]}, 400, X_Echo="no")
    x.script = [problem(503), x.answer, echo]
    for name in (None, "tweepy", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)
    posts = search()

    assert posts.find("one", 10).status == "ok"
    assert "no hidden" in posts.find("two", 10).reason

    sent = {asked.headers["Authorization"] for asked in x.asked}
    assert sent == {f"Bearer {TOKEN}"}
    assert "Making API request" in caplog.text
    assert "urllib3.connectionpool" in caplog.text
    assert "s3cret" not in caplog.text
    assert "s3cret" not in "".join(capfd.readouterr())


def frames_of(error):
    """Yield the locals of every frame below the test's own, of an error and all before it."""
    while error is not None:
        tb = error.__traceback__
        while tb is not None:
            if "tests/unit" not in tb.tb_frame.f_code.co_filename:
                yield tb.tb_frame.f_locals
            tb = tb.tb_next
        error = error.__context__


@pytest.mark.parametrize(
    "answer", [problem(400), problem(402), problem(429), problem(503), cut, says(b"<html>")]
)
def test_the_token_is_in_no_error_no_traceback_and_no_local_of_one(x, answer):
    x.script = [answer] * 9
    api = XApi(TOKEN, FAST.model_copy(update={"max_wait_s": 0.0, "retries": 0}), x.hosts)

    with pytest.raises(NoAnswerError) as caught:
        api.search("q", max_results=10)
    api.close()

    lines = traceback.format_exception(caught.value)
    assert "s3cret" not in "".join(lines)
    locals_ = [
        f"{name}={value!r}" for frame in frames_of(caught.value) for name, value in frame.items()
    ]
    assert len(locals_) > 5
    response = getattr(caught.value.__context__, "response", None)
    assert response is None or "s3cret" not in str(response.request.headers)
    assert "s3cret" not in "\n".join(locals_)


@pytest.mark.parametrize("url", ["https://api.twitter.com/", "http://127.0.0.1:1/"])
def test_no_connection_prints_what_it_sends(monkeypatch, url):
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    pool = TimedAdapter(1.0, {}).poolmanager.connection_from_url(url)
    assert pool.ConnectionCls.debuglevel == 0


def test_an_unreachable_api_says_so_without_the_token(tmp_path):
    api = XApi(TOKEN, FAST, {"api.twitter.com": "127.0.0.1:1"})
    with pytest.raises(NoAnswerError, match="ConnectionError, 3 times") as caught:
        api.search("q", max_results=10)
    api.close()
    seen = [repr(value) for frame in frames_of(caught.value) for value in frame.values()]
    assert "s3cret" not in "\n".join(seen)


def test_no_other_host_ever_gets_the_token(x):
    other = XServer()
    x.script = [says({}, 302, Location=f"http://{other.address}/2/tweets/search/recent")]
    api = XApi(TOKEN, FAST, x.hosts)
    with pytest.raises(NoAnswerError):
        api.search("q", max_results=10)
    api.close()
    other.close()
    assert other.asked == []


def test_the_token_is_in_no_file(x, search, tmp_path):
    search().find("q", 10)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 2
    assert all(b"s3cret" not in file.read_bytes() for file in files)
    assert all(json.loads(line) for f in files for line in f.read_text().splitlines())
