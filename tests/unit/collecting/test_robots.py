import asyncio
import random
from collections import Counter

import pytest

from cosmop.collecting.downloads.robots import (
    DISALLOWED,
    MAX_BYTES,
    UNREADABLE,
    Robots,
    group_for,
)
from cosmop.collecting.web.fetch_errors import FetchError, FetchLimits, http_error
from cosmop.collecting.web.web_client import WebClient

from .conftest import says

AGENT = "cosmop/0.1 (image research; contact: me@example.org)"


class Site:
    """Answers every origin with the same text, and counts what it was asked."""

    def __init__(self, text=b""):
        self.text, self.asked = text, Counter()

    async def fetch(self, url):
        self.asked[url] += 1
        await asyncio.sleep(0)
        if isinstance(self.text, Exception):
            raise self.text
        return self.text.encode() if isinstance(self.text, str) else self.text


def why_not(text, url="http://a.test/x/y.jpg", agent=AGENT):
    return asyncio.run(Robots(Site(text).fetch, agent).why_not(url))


@pytest.mark.parametrize(
    ("text", "is_allowed"),
    [
        ("", True),
        ("user-agent: *\ndisallow:", True),
        ("user-agent: *\ndisallow: /", False),
        ("user-agent: *\ndisallow: /x", False),
        ("user-agent: *\ndisallow: /z", True),
        ("user-agent: *\ndisallow: /x\nallow: /x/y", True),
        ("user-agent: *\nallow: /x/\ndisallow: /x", True),
        ("user-agent: *\nallow: /x\ndisallow: /x", True),
        ("user-agent: *\ndisallow: /*.jpg$", False),
        ("user-agent: *\ndisallow: /*.jpe$", True),
        ("user-agent: *\ndisallow: /%78/", False),
        ("user-agent: *\ndisallow: /X/", True),
        ("disallow: /", True),
    ],
)
def test_the_longest_rule_decides_and_allow_wins_a_tie(text, is_allowed):
    """RFC 9309, section 2.2.2; its table is protego's business, this is that we use it rightly."""
    assert why_not(text) == ("" if is_allowed else DISALLOWED)


@pytest.mark.parametrize(
    ("text", "is_allowed"),
    [
        ("user-agent: *\ndisallow: /\nuser-agent: cosmop\nallow: /", True),
        ("user-agent: cosmop\ndisallow:\nuser-agent: *\ndisallow: /", True),
        ("user-agent: *\nallow: /\nuser-agent: CosMop\ndisallow: /", False),
        ("user-agent: cosmop/2.0\ndisallow: /", False),
        ("user-agent: cosmop # that one\ndisallow: /", False),
        ("user-agent: other\nuser-agent: cosmop\n\ndisallow: /", False),
        ("user-agent: cosmop\nuser-agent: other\ndisallow: /", False),
        ("user-agent: cosmop\nsitemap: /s.xml\nuser-agent: other\ndisallow: /", False),
        ("user-agent: cosmop\nallow: /z\nuser-agent: other\ndisallow: /", True),
        ("user-agent: cosmop\nallow: /z\nuser-agent: cosmop\ndisallow: /", False),
        ("user-agent: cos\ndisallow: /", True),
        ("user-agent: cosmopolitan\ndisallow: /", True),
        ("user-agent: mop\ndisallow: /", True),
        ("user-agent: image\ndisallow: /", True),
        ("user-agent: research\ndisallow: /", True),
    ],
)
def test_the_group_that_names_our_product_token_counts_and_no_other(text, is_allowed):
    """RFC 9309, section 2.2.1."""
    assert why_not(text) == ("" if is_allowed else DISALLOWED)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (http_error(404, None), ""),
        (http_error(401, None), ""),
        (http_error(429, "5"), ""),
        (http_error(204, None), ""),
        (FetchError("too_many_redirects", "more than 5 redirects"), ""),
        (http_error(500, None), UNREADABLE),
        (http_error(503, "5"), UNREADABLE),
        (FetchError("timeout", "no answer"), UNREADABLE),
        (FetchError("host_not_found", "no such host"), UNREADABLE),
        (FetchError("forbidden_address", "private"), UNREADABLE),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_without_a_robots_txt_all_is_allowed_and_with_an_unreachable_one_nothing(error, expected):
    """RFC 9309, sections 2.3.1.3 and 2.3.1.4."""
    assert why_not(error) == expected


def test_many_askers_share_one_request_per_origin():
    site = Site("user-agent: *\ndisallow: /private")
    robots = Robots(site.fetch, AGENT)

    async def ask():
        urls = [f"http://a.test/{i}" for i in range(50)]
        urls += [f"http://A.test:80/{i}#x" for i in range(50)]
        urls += [f"https://me:secret@a.test/{i}" for i in range(50)]
        urls += ["http://a.test:8080/private", "http://[::1]/", "http://a.test./"]
        return await asyncio.gather(*map(robots.why_not, urls))

    assert asyncio.run(ask()) == [""] * 150 + [DISALLOWED, "", ""]
    assert site.asked == dict.fromkeys(
        (
            *("http://a.test/robots.txt", "https://a.test/robots.txt"),
            *("http://a.test:8080/robots.txt", "http://[::1]/robots.txt"),
        ),
        1,
    )


def test_an_asker_who_leaves_does_not_take_the_answer_along():
    site = Site("user-agent: *\ndisallow: /")
    robots = Robots(site.fetch, AGENT)

    async def ask():
        impatient = asyncio.create_task(robots.why_not("http://a.test/1"))
        patient = asyncio.create_task(robots.why_not("http://a.test/2"))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert asyncio.run(ask()) == DISALLOWED


def test_the_origins_used_last_are_remembered():
    site = Site()
    robots = Robots(site.fetch, AGENT, origins=2)

    async def ask():
        for host in "abacab":
            await robots.why_not(f"http://{host}.test/")

    asyncio.run(ask())
    assert {url[7]: count for url, count in site.asked.items()} == {"a": 1, "b": 2, "c": 1}


def test_long_rules_of_many_origins_do_not_pile_up():
    site = Site("user-agent: *\n" + f"disallow: /{1000 * 'a'}\n" * 400)
    robots = Robots(site.fetch, AGENT)

    async def ask():
        for number in [*range(60), 59, 0]:
            await robots.why_not(f"http://h{number}.test/")

    asyncio.run(ask())
    assert site.asked["http://h59.test/robots.txt"] == 1
    assert site.asked["http://h0.test/robots.txt"] == 2


def test_what_comes_after_500_kib_is_not_read_and_a_cut_line_neither():
    head = b"user-agent: *\ndisallow: /z\n"
    filler = b"#" * (MAX_BYTES - len(head) - 12) + b"\n"
    tail = b"disallow: /x/much/longer\ndisallow: /\n"
    text = head + filler + tail

    assert text[:MAX_BYTES].endswith(b"disallow: /")
    assert why_not(text) == ""
    assert why_not(text, "http://a.test/z") == DISALLOWED


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfUser-Agent: *\r\nDisallow: /x\r\n",
        b"user-agent:*\rdisallow:/x",
        b"\xff\xfe\x00junk\nuser-agent: *\n\xf0\x9f\ndisallow: /x\n<html>",
        b"User Agent *\nDisalow /x",
        b"  useragent : *\n\n  disallow : /x # why\n",
    ],
)
def test_broken_text_is_read_as_it_is_meant(text):
    assert why_not(text) == DISALLOWED


@pytest.mark.parametrize("seed", range(5))
def test_no_text_at_all_makes_it_fail(seed):
    rng = random.Random(seed)
    pieces = [b"user-agent", b":", b"*", b"disallow", b"/", b"\n", b"\x00", b"%", b"$", b"\xff"]
    pieces += [b"crawl-delay", b"nan", b"[", b"http://[", b"cosmop", b"\r", b"#", b" ", b"\xc2\x85"]
    for _ in range(300):
        text = b"".join(rng.choices(pieces, k=rng.randint(0, 40)))
        assert why_not(text) in ("", DISALLOWED)


@pytest.mark.parametrize("url", ["", "x.jpg", "http://[::1", "http://a:b/", "mailto:me@a.test"])
def test_what_has_no_origin_is_left_to_the_client(url):
    site = Site("user-agent: *\ndisallow: /")
    robots = Robots(site.fetch, AGENT)

    assert asyncio.run(robots.why_not(url)) == ""
    assert asyncio.run(robots.crawl_delay_s(url)) is None
    assert not site.asked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user-agent: *\ncrawl-delay: 2.5", 2.5),
        ("user-agent: *\ncrawl-delay: 9\nuser-agent: cosmop\ncrawl-delay: 1", 1.0),
        ("user-agent: *\ncrawl-delay: 9\nuser-agent: cosmop\nallow: /", None),
        ("user-agent: *\ncrawl-delay: soon", None),
        ("user-agent: *\ncrawl-delay: -1", None),
        ("user-agent: *\ncrawl-delay: inf", None),
        (http_error(404, None), None),
        (http_error(500, None), None),
    ],
)
def test_the_crawl_delay_is_that_of_our_group(text, expected):
    robots = Robots(Site(text).fetch, AGENT)
    assert asyncio.run(robots.crawl_delay_s("http://a.test/")) == expected


def test_only_our_rules_are_kept():
    text = "".join(f"user-agent: bot{i}\ndisallow: /\n" for i in range(1000))
    assert group_for("cosmop", text) == "user-agent: *"


def test_a_real_server_is_asked_once_and_obeyed(server):
    body = b"User-agent: cosmop\nDisallow: /no\nCrawl-delay: 3\n"
    server.routes["/robots.txt"] = says(body, kind="text/plain")

    async def ask():
        async with WebClient(
            user_agent=AGENT, host_addresses={"web.test": server.address}
        ) as client:

            async def fetch(url):
                return (await client.fetch(url, FetchLimits())).body

            robots, urls = Robots(fetch, AGENT), [f"http://web.test/{x}" for x in ("yes", "no")]
            return [
                *await asyncio.gather(*map(robots.why_not, urls)),
                await robots.crawl_delay_s(urls[0]),
            ]

    assert asyncio.run(ask()) == ["", DISALLOWED, 3.0]
    assert server.requests == ["/robots.txt"]
    assert server.headers[0]["User-Agent"] == AGENT


def test_a_real_server_without_robots_txt_allows_and_a_broken_one_does_not(server):
    server.routes["/robots.txt"] = says(b"", status=404)

    async def ask():
        async with WebClient(
            user_agent=AGENT,
            host_addresses={"web.test": server.address, "gone.test": "127.0.0.1:9"},
        ) as client:

            async def fetch(url):
                return (await client.fetch(url, FetchLimits())).body

            robots = Robots(fetch, AGENT)
            answers = [await robots.why_not("http://web.test/x")]
            server.routes["/robots.txt"] = says(b"", status=500)
            urls = ("http://web.test/y", "https://gone.test/x", "http://web.test:81/z")
            return answers + [await robots.why_not(url) for url in urls]

    assert asyncio.run(ask()) == ["", "", UNREADABLE, UNREADABLE]
