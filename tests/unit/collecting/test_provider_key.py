"""A key is sent as it is and taken out of everything, however it is written there."""

import json
import time
from urllib.parse import quote

import pytest

from cosmop.collecting.providers.provider_key import ProviderKey
from cosmop.errors import InputError

from .api_sites import KEY, WAYS_TO_WRITE, is_seen


@pytest.mark.parametrize("write", WAYS_TO_WRITE)
@pytest.mark.parametrize("again", WAYS_TO_WRITE)
def test_a_key_is_hidden_however_it_is_written_once_or_twice(write, again):
    text = f"before {again(write(KEY))} after"
    assert is_seen(text)

    hidden = ProviderKey("museum", KEY).hide(text)

    assert not is_seen(hidden)
    assert hidden == "before hidden after"


def test_the_case_of_a_key_does_not_matter():
    assert ProviderKey("museum", KEY).hide(f"{KEY.upper()}, {KEY.lower()}") == "hidden, hidden"


@pytest.mark.parametrize("text", ["", "a & b < c \\ 50%", KEY[:-1], KEY[1:], json.dumps(KEY[:-1])])
def test_text_without_the_whole_key_stays_as_it_is(text):
    assert ProviderKey("museum", KEY).hide(text) == text
    assert ProviderKey("museum").hide(text) == text


@pytest.mark.parametrize("key", [KEY, "%25%25%25%&&&&++++", "0" * 64])
@pytest.mark.parametrize("piece", ["\\", "&amp;", "%25", "&#0", "\\u00", "&#x0000026"])
def test_text_that_is_made_to_look_like_a_key_again_and_again_takes_little_time(key, piece):
    text = (piece * 100_000 + key[:-1]) * 2
    start = time.monotonic()

    ProviderKey("museum", key).hide(text)

    assert time.monotonic() - start < 20.0


def test_a_key_is_percent_encoded_in_an_address_and_as_it_is_in_a_header():
    key = ProviderKey("museum", f" {KEY}\n")

    assert key.address("http://e.org/{key}/?k={key}") == (
        f"http://e.org/{quote(KEY, safe='')}/?k={quote(KEY, safe='')}"
    )
    assert key.headers({"X-Api-Key": "{key}", "Authorization": "Bearer {key}"}) == {
        "X-Api-Key": KEY,
        "Authorization": f"Bearer {KEY}",
    }


def test_without_a_key_headers_are_left_out_and_an_address_that_wants_one_is_refused():
    none = ProviderKey("museum", " \n")

    assert none.headers({"X-Api-Key": "{key}"}) == {}
    assert none.address("http://e.org/?q=x") == "http://e.org/?q=x"
    with pytest.raises(InputError, match=r"'museum'.*provider_keys: \{museum: …\} into conf/local"):
        none.address("http://e.org/?k={key}")


@pytest.mark.parametrize(
    "key", [f"{KEY}\nCookie: a=b", f"{KEY} {KEY}", f"{KEY}\\", f"{KEY}é", "ü" * 9, "s3cret"]
)
def test_a_key_that_cannot_be_sent_or_hidden_is_refused_and_not_quoted(key):
    with pytest.raises(InputError, match="'museum' wants a key of 8 or more") as error:
        ProviderKey("museum", key)

    assert key[:6] not in str(error.value)


def test_a_key_is_not_printed():
    assert not is_seen(repr(ProviderKey("museum", KEY)))
