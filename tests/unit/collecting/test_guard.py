import socket
from typing import ClassVar

import pytest

from cosmop.collecting.fetching import FetchError, FetchLimits, fetch
from cosmop.collecting.guard import guarded_pool, is_public

from .conftest import says

LIMITS = FetchLimits(2.0, 5.0, 10_000, "test")

PRIVATE = """
0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.1
192.0.0.1 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1
239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::
2002:a00:1:: fc00::1 fd00::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1
2001:0:4136:e378:8000:63bf:80ff:fffe
"""
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE.split())
def test_an_address_that_is_no_web_server_of_the_internet_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_let_through(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "127.0.0.1", "127.1", "0177.0.0.1", "2130706433", "0x7f.1", "0"],
)
def test_no_notation_of_loopback_reaches_a_listening_server(server, host):
    server.routes["/"] = says(b"secret")
    port = server.address.rpartition(":")[2]

    with pytest.raises(FetchError, match=r"forbidden address|host not found"):
        fetch(guarded_pool({}), f"http://{host}:{port}/", LIMITS)
    assert server.requests == []


@pytest.mark.parametrize("host", ["[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"])
def test_no_ipv6_notation_of_loopback_is_connected(host):
    with pytest.raises(FetchError, match="forbidden address"):
        fetch(guarded_pool({}), f"http://{host}:9/", LIMITS)


def test_a_stated_host_is_reached_and_only_by_its_name(server):
    server.routes["/"] = says(b"welcome")
    pool = guarded_pool({"Gallery.test": server.address})

    assert fetch(pool, "http://gallery.test/", LIMITS).body == b"welcome"
    assert fetch(pool, "http://GALLERY.TEST.:99/", LIMITS).body == b"welcome"
    with pytest.raises(FetchError, match=r"forbidden address 127\.0\.0\.1"):
        fetch(pool, f"http://{server.address}/", LIMITS)
    pool.clear()


def test_a_redirect_to_another_loopback_port_is_refused(server):
    server.routes["/"] = says(b"", 302, Location=f"http://{server.address}/secret")
    pool = guarded_pool({"gallery.test": server.address})

    with pytest.raises(FetchError, match="forbidden address"):
        fetch(pool, "http://gallery.test/", LIMITS)
    assert server.requests == ["/"]
    pool.clear()


class _Recorder(socket.socket):
    """A socket that opens nothing and remembers where it was sent."""

    opened: ClassVar[list[str]] = []

    def connect(self, address):
        self.opened.append(address[0])
        raise ConnectionRefusedError


def _answers(monkeypatch, *answers):
    """Let each name lookup give the next of `answers`, the last one for ever."""
    left = list(answers)

    def lookup(host, port, *args, **kwargs):
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(socket, "socket", _Recorder)
    _Recorder.opened = []


def test_a_name_that_changes_its_answer_is_connected_where_it_was_checked(monkeypatch):
    _answers(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])

    with pytest.raises(FetchError, match="no connection"):
        fetch(guarded_pool({}), "http://rebind.test/", LIMITS)
    assert _Recorder.opened == ["93.184.216.34"]


def test_checking_a_name_before_connecting_by_name_would_be_fooled(monkeypatch):
    _answers(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])

    checked = socket.getaddrinfo("rebind.test", 80)[0][4][0]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("rebind.test", 80))
    assert is_public(checked)
    assert _Recorder.opened == ["127.0.0.1"]


def test_of_several_addresses_only_the_public_ones_are_tried(monkeypatch):
    _answers(monkeypatch, ["10.0.0.1", "93.184.216.34", "127.0.0.1"])

    with pytest.raises(FetchError, match="no connection"):
        fetch(guarded_pool({}), "http://mixed.test/", LIMITS)
    assert _Recorder.opened == ["93.184.216.34"]


def test_proxies_of_the_environment_are_not_used(monkeypatch, server):
    server.routes["/"] = says(b"secret")
    monkeypatch.setenv("http_proxy", f"http://{server.address}")

    with pytest.raises(FetchError, match="forbidden"):
        fetch(guarded_pool({}), "http://10.0.0.1/", LIMITS)
    assert server.requests == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://e.org/a", "gopher://e.org", "x", ""])
def test_only_http_and_https_are_fetched(url):
    with pytest.raises(FetchError, match="only http and https"):
        fetch(guarded_pool({}), url, LIMITS)


@pytest.mark.parametrize(
    "url", ["http://", "http://e.org:99999/", "http://[::1", "http://a\x00b/", "http://e..org/"]
)
def test_an_address_that_is_none_is_a_reason(url):
    with pytest.raises(FetchError, match=r"not a usable address|host not found"):
        fetch(guarded_pool({}), url, LIMITS)
