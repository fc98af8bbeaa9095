import asyncio
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial

import pytest

from cosmop.collecting.web.fetch_errors import FetchError, FetchLimits
from cosmop.collecting.web.web_client import WebClient
from cosmop.errors import InputError

from .hostile import (
    HostileServer,
    checked_sockets,
    drips,
    hangs,
    head,
    image,
    lying_lookup,
    redirects,
    sends,
    tls_context,
)

LIMITS = FetchLimits(connect_s=20, headers_s=20, total_s=60, max_bytes=100_000, rate_window_s=1.0)


@pytest.fixture
def web():
    """Start a server for answers by host, and ask it with one client; the last answer is told."""
    started = []

    def ask(answers, *calls, tls=None, **options):
        server = HostileServer(answers, tls=tls)
        started.append(server)
        stated = {f"{host}.test": server.address for host in answers}

        async def work():
            async with WebClient(user_agent="me (me@e.org)", host_addresses=stated, **options) as c:
                return [await call(c) for call in calls]

        return server, asyncio.run(work())

    yield ask
    for server in started:
        server.close()


def get(url, limits=LIMITS, **options):
    """Return a call that fetches, and gives the failure instead of raising it."""

    async def call(client):
        try:
            return await client.fetch(url, limits, **options)
        except FetchError as error:
            return error

    return call


def connections(server):
    return len(server.threads)


def test_an_answer_comes_with_its_address_and_headers(web):
    _, (answer,) = web({"a": image(b"abc", "X-A: 1", "x-a: \xe4")}, get("http://a.test/x?y#z"))

    assert (answer.url, answer.body) == ("http://a.test/x?y", b"abc")
    assert answer.length == 3
    assert [value for name, value in answer.headers if name.lower() == "x-a"] == ["1", "ä"]


def test_the_request_is_honest_and_wants_no_compression(web):
    server, _ = web({"a": image(b"x")}, get("http://a.test/"))

    lines = server.requests[0].decode().split("\r\n")
    assert lines == [
        "GET / HTTP/1.1",
        "Host: a.test",
        "User-Agent: me (me@e.org)",
        "Accept-Encoding: identity",
        "Accept: */*",
        "",
        "",
    ]


@pytest.mark.parametrize(
    "target",
    ["/a%2fb%2Fc%zz?s=a%2Bb+c/d==&&x", "/a//b/..c;v=(1)'!$*~", '/[a]{b}|c^`<>"\\', "/%00%0d%0a"],
)
def test_the_address_is_asked_as_it_was_given(web, target):
    server, _ = web({"a": image(b"x")}, get(f"http://a.test{target}"))

    assert server.requests[0].startswith(f"GET {target} HTTP/1.1\r\n".encode())


def test_user_and_password_are_not_sent(web):
    there = redirects("http://u:p@b.test/")
    server, _ = web({"a": there, "b": image(b"x")}, get("http://me:secret@a.test/"))

    assert len(server.requests) == 2
    assert not any(b"authorization" in request.lower() for request in server.requests)


def test_connections_are_kept_and_used_again(web):
    server, _ = web({"kept": image(b"x" * 50_000)}, *[get("http://kept.test/")] * 5)

    assert (len(server.requests), connections(server)) == (5, 1)


_ASKS_MANY_HOSTS = """
import asyncio, resource, sys
from cosmop.collecting.web.fetch_errors import FetchLimits
from cosmop.collecting.web.web_client import WebClient
hosts = {f"kept-{i}.test": sys.argv[1] for i in range(HOSTS)}
async def main():
    async with WebClient(user_agent="me", host_addresses=hosts, connections=8) as client:
        for host in hosts:
            await client.fetch(f"http://{host}/", FetchLimits())
    print("all came")
resource.setrlimit(resource.RLIMIT_NOFILE, (HOSTS // 2, HOSTS // 2))
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the files of a process")
def test_hosts_may_be_more_than_connections_that_a_process_may_have(web):
    hosts = 200
    server, _ = web({f"kept-{i}": image(b"x") for i in range(hosts)})
    program = _ASKS_MANY_HOSTS.replace("HOSTS", str(hosts))

    ended = subprocess.run(
        [sys.executable, "-c", program, server.address],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.stdout, ended.stderr) == ("all came\n", "")
    assert len(server.requests) == hosts


def test_what_comes_behind_an_answer_is_not_the_next_answer(web):
    poisoned = sends(head("Content-Length: 1"), b"x", head("Content-Length: 6"), b"poison")
    later = sends(head("Content-Length: 1"), b"x")
    is_read, is_poisoned = threading.Event(), threading.Event()

    def then_later(connection):
        later(connection)
        is_read.wait(20)
        sends(head("Content-Length: 6"), b"poison")(connection)
        is_poisoned.set()

    async def pause(_):
        if answer is then_later:
            is_read.set()
            await asyncio.to_thread(is_poisoned.wait, 20)
        await asyncio.sleep(0.1)

    for answer in (poisoned, then_later):
        call = get("http://kept.test/")
        _, (first, _, second) = web({"kept": answer}, call, pause, call)
        assert first.body == b"x"
        assert getattr(second, "body", b"x") == b"x"


def test_pieces_go_to_a_sink(web):
    pieces = []

    _, (answer,) = web({"a": image(b"ab" * 40_000)}, get("http://a.test/", sink=pieces.append))

    assert b"".join(pieces) == b"ab" * 40_000
    assert (answer.body, answer.length) == (b"", 80_000)


def test_the_failure_of_a_sink_is_its_own(web):
    def full(_):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        web({"a": image(b"ab")}, get("http://a.test/", sink=full))


def test_headers_may_be_refused_before_the_body_is_read(web):
    endless = drips(head("X-Robots-Tag: noai"), b"a" * 1000)
    seen, pieces = [], []

    def refuse(url, headers):
        seen.append((url, headers[0]))
        raise FetchError("opted_out", "X-Robots-Tag")

    call = get("http://a.test/", on_headers=refuse, sink=pieces.append)
    _, (error,) = web({"a": endless}, call)

    assert (error.kind, pieces) == ("opted_out", [])
    assert seen == [("http://a.test/", ("X-Robots-Tag", "noai"))]


def test_redirects_are_followed_hop_by_hop(web):
    hops = []

    async def note(url):
        hops.append(url)

    answers = {
        "a": redirects("http://b.test/x%2f", 301),
        "b": drips(head("Location: //c.test?y", status="HTTP/1.1 307 Moved"), b"endless"),
        "c": image(b"here"),
    }
    _, (answer,) = web(answers, get("http://a.test/", before_hop=note))

    assert (answer.body, answer.url) == (b"here", "http://c.test/?y")
    assert hops == ["http://a.test/", "http://b.test/x%2f", "http://c.test/?y"]


def test_a_hop_may_be_refused_before_it_is_asked(web):
    async def refuse(url):
        if "b.test" in url:
            raise FetchError("robots", "robots.txt says no")

    answers = {"a": redirects("http://b.test/"), "b": image(b"")}
    server, (error,) = web(answers, get("http://a.test/", before_hop=refuse))

    assert (error.kind, len(server.requests)) == ("robots", 1)


def test_waiting_before_a_hop_takes_no_time_of_the_fetch(web):
    async def wait(_):
        await asyncio.sleep(1.1)

    limits = FetchLimits(headers_s=1.0, total_s=1.0)
    answers = {"a": redirects("http://b.test/"), "b": image(b"here")}
    _, (answer,) = web(answers, get("http://a.test/", limits, before_hop=wait))

    assert answer.body == b"here"


@pytest.mark.parametrize(
    ("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")]
)
def test_a_form_is_posted(web, status, method):
    answers = {"a": redirects("http://b.test/", status), "b": image(b"here")}
    server, (answer,) = web(answers, get("http://a.test/", form={"a": "ä b", "c": "&"}))

    assert answer.body == b"here"
    assert server.requests[0].startswith(b"POST / ")
    assert server.requests[0].endswith(b"\r\n\r\na=%C3%A4+b&c=%26")
    assert server.requests[1].startswith(method.encode())


def test_cookies_are_kept_only_if_wanted_and_for_their_site(web):
    answers = {
        "a": image(b"", "Set-Cookie: a=1", "Set-Cookie: b=2; Domain=b.test"),
        "b": image(b""),
    }
    calls = [get("http://a.test/"), get("http://a.test/"), get("http://b.test/")]

    plain, _ = web(answers, *calls)
    keeping, _ = web(answers, *calls, keeps_cookies=True)

    assert not any(b"Cookie" in request for request in plain.requests)
    assert [b"Cookie: a=1\r\n" in request for request in keeping.requests] == [False, True, False]
    assert b"Cookie" not in keeping.requests[2]


def test_real_bytes_are_counted_whatever_the_server_claims(web):
    answers = {
        "claimed": image(b"a" * 200_000),
        "open": sends(head(), b"a" * 200_000),
        "chunked": sends(head("Transfer-Encoding: chunked"), b"186a1\r\n", b"a" * 100_001),
        "just": image(b"a" * 100_000),
    }
    calls = [get(f"http://{host}.test/") for host in answers]
    _, (*errors, just) = web(answers, *calls)

    assert {error.kind for error in errors} == {"too_long"}
    assert {str(error) for error in errors} == {"longer than 100000 bytes"}
    assert just.length == 100_000


def test_a_body_keeps_the_pace_or_is_given_up(web):
    """Ten pieces in each window of a second, in which 1000 bytes are wanted: four suffice."""
    answers = {
        "slow": drips(head("Content-Length: 50000"), b"a" * 2),
        "quick": lambda c: [
            c.sendall(head("Content-Length: 7500")),
            *((c.sendall(b"a" * 300), time.sleep(0.1)) for _ in range(25)),
        ],
    }
    _, (slow, quick) = web(answers, get("http://slow.test/"), get("http://quick.test/"))

    assert (slow.kind, slow.is_worth_retrying) == ("too_slow", False)
    assert quick.length == 7500


def test_without_a_least_pace_only_the_total_time_counts(web):
    limits = FetchLimits(total_s=0.6, min_bytes_per_s=0, rate_window_s=0.1)

    begin = time.monotonic()
    _, (error,) = web({"a": drips(head(), b"a")}, get("http://a.test/", limits))

    assert (error.kind, str(error)) == ("timeout", "took longer than 0.6 s")
    assert time.monotonic() - begin > 0.5


def test_the_total_time_spans_redirects(web):
    def slow(connection):
        time.sleep(0.25)
        redirects("http://a.test/")(connection)

    limits = FetchLimits(total_s=0.6, max_redirects=50)
    _, (error,) = web({"a": slow}, get("http://a.test/", limits))

    assert (error.kind, error.is_worth_retrying) == ("timeout", True)


def test_headers_must_come_in_time(web):
    limits = FetchLimits(headers_s=0.3)
    _, (error,) = web({"a": hangs}, get("http://a.test/", limits))

    assert (error.kind, str(error)) == ("timeout", "no answer in time")


def test_a_status_is_told_with_what_the_server_asks_for(web):
    moments = ("Retry-After: Fri, 01 Jan 2100 00:00:09 GMT", "Date: Fri, 01 Jan 2100 00:00:00 GMT")
    answers = {
        name: image(b"", *headers, status="HTTP/1.1 503 Busy")
        for name, headers in {"a": ["Retry-After: 7"], "b": moments}.items()
    }
    _, errors = web(answers, get("http://a.test/"), get("http://b.test/"))

    told = [(error.kind, error.status, error.retry_after_s) for error in errors]
    assert told == [("http_503", 503, 7.0), ("http_503", 503, 9.0)]
    assert all(error.is_worth_retrying for error in errors)


def test_a_cut_answer_is_broken_and_a_closed_port_no_connection(web):
    server = HostileServer()
    server.close()
    cut = sends(head("Content-Length: 9"), b"half")

    async def closed(_):
        async with WebClient(user_agent="me", host_addresses={"b.test": server.address}) as client:
            return await get("http://b.test/")(client)

    _, (broken, none) = web({"a": cut}, get("http://a.test/"), closed)

    assert (broken.kind, str(broken)) == ("broken_answer", "connection broke off")
    assert (none.kind, str(none)) == ("no_connection", "no connection")
    assert broken.is_worth_retrying
    assert none.is_worth_retrying


def test_a_certificate_is_verified_for_the_name_that_was_asked(web, tmp_path, monkeypatch):
    context = tls_context(tmp_path, "a.test")
    answers = {"a": image(b"secret"), "b": image(b"secret")}
    calls = get("https://a.test/"), get("https://b.test/")

    _, (unknown, _) = web(answers, *calls, tls=context)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "a.test.pem"))
    _, (known, other) = web(answers, *calls, tls=context)

    assert known.body == b"secret"
    assert [(e.kind, str(e), e.is_worth_retrying) for e in (unknown, other)] == [
        ("tls_error", "TLS error", False)
    ] * 2


@pytest.mark.parametrize("before", [b"", head("Content-Length: 9") + b"a"], ids=["head", "body"])
def test_a_silent_server_behind_tls_is_cut_off_at_once(web, tmp_path, monkeypatch, before):
    """A polite end of TLS would keep the connection half a minute for an answer to it."""
    is_cut = threading.Event()

    def fall_silent(connection):
        connection.sendall(before)
        with suppress(ConnectionError):
            while socket.socket.recv(connection, 65_536):  # what TLS says goes unanswered
                pass
        is_cut.set()

    async def wait(_):
        return await asyncio.to_thread(is_cut.wait, 15)

    context = tls_context(tmp_path, "a.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "a.test.pem"))
    limits = FetchLimits(headers_s=1.0, total_s=1.0)
    _, (error, was_cut) = web({"a": fall_silent}, get("https://a.test/", limits), wait, tls=context)

    assert (error.kind, was_cut) == ("timeout", True)


def test_old_versions_of_tls_are_refused(web, tmp_path, monkeypatch):
    context = tls_context(tmp_path, "a.test")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "a.test.pem"))

    _, (error,) = web({"a": image(b"x")}, get("https://a.test/"), tls=context)

    assert error.kind == "tls_error"


def test_a_stated_host_is_reached_by_its_name_only(web):
    server, answers = web(
        {"a": image(b"welcome")},
        get("http://a.test/"),
        get("http://A.TEST.:99/"),
        lambda client: get(f"http://{server_address(client)}/")(client),
    )

    assert [getattr(answer, "body", b"") for answer in answers] == [b"welcome", b"welcome", b""]
    assert answers[2].kind == "forbidden_address"
    assert len(server.requests) == 2


def server_address(client):
    host, port = client._stated_hosts["a.test"]
    return f"{host}:{port}"


def test_a_kept_connection_to_a_stated_address_serves_no_other_host(web):
    """A name that resolves to the address of a stated host does not come in with it."""
    calls = [get("http://kept.test/"), get("http://other.lie/"), get("http://kept.test/")]
    with lying_lookup({"other.lie": [["127.0.0.1"]]}):
        server, answers = web({"kept": image(b"x")}, *calls)

    assert answers[1].kind == "forbidden_address"
    assert (len(server.requests), connections(server)) == (2, 1)


def test_a_name_is_looked_up_once_and_connected_where_it_was_judged():
    """DNS rebinding: what the second lookup would have said does not matter."""
    answers = {"rebind.lie": [["93.184.216.34"], ["127.0.0.1"]]}

    async def twice():
        async with WebClient(user_agent="me") as client:
            return [await get("http://rebind.lie/")(client) for _ in range(2)]

    with checked_sockets([]) as connected, lying_lookup(answers) as asked:
        errors = asyncio.run(twice())

    assert [error.kind for error in errors] == ["no_connection"] * 2
    assert connected == ["93.184.216.34:80"] * 2
    assert asked.count("rebind.lie") == 1  # a browser may start meanwhile, and ask for others


def test_connecting_by_name_would_be_fooled():
    """The oracle: what a client does that checks a name and then connects by it."""
    answers = {"rebind.lie": [["93.184.216.34"], ["127.0.0.1"]]}
    with checked_sockets([]) as connected, lying_lookup(answers):
        assert socket.getaddrinfo("rebind.lie", 80)[0][4][0] == "93.184.216.34"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("rebind.lie", 80))
    assert connected == ["127.0.0.1:80"]


def test_of_several_addresses_only_the_public_ones_are_tried():
    answers = {"mixed.lie": [["10.0.0.1", "93.184.216.34", "127.0.0.1", "2606:4700::1111"]]}

    async def once():
        async with WebClient(user_agent="me") as client:
            return await get("https://mixed.lie/")(client)

    with checked_sockets([]) as connected, lying_lookup(answers):
        error = asyncio.run(once())

    assert error.kind == "no_connection"
    assert set(connected) == {"93.184.216.34:443", "2606:4700::1111:443"}


@pytest.mark.parametrize(("number", "again"), [(-3, True), (-2, False), (-5, False)])
def test_a_busy_resolver_is_told_from_a_host_that_does_not_exist(monkeypatch, number, again):
    def fail(*_, **__):
        raise socket.gaierror(number, "no")

    async def once():
        async with WebClient(user_agent="me") as client:
            return await get("http://e.lie/")(client)

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = asyncio.run(once())

    assert (error.kind, error.is_worth_retrying) == ("host_not_found", again)


def test_the_environment_sends_us_nowhere_else(web, monkeypatch, tmp_path):
    server = HostileServer({"a": image(b"proxy")})
    (tmp_path / ".netrc").write_text("machine a.test login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{server.address}")

    asked, (answer, private) = web(
        {"a": image(b"direct")}, get("http://a.test/"), get("http://10.0.0.1/")
    )
    server.close()

    assert (answer.body, private.kind) == (b"direct", "forbidden_address")
    assert b"Authorization" not in asked.requests[0]
    assert server.requests == []


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1:80"),
        ("a.test", "127.0.0.1"),
        ("a.test", "b.test:80"),
        ("a.test", "127.0.0.1:0"),
        ("a.test", "127.0.0.1:x"),
        ("::1", "[::1]:80"),
    ],
)
def test_host_addresses_that_cannot_be_meant_are_refused(host, address):
    with pytest.raises(InputError, match=r"must map host names to IP:PORT, got .* write for"):
        WebClient(user_agent="me", host_addresses={host: address})


def test_many_at_once_get_what_they_asked_for(web):
    answers = {f"kept{i}": partial(_number, i) for i in range(10)}

    async def all_of_them(client):
        calls = [get(f"http://kept{i % 10}.test/")(client) for i in range(200)]
        return await asyncio.gather(*calls)

    server, (got,) = web(answers, all_of_them, connections=8)

    assert [answer.body for answer in got] == [str(i % 10).encode() for i in range(200)]
    assert connections(server) < 200


def _number(i, connection):
    image(str(i).encode())(connection)
