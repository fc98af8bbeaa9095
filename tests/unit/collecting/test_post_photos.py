import io

import pytest

from cosmop.collecting.candidates import candidate_frame, facts_of
from cosmop.collecting.posts.post_archive import Page
from cosmop.collecting.posts.post_photos import photos_of

POST = {"id": "7", "attachments": {"media_keys": ["m"]}, "author_id": "1", "text": "t"}
MEDIA = {"media_key": "m", "type": "photo", "url": "https://pbs.twimg.com/media/A.jpg"}
USER = {"id": "1", "username": "somebody"}


def photos(post=None, media=None, user=None):
    other = {"media_key": "other", "type": "photo", "url": "https://pbs.twimg.com/media/B.jpg"}
    includes = {"media": [MEDIA | (media or {}), other], "users": [USER | (user or {})]}
    body = {"data": [POST | (post or {})], "includes": includes}
    return photos_of([Page("s", 0, "", "", body, "")], with_sensitive=True)


@pytest.mark.parametrize(
    "value", [None, True, 5, 10**400, [], {}, [1], {"a": 1}, "\ud800", "http://[", "x" * 100_000]
)
@pytest.mark.parametrize(
    "place",
    [
        *(("media", name) for name in (*MEDIA, "width", "height", "alt_text")),
        *(("user", name) for name in USER),
        *(("post", name) for name in (*POST, "created_at", "possibly_sensitive")),
    ],
)
def test_no_value_of_a_wrong_kind_breaks_the_photos_or_their_table(place, value):
    found = photos(**{place[0]: {place[1]: value}})

    facts = facts_of(found)
    candidate_frame(facts, source="posts", query="", kind="url").to_parquet(io.BytesIO())


def test_a_photo_has_its_author_and_no_size_that_no_photo_has():
    (photo,) = photos(media={"width": 4000, "height": 2**70})

    assert (photo.author, photo.claimed_width, photo.claimed_height) == ("somebody", 4000, 0)
