import time

import pytest

from cosmop.collecting.candidates import canonical_url
from cosmop.collecting.posts.post_photos import original_url
from cosmop.collecting.posts.posts import PostOptions, PostSearch
from cosmop.errors import InputError

from .x_server import FAST, photo, post, says, snowflake


def addresses(outcome):
    return [image.location for image in outcome.found]


def test_photos_of_all_pages_are_joined_to_their_posts(x, find):
    ids = x.fill(35, photos=3)

    outcome = find(limit=105, page_size=10)

    expected = [
        f"https://pbs.twimg.com/media/3_{i}{n}.jpg?name=orig" for i in ids for n in range(3)
    ]
    assert ("ok", expected) == (outcome.status, addresses(outcome))
    assert [p["max_results"] for p in x.searches] == ["10"] * 4
    assert x.searches[0]["expansions"] == "attachments.media_keys"


def test_everything_a_post_says_is_kept(x, find):
    keys = ("3_1", "7_1", "3_2", "3_9")
    data = post(2**60, *keys, author_id="7", possibly_sensitive=True)
    media = [
        photo("3_1", alt_text="A fence"),
        {"media_key": "7_1", "type": "video", "preview_image_url": "https://pbs.twimg.com/v.jpg"},
        {"media_key": "3_2", "type": "photo"},
    ]
    errors = [{"title": "Not Found Error", "resource_type": "media", "value": "3_9"}]
    body = {"data": [data], "includes": {"media": media}, "errors": errors, "meta": {}}
    x.script = [says(body)]

    outcome = find()
    (image,) = outcome.found

    assert image.page_url == f"https://x.com/i/status/{2**60}"
    assert (image.title, image.alt_text, image.author) == (f"text {2**60}", "A fence", "")
    assert (image.post_id, image.author_id) == (str(2**60), "7")
    assert image.posted_at == "2026-11-20T10:00:00+00:00"
    assert (image.claimed_width, image.claimed_height) == (800, 600)
    assert image.possibly_sensitive
    assert outcome.reason == "1 partial errors (Not Found Error 1)"


def test_names_of_authors_are_asked_for_only_when_wanted(x, find, tmp_path):
    x.fill(1)

    assert find(authors=True).found[0].author == "ana"
    assert x.searches[0]["user.fields"] == "username"
    find(work=tmp_path / "other")
    assert "user.fields" not in x.searches[1]


def test_possibly_sensitive_posts_can_be_left_out(x, find):
    first, second = x.fill(2)
    x.more[first] = {"possibly_sensitive": True}

    assert [i.post_id for i in find(leave_out_sensitive=True).found] == [str(second)]
    assert len(find().found) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://pbs.twimg.com/media/A.jpg",
        "https://pbs.twimg.com/media/A?format=jpg&name=small",
        "https://pbs.twimg.com/media/A.jpg?name=900x900",
    ],
)
def test_the_original_of_a_photo_is_asked_for_and_its_identity_stays(url):
    assert original_url(url).endswith("name=orig")
    assert original_url(url).count("name=") == 1
    assert canonical_url(original_url(url)) == "https://pbs.twimg.com/media/A.jpg"
    assert original_url("https://e.com/A.jpg?name=small") == "https://e.com/A.jpg?name=small"


def test_the_full_archive_takes_large_pages_times_and_a_second_between_requests(x, find):
    x.fill(520)

    options = {"archive": "all", "page_size": 500, "start_time": "2020-01-01T00:00:00Z"}
    outcome = find("peru", 520, end_time="2027-01-01T00:00:00Z", **options, max_posts=10_000)

    assert len(outcome.found) == 520
    assert [asked.path for asked in x.asked] == ["/2/tweets/search/all"] * 2
    assert x.searches[0]["start_time"] == "2020-01-01T00:00:00Z"
    assert x.searches[1]["end_time"] == "2027-01-01T00:00:00Z"
    assert x.asked[1].at - x.asked[0].at > 0.9  # 1 less what the first request was under way


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"page_size": 500}, "page_size of at most 100"),
        ({"archive": "all", "page_size": 501}, "500"),
        ({"start_time": "2020-01-01"}, "2026-01-31T00:00:00Z"),
        ({"end_time": "2020-13-01T00:00:00Z"}, "end_time"),
    ],
)
def test_options_that_the_api_would_refuse_are_refused_first(wrong, told):
    with pytest.raises(InputError, match=told):
        PostOptions.model_validate(wrong)


def test_a_limit_asks_for_no_more_than_is_wanted(x, find):
    x.fill(60)

    assert len(find(limit=25).found) == 25
    assert [p["max_results"] for p in x.searches] == ["25"]


def test_an_answer_of_another_shape_gives_nothing_and_breaks_nothing(x, find):
    shapes = [
        {"data": "x", "includes": [], "meta": []},
        {
            "data": [
                1,
                {"id": "a"},
                {"text": "no id"},
                {"id": "5", "attachments": {"media_keys": 3}},
            ]
        },
        {"meta": {"result_count": 0}},
        {"data": [post(9, "3_1")], "includes": {"media": [photo("3_1", url=7, width="w")]}},
    ]
    for shape in shapes:
        x.script = [says(shape)]
        assert find().status == "no_results"


def test_the_gallery_is_searched_as_x_is(gallery, tmp_path):
    with PostSearch(FAST, "demo", gallery.host_addresses, tmp_path) as search:
        outcome = search.find("(peru OR market)", 100)
        nothing = search.find("volcano", 100)

    expected = {f"Photo {i}" for i in range(45) if i % 3 != 0}
    assert expected == {image.title.partition(" #")[0] for image in outcome.found}
    assert all(address.startswith("http://gallery.test/images/") for address in addresses(outcome))
    assert nothing.status == "no_results"
    everything = FAST.model_copy(update={"archive": "all"})
    for _ in range(2):
        with PostSearch(everything, "demo", gallery.host_addresses, tmp_path) as search:
            assert len(search.find("market", 100).found) == 30


def test_snowflakes_hold_their_time():
    assert abs((snowflake(2.0) >> 22) / 1000 + 1288834974.657 - time.time() + 2 * 86400) < 60
