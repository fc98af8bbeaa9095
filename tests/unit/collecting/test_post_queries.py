import pytest

from cosmop.collecting.posts.post_options import PostOptions
from cosmop.collecting.posts.post_queries import write_query
from cosmop.collecting.posts.x_api import NoAnswerError

ADDED = "has:images -is:retweet"


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("peru border", "", f"peru border {ADDED}"),
        ("#border #peru", "es", f"#border #peru {ADDED} lang:es"),
        ("a has:images", "", "a has:images -is:retweet"),
        ("a -is:retweet", "", "a -is:retweet has:images"),
        ("a is:retweet", "", "a is:retweet has:images"),
        ("a has:images_of", "", f"a has:images_of {ADDED}"),
        ("a lang:pt", "es", f"a lang:pt {ADDED}"),
        ("a", "pt-BR", f"a {ADDED} lang:pt"),
        ("a", "he", f"a {ADDED} lang:iw"),
        ('a "has:images lang:en"', "es", f'a "has:images lang:en" {ADDED} lang:es'),
        ("a OR b", "", f"(a OR b) {ADDED}"),
        ("(a OR b)", "", f"(a OR b) {ADDED}"),
        ("(a OR b) (c OR d)", "", f"(a OR b) (c OR d) {ADDED}"),
        ("(a OR b) OR c", "", f"((a OR b) OR c) {ADDED}"),
        ('a "b OR c"', "", f'a "b OR c" {ADDED}'),
    ],
)
def test_operators_are_added_where_they_are_not_said_already(text, language, expected):
    assert expected == write_query(text, language, PostOptions())


def test_a_query_that_has_or_gets_nothing_added_stays_as_it_is():
    assert write_query("a OR b", "", PostOptions(query_suffix="")) == "a OR b"
    assert write_query("a OR b lang:es", "es", PostOptions(query_suffix="")) == "a OR b lang:es"


@pytest.mark.parametrize(("archive", "longest"), [("recent", 512), ("all", 1024)])
def test_a_query_may_be_as_long_as_the_api_takes_and_no_longer(archive, longest):
    options = PostOptions(archive=archive)
    fits = "x" * (longest - len(ADDED) - 1)

    assert len(write_query(fits, "", options)) == longest
    with pytest.raises(NoAnswerError, match=f"{longest + 1} characters, more than {longest}"):
        write_query(fits + "x", "", options)
