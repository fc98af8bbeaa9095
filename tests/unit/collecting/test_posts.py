import json
import logging
import time

import pytest

from cosmop.collecting.posts import PostOptions, PostSearch
from cosmop.errors import InputError

from .conftest import in_turn, says

FAST = PostOptions(timeout_s=2.0, backoff_s=0.01, max_wait_s=2.0, retries=2)
PATH = "/2/tweets/search/recent"


def body(data, status=200, **headers):
    return says(json.dumps(data).encode(), status, "application/json", **headers)


def post(number, *keys, **more):
    """Return a post as the API words it."""
    fixed = {"id": str(number), "edit_history_tweet_ids": [str(number)], "text": f"t{number}"}
    return fixed | {"attachments": {"media_keys": list(keys)}} | more


def problem(status, **headers):
    return body({"title": "T", "detail": "D", "type": "about:blank"}, status, **headers)


def posts_page(*numbers, token=None):
    posts = [post(n, f"3_{n}", author_id="7") for n in numbers]
    media = [
        {"media_key": f"3_{n}", "type": "photo", "url": f"https://pbs.twimg.com/media/{n}.jpg"}
        for n in numbers
    ]
    meta = {"result_count": len(posts)} | ({"next_token": token} if token else {})
    users = [{"id": "7", "name": "N", "username": "name"}]
    return body({"data": posts, "includes": {"media": media, "users": users}, "meta": meta})


@pytest.fixture
def search():
    searches = []

    def start(server, options=FAST, token="demo"):
        addresses = {"api.twitter.com": server.address}
        searches.append(PostSearch(options, token, addresses))
        return searches[-1]

    yield start
    for opened in searches:
        opened.close()


def test_photos_of_all_pages_are_joined_to_their_posts(gallery, search):
    outcome = search(gallery).find("(peru OR market)", 100)

    expected = {f"http://gallery.test/images/p{i:02}.jpg" for i in range(45) if i % 3 != 0}
    assert outcome.status == "ok"
    assert expected == {image.location for image in outcome.found}
    assert {"gallery"} == {image.author for image in outcome.found}
    assert all(
        image.page_url.startswith("https://x.com/gallery/status/1") for image in outcome.found
    )
    assert outcome.found[0].title.startswith("Photo ")


def test_a_limit_and_an_unknown_word_end_a_search(gallery, search):
    posts = search(gallery)

    assert len(posts.find("market", 12).found) == 12
    assert posts.find("volcano", 12).status == "no_results"


def test_a_refused_token_is_blocked_and_not_tried_again(gallery, search):
    posts = search(gallery, token="wrong")
    first = posts.find("market", 10)

    assert (first.status, first.reason) == ("blocked", "the bearer token was refused (HTTP 401)")
    gallery_is_not_asked = search(gallery, token="wrong")
    gallery_is_not_asked._refusal = posts._refusal
    assert first == gallery_is_not_asked.find("market", 10)


@pytest.mark.parametrize("token", [None, "", "  "])
def test_a_missing_token_names_both_places_to_put_it(token):
    with pytest.raises(InputError, match=r"x_api\.bearer_token in conf/local.*X_BEARER_TOKEN"):
        PostSearch(FAST, token, {})


def test_the_token_is_in_no_log_line_even_at_debug(server, search, caplog):
    server.routes[PATH] = in_turn(problem(503), posts_page(1))
    caplog.set_level(logging.DEBUG)

    outcome = search(server, token="s3cret-t0ken").find("market", 10)

    assert outcome.status == "ok"
    assert server.headers[0]["Authorization"] == "Bearer s3cret-t0ken"
    assert "Making API request" in caplog.text
    assert "s3cret" not in caplog.text


def test_server_errors_are_tried_again_as_often_as_allowed(server, search):
    server.routes[PATH] = in_turn(problem(503), problem(500), posts_page(1))
    assert search(server).find("q", 10).status == "ok"

    server.routes[PATH] = problem(503)
    outcome = search(server).find("q", 10)
    assert (outcome.status, outcome.reason) == ("failed", "HTTP 503, 3 times")


def test_a_rate_limit_is_waited_for_until_its_reset(server, search):
    reset = str(int(time.time()) + 2)
    server.routes[PATH] = in_turn(problem(429, x_rate_limit_reset=reset), posts_page(1))

    outcome = search(server, FAST.model_copy(update={"max_wait_s": 5.0})).find("q", 10)

    assert outcome.status == "ok"
    assert time.time() >= int(reset)


@pytest.mark.parametrize(
    "headers", [{}, {"x_rate_limit_reset": "100"}, {"x_rate_limit_reset": "?"}]
)
def test_a_rate_limit_without_a_usable_reset_does_not_hammer(server, search, headers):
    server.routes[PATH] = problem(429, **headers)
    options = FAST.model_copy(update={"backoff_s": 0.1, "max_wait_s": 1.0})

    if headers == {"x_rate_limit_reset": "?"}:  # tweepy itself cannot read this one
        assert search(server, options).find("q", 10).status == "failed"
    else:
        assert search(server, options).find("q", 10).status == "blocked"
        assert len(server.requests) <= 5


def test_a_long_wait_is_refused_at_once(server, search):
    server.routes[PATH] = problem(429, x_rate_limit_reset=str(int(time.time()) + 3600))

    outcome = search(server).find("q", 10)

    assert outcome.status == "blocked"
    assert "asked to wait 3" in outcome.reason


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (problem(402), "blocked", "no credits left"),
        (problem(403), "blocked", "may not use"),
        (problem(400), "failed", "HTTP 400"),
        (body({"type": "https://api.twitter.com/2/problems/usage-capped"}, 429), "blocked", "cap"),
        (says(b"<html>", kind="text/html"), "failed", "unreadable answer"),
        (body({"meta": {"result_count": 0}}), "no_results", "no post has a photo"),
    ],
)
def test_what_the_api_says_becomes_a_status_and_a_reason(server, search, answer, status, reason):
    server.routes[PATH] = answer

    outcome = search(server).find("q", 10)

    assert status == outcome.status
    assert reason in outcome.reason


def test_what_came_before_a_failure_is_kept_with_the_reason(server, search):
    server.routes[PATH] = in_turn(posts_page(1, 2, token="b"), problem(403))

    outcome = search(server).find("q", 50)

    assert (outcome.status, len(outcome.found)) == ("ok", 2)
    assert "may not use" in outcome.reason


def test_max_posts_ends_the_run_over_all_queries(server, search):
    server.routes[PATH] = posts_page(*range(10), token="more")
    posts = search(server, FAST.model_copy(update={"max_posts": 20}))

    assert [len(posts.find(query, 50).found) for query in ("one", "two")] == [20, 0]
    assert len(server.requests) == 2


def test_videos_and_media_without_address_are_left_out(server, search):
    posts = [post(1, "3_1", "7_1", "3_2", "3_9")]
    media = [
        {"media_key": "3_1", "type": "photo", "url": "https://pbs.twimg.com/media/1.jpg"},
        {"media_key": "7_1", "type": "video", "preview_image_url": "https://pbs.twimg.com/v.jpg"},
        {"media_key": "3_2", "type": "photo"},
    ]
    errors = [{"title": "Not Found Error", "resource_type": "media", "value": "3_9"}]
    server.routes[PATH] = body(
        {"data": posts, "includes": {"media": media}, "errors": errors, "meta": {"result_count": 1}}
    )

    found = search(server).find("q", 10).found

    assert [image.location for image in found] == ["https://pbs.twimg.com/media/1.jpg"]
    assert found[0].page_url == "https://x.com/i/status/1"


def test_a_server_that_answers_too_late_is_given_up(server, search):
    late = posts_page(1)
    server.routes[PATH] = lambda handler: (time.sleep(0.5), late(handler))
    options = FAST.model_copy(update={"timeout_s": 0.1, "retries": 1})

    assert search(server, options).find("q", 10).status == "failed"


def test_a_query_too_long_for_the_api_is_not_sent(server, search):
    outcome = search(server).find("x" * 500, 10)

    assert (outcome.status, server.requests) == ("failed", [])
    assert "512" in outcome.reason
