import logging
from datetime import UTC, datetime

import pytest

from cosmop.collecting.posts.post_costs import Spending, estimate_search
from cosmop.collecting.posts.posts import PostOptions, PostSearch, Prices
from cosmop.errors import InputError

from .x_server import TOKEN

ENOUGH = PostOptions(backoff_s=0.01, max_posts=100_000, max_cost_usd=1000.0)


def run(x, work, *queries, limit=100, **changed):
    with PostSearch(ENOUGH.model_copy(update=changed), TOKEN, x.hosts, work) as search:
        return [search.find(query, limit) for query in queries]


def spent(work, clock=None, **changed):
    options = ENOUGH.model_copy(update=changed)
    spending = Spending(work / "posts/spent", options, *([clock] if clock else []))
    spending.close()
    return spending.posts, round(spending.usd, 6)


def test_an_estimate_is_the_pages_times_the_prices(caplog, x, tmp_path):
    caplog.set_level(logging.INFO)
    options = PostOptions(max_pages=3, max_posts=2000, max_cost_usd=100.0)

    estimate = estimate_search(options, queries=12, limit=100)

    assert (estimate.queries, estimate.pages, estimate.posts) == (12, 3, 2000)
    assert estimate.likely_usd == pytest.approx(12 * 100 * 0.010)
    assert estimate.at_most_usd == pytest.approx(2000 * 0.025 + 0) == pytest.approx(50.0)
    dear = options.model_copy(update={"authors": True})
    assert estimate_search(dear, 12, 100).at_most_usd == pytest.approx(70.0)
    with PostSearch(options, TOKEN, x.hosts, tmp_path) as search:
        search.announce(12, 100)
        search.find("q", 100)
    lines = [r.getMessage() for r in caplog.records if r.getMessage().startswith("Posts: ")]
    assert lines == [
        "Posts: 12 queries × at most 3 pages of 100 posts, likely $12.00, at most $50.00 (limits "
        "$100.00 and 2000 posts per UTC day, of which $0.00 and 0 are used; prices of 2026-11-21, "
        "docs.x.com/x-api/getting-started/pricing)",
        "Posts: 0 read for $0.00 this UTC day",
    ]


def test_the_estimate_comes_before_the_first_call_even_unasked(x, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    x.script = [lambda handler: (seen.append(caplog.text), x.answer(handler))]
    seen = []

    run(x, tmp_path, "q")

    assert "Posts: 1 queries × at most 10 pages" in seen[0]


def test_x_itself_is_not_asked_while_a_post_counts_as_free(x, tmp_path):
    free = ENOUGH.model_copy(update={"prices": Prices(posts_usd=0.0, source="the gallery")})

    with pytest.raises(InputError, match="posts_usd 0 from 'the gallery'; write what your plan"):
        PostSearch(free, TOKEN, {"elsewhere.test": "127.0.0.1:1"}, tmp_path)
    with PostSearch(free, TOKEN, x.hosts, tmp_path) as search:
        assert search.find("q", 10).status == "no_results"
    with PostSearch(ENOUGH, TOKEN, {}, tmp_path):
        pass


def test_posts_media_and_authors_are_counted_each_once_a_day(x, tmp_path):
    x.fill(10, photos=2)
    run(x, tmp_path, "one", "two", authors=True)

    assert spent(tmp_path) == (10, round(10 * 0.005 + 20 * 0.005 + 0.010, 6))


@pytest.mark.parametrize("limit", [25, 40, 99])
def test_max_posts_is_met_and_never_passed(x, tmp_path, limit):
    x.fill(200)

    outcomes = run(x, tmp_path, "one", "two", max_posts=limit, page_size=20)

    whole = limit if limit % 20 in (0, *range(10, 20)) else limit - limit % 20
    assert spent(tmp_path)[0] == whole <= limit
    assert f"max_posts, {limit}, is reached" in outcomes[0].reason
    assert (outcomes[1].status, outcomes[1].found) == ("blocked", ())


def test_max_cost_stops_before_the_request_that_could_go_beyond(x, tmp_path):
    """A post with four photos costs 0.025, so ten of them 0.25: after three pages 0.75 are gone."""
    x.fill(200, photos=4)

    (outcome,) = run(x, tmp_path, "one", limit=800, max_cost_usd=0.99, page_size=10)

    assert spent(tmp_path) == (30, 0.75)
    assert len(x.asked) == 3
    assert "max_cost_usd, 0.99, is reached ($0.750 spent today" in outcome.reason
    assert len(outcome.found) == 120


def test_a_cost_limit_that_is_met_exactly_is_used_up(x, tmp_path):
    x.fill(200, photos=4)
    run(x, tmp_path, "one", limit=800, max_cost_usd=1.0, page_size=40)
    assert spent(tmp_path) == (40, 1.0)


def test_nothing_is_asked_when_not_even_the_smallest_page_is_affordable(x, tmp_path):
    x.fill(20)
    (outcome,) = run(x, tmp_path, "one", max_cost_usd=0.2)
    assert (outcome.status, x.asked) == ("blocked", [])


def test_what_one_run_spent_counts_in_the_next_of_the_same_day(x, tmp_path):
    x.fill(200, photos=4)
    run(x, tmp_path, "one", limit=20, max_cost_usd=1.0)
    asked = len(x.asked)
    assert spent(tmp_path) == (20, 0.5)

    run(x, tmp_path, "one", limit=800, max_cost_usd=1.0)

    assert spent(tmp_path) == (40, 1.0)
    assert len(x.asked) == asked + 1


def test_free_reading_has_no_cost_limit(x, tmp_path):
    x.fill(60)
    free = Prices(posts_usd=0.0, media_usd=0.0, users_usd=0.0)
    (outcome,) = run(x, tmp_path, "one", max_cost_usd=0.0, prices=free)
    assert len(outcome.found) == 60


def test_a_new_utc_day_charges_again_but_a_run_keeps_its_count(tmp_path):
    now = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
    options = PostOptions(max_posts=100)
    spending = Spending(tmp_path, options, lambda: now)
    spending.count(["1", "2"], ["a"])
    spending.count(["2"], ["a"])
    assert (spending.posts, round(spending.usd, 6)) == (2, 0.015)

    now = datetime(2026, 11, 22, 0, 1, tzinfo=UTC)
    spending.count(["2", "3"])
    spending.close()
    assert (spending.posts, round(spending.usd, 6)) == (4, 0.025)
    assert spending.posts_allowed(0.025) == 96
    assert not spending.is_paid("1")

    fresh = Spending(tmp_path, options, lambda: now)
    fresh.close()
    assert (fresh.posts, round(fresh.usd, 6)) == (2, 0.01)
