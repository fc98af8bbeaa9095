"""A connection pool that reaches public addresses only, whatever a name or a redirect says.

The check sits where the socket is opened: a host is resolved once, each address is judged, and the
socket connects to the judged address itself. So redirects, odd notations (``0x7f.1``) and names
that change their answer (DNS rebinding) all pass the same door. The idea is Advocate's.
Proxies of the environment are not used: through one, its address would be all that is checked.
"""

import errno
import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

logger = logging.getLogger(__name__)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Ranges that `ipaddress` calls global although they are not a web server's own address.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "64:ff9b:1::/48",  # NAT64 of local use, RFC 8215
        "fec0::/10",  # site-local, RFC 3879
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOWEST_BITS = 0xFFFFFFFF
_V4_COMPATIBLE = ipaddress.ip_network("::/96")


class ForbiddenAddressError(NewConnectionError):
    """Every address of the host is private, local, multicast or reserved; nothing was opened."""


def is_public(text: str) -> bool:
    """Tell whether the IP address `text` is one of the public internet.

    IPv6 forms that carry an IPv4 address (mapped, 6to4, Teredo, NAT64) are judged by both.
    ``is_global`` alone is not enough: it is true for multicast, NAT64 and site-local addresses.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if any(not is_public(str(inner)) for inner in _carried(address)):
        return False
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address in _NAT64):
        return True  # its IPv4 address, judged above, is where it leads
    if any(address.version == network.version and address in network for network in _NEVER):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _carried(address: Address) -> list[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    teredo = address.teredo[1] if address.teredo else None
    lowest = ipaddress.IPv4Address(int(address) & _LOWEST_BITS)
    in_tail = address in _NAT64 or address in _V4_COMPATIBLE
    inner = (address.ipv4_mapped, address.sixtofour, teredo, lowest if in_tail else None)
    return [found for found in inner if found is not None]


class Deadline:
    """Cuts the connection of the current thread when `seconds` are over.

    A time-out per read is not enough against a server that sends one byte per second, in the
    headers as well as in the body. While the context is open, each guarded connection of this
    thread registers its socket; a timer shuts it down, and the blocked read ends.
    """

    _current = threading.local()

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    @classmethod
    def watch(cls, connected: socket.socket) -> None:
        """Let the deadline of this thread, if there is one, cut `connected`."""
        deadline = getattr(cls._current, "deadline", None)
        if deadline is not None:
            # A duplicate stays valid while TLS takes over the original's file number.
            deadline._add(socket.socket(fileno=os.dup(connected.fileno())))

    def _add(self, connected: socket.socket) -> None:
        with self._lock:
            self._watched.append(connected)
        if self.is_over:
            self._cut()

    def _cut(self) -> None:
        self.is_over = True
        with self._lock:
            for connected in self._watched:
                with suppress(OSError):  # the other side may be gone already
                    connected.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        Deadline._current.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        Deadline._current.deadline = None
        with self._lock:
            for connected in self._watched:
                connected.close()
            self._watched.clear()


class _Guarded:
    """Opens sockets for a urllib3 connection; `host_addresses` are the stated exceptions."""

    host_addresses: Mapping[str, str] = {}

    def _new_conn(self: Any) -> socket.socket:
        stated = self.host_addresses.get(self._dns_host.rstrip(".").lower())
        addresses = [_stated_address(stated)] if stated else self._public_addresses()
        failure: OSError | None = None
        for family, address in addresses:
            try:
                connected: socket.socket = self._connect(family, address)
            except OSError as error:
                failure = error
            else:
                return connected
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"{self.host} did not answer in time") from failure
        raise NewConnectionError(self, f"no connection to {self.host}: {failure}") from failure

    def _public_addresses(self: Any) -> list[tuple[int, Any]]:
        try:
            answers = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            cause = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, cause) from error
        allowed: list[tuple[int, Any]] = [
            (family, address) for family, *_, address in answers if is_public(str(address[0]))
        ]
        if not allowed:
            named = ", ".join(sorted({str(answer[4][0]) for answer in answers}))
            raise ForbiddenAddressError(self, f"forbidden address {named}")
        return allowed

    def _connect(self: Any, family: int, address: Any) -> socket.socket:
        connected = socket.socket(family, socket.SOCK_STREAM)
        try:
            timeout = self.timeout
            connected.settimeout(timeout if isinstance(timeout, int | float) else None)
            for option in self.socket_options or ():
                connected.setsockopt(*option)
            Deadline.watch(connected)
            connected.connect(address)
        except BaseException:
            connected.close()
            raise
        return connected

    def getresponse(self: Any) -> Any:
        """Register a connection that is used again with the deadline of this request."""
        if self.sock is not None:
            with suppress(OSError):
                Deadline.watch(self.sock)
        return super().getresponse()  # type: ignore[misc]


def _stated_address(text: str) -> tuple[int, tuple[str, int]]:
    host, _, port = text.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return family, (host.strip("[]"), int(port))


def guarded_pool(
    host_addresses: Mapping[str, str], *, hosts: int = 32, connections_per_host: int = 8
) -> urllib3.PoolManager:
    """Return a thread-safe connection pool that opens sockets to public addresses only.

    Args:
        host_addresses: Stated exceptions, host name to ``"IP:PORT"``: connections to that host go
            to that address, whatever port the URL names. Tests and intranets come in here.
        hosts: For how many hosts connections are kept.
        connections_per_host: Kept connections per host.
    """
    stated = {host.lower(): address for host, address in host_addresses.items()}
    plain = type("GuardedHTTP", (_Guarded, HTTPConnection), {"host_addresses": stated})
    secure = type("GuardedHTTPS", (_Guarded, HTTPSConnection), {"host_addresses": stated})
    pool = urllib3.PoolManager(num_pools=hosts, maxsize=connections_per_host)
    pool.pool_classes_by_scheme = {
        "http": type("GuardedHTTPPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("GuardedHTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
    return pool


def is_temporary_name_failure(error: NameResolutionError) -> bool:
    """Tell a resolver that is busy from a host that does not exist."""
    cause = error.__cause__
    return isinstance(cause, socket.gaierror) and cause.errno in (socket.EAI_AGAIN, errno.EAGAIN)
