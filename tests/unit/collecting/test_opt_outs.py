import pytest

from cosmop.collecting.downloads.opt_outs import DEFAULT_REFUSED, opt_out

AGENT = "cosmop/0.1 (image research; contact: me@example.org)"


def _opt_out(*values, name="X-Robots-Tag"):
    return opt_out([(name, value) for value in values], AGENT, DEFAULT_REFUSED)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["noai"], "noai"),
        (["NoAI"], "noai"),
        (["noimageai"], "noimageai"),
        (["noindex"], "noindex"),
        (["noimageindex"], "noimageindex"),
        (["nofollow, noarchive,noai"], "noai"),
        (["nofollow", "noai"], "noai"),
        (["none"], "noindex"),
        (["cosmop: noai"], "noai"),
        (["COSMOP:noai"], "noai"),
        (["*: noai"], "noai"),
        (["otherbot: nofollow", "noai"], "noai"),
        (["otherbot: noindex, cosmop: nofollow, noai"], "noai"),
        (["noai, otherbot: noindex"], "noai"),
        (["max-snippet: 20, noai"], "noai"),
        (["max-image-preview:large,noimageai"], "noimageai"),
        (["archive: yes, noai"], "noai"),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST, noai"], "noai"),
        (["unavailable_after: Friday, 25-Jun-10 15:00:00 GMT, noai"], "noai"),
        (["cosmop: unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT, noai"], "noai"),
        (["unavailable_after: 2010-06-25T15:00:00+00:00, noindex"], "noindex"),
    ],
)
def test_a_refused_directive_for_everyone_or_for_us_is_heeded(values, expected):
    assert _opt_out(*values) == f"X-Robots-Tag says {expected}"


@pytest.mark.parametrize(
    "values",
    [
        [""],
        ["all"],
        ["nofollow, noarchive"],
        ["noaid"],
        ["otherbot: noai"],
        ["otherbot: noai, noindex"],
        ["cosmopolitan: noai"],
        ["otherbot: unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT, noai"],
        ["unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT"],
        ["unavailable_after: noon"],
        ["otherbot: none", "cosmop: all"],
        [":", ",", ": noai:", "::,"],
    ],
)
def test_other_directives_and_other_robots_are_no_opt_out(values):
    assert _opt_out(*values) == ""


def test_naive_splitting_at_the_first_colon_would_miss_an_opt_out():
    value = "unavailable_after: 25 Jun 2010 15:00:00 PST, noai"
    naive = value.split(":", 1)

    assert naive[0] not in ("cosmop", "*")
    assert _opt_out(value) == "X-Robots-Tag says noai"


def test_the_name_of_the_header_may_be_written_in_any_case():
    assert _opt_out("noai", name="x-ROBOTS-tag")
    assert not _opt_out("noai", name="x-robots")


@pytest.mark.parametrize("value", ["1", " 1 ", "0, 1", "1; x"])
def test_a_reservation_of_text_and_data_mining_is_heeded(value):
    assert _opt_out(value, name="TDM-Reservation") == "tdm-reservation: 1"


@pytest.mark.parametrize("value", ["0", "", "10", "true"])
def test_any_other_reservation_is_none(value):
    assert _opt_out(value, name="tdm-reservation") == ""


def test_the_policy_is_quoted_short_and_without_control_characters():
    policy = "https://a.test/policy.json\x1b[31m" + "x" * 1000
    headers = [("tdm-reservation", "1"), ("tdm-policy", policy)]
    reason = opt_out(headers, AGENT, DEFAULT_REFUSED)

    assert reason.startswith("tdm-reservation: 1, see 'https://a.test/policy.json\\x1b")
    assert len(reason) < 240
    assert reason.isprintable()


def test_who_refuses_nothing_heeds_nothing():
    headers = [("X-Robots-Tag", "noai"), ("tdm-reservation", "1")]
    assert opt_out(headers, AGENT, ()) == ""


def test_what_is_refused_can_be_chosen():
    headers = [("X-Robots-Tag", "noarchive, noindex")]
    assert opt_out(headers, AGENT, {"noarchive"}) == "X-Robots-Tag says noarchive"
