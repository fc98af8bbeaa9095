"""The two doors to the network: one for everybody, to public addresses only, and one for friends.

The check sits where the socket is opened. A host is resolved once, each address is judged, and the
socket connects to the judged address itself; so redirects, odd notations (``0x7f.1``) and names
that change their answer (DNS rebinding) all pass the same door. The idea is Advocate's. aiohttp
does not resolve IP addresses that stand in a URL, so `open_public_socket` judges once more.
"""

import asyncio
import ipaddress
import socket
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.helpers import is_ip_address
from aiohttp.tracing import Trace

from cosmop.collecting.web.addresses import is_public
from cosmop.collecting.web.fetch_errors import FetchError
from cosmop.errors import InputError

_LOOKUPS_AT_ONCE = 32  # a name server that does not answer holds a thread for ten seconds or more
_PARTS_OF_FILES = 4  # of what may be open, one part for hosts whose connections are kept
_NO_LIMIT = 1 << 16

# Family, type, protocol, canonical name, and the address with its port.
AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]


def _forbidden(address: str) -> FetchError:
    return FetchError("forbidden_address", f"forbidden address {address}")


def open_public_socket(info: AddressInfo) -> socket.socket:
    """Open a socket for an address of the public internet; aiohttp connects it there.

    Raises:
        FetchError: Of kind ``forbidden_address``; no socket has been opened.
    """
    family, kind, protocol, _, address = info
    if not is_public(address[0]):
        raise _forbidden(address[0])
    return socket.socket(family, kind, protocol)


_in_use: ContextVar[asyncio.Transport | None] = ContextVar("in_use", default=None)


@contextmanager
def cut_on_failure() -> Iterator[None]:
    """Cut the connection that is given out in this context, if the context fails.

    aiohttp closes connections politely, and with TLS that is to wait for the other side, half a
    minute if it says nothing.
    """
    _in_use.set(None)
    try:
        yield
    except BaseException:
        transport = _in_use.get()
        if transport is not None:
            transport.abort()
        raise


class SilentConnections(aiohttp.TCPConnector):
    """Gives out no connection on which the server has spoken before it was asked.

    aiohttp would take what came on a kept connection for the answer to the next request. It would
    also keep connections of any number of hosts, until the system opens no more files.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._most_kept_hosts = _most_open_files() // _PARTS_OF_FILES

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Return a connection, a kept one if there is one; `cut_on_failure` then knows it.

        Raises:
            FetchError: Of kind ``broken_answer``; two connections had to be thrown away.
        """
        _in_use.set(None)
        for _ in range(2):
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol  # which is false while its queue is empty
            if protocol is not None and not protocol.should_close:
                _in_use.set(protocol.transport)
                return connection
            connection.close()
        raise FetchError("broken_answer", "an answer nobody asked for")

    def _release(
        self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False
    ) -> None:
        has_enough = len(self._conns) >= self._most_kept_hosts and key not in self._conns
        super()._release(key, protocol, should_close=should_close or has_enough)


def _most_open_files() -> int:
    """Return how many files and connections this process may have open at once."""
    if sys.platform == "win32":
        return _NO_LIMIT
    import resource  # noqa: PLC0415  there is none on Windows

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _NO_LIMIT if limit == resource.RLIM_INFINITY else limit


class PublicResolver(AbstractResolver):
    """Looks names up and keeps only public addresses."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the public addresses of `host`, at least one.

        Raises:
            FetchError: Of kind ``host_not_found`` or ``forbidden_address``.
        """
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        except (socket.gaierror, UnicodeError) as error:
            raise _not_found(error) from error
        named = {str(address[0]): found for found, *_, address in answers}
        allowed = [name for name in named if is_public(name)]
        if not allowed:
            raise _forbidden(min(named, default="none"))
        return [_result(host, name, port) for name in allowed]

    async def close(self) -> None:
        """Forget the lookups that have not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class StatedResolver(AbstractResolver):
    """Knows the stated hosts and no others; see `stated_addresses`."""

    def __init__(self, addresses: Mapping[str, tuple[str, int]]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,  # noqa: ARG002 - the stated port is what counts
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002
    ) -> list[ResolveResult]:
        """Return the stated address of `host`, with its stated port."""
        return [_result(host, *self._addresses[plain_host(host)])]

    async def close(self) -> None:
        """Do nothing."""


def stated_addresses(host_addresses: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """Read host names and the ``"IP:PORT"`` that connections to each are sent to.

    Raises:
        InputError: A key that is no host name, or a value that is no address with a port.
    """
    stated = {}
    for host, text in host_addresses.items():
        address = None if is_ip_address(host) else _read_address(text)
        if address is None:
            raise InputError(
                f"host_addresses must map host names to IP:PORT, got {host!r}: {text!r}; "
                "write for example web.test: 127.0.0.1:8000"
            )
        stated[plain_host(host)] = address
    return stated


def _read_address(text: str) -> tuple[str, int] | None:
    address, _, port = text.rpartition(":")
    try:
        ip = ipaddress.ip_address(address.removeprefix("[").removesuffix("]"))
        return (str(ip), int(port)) if 0 < int(port) < 1 << 16 else None
    except ValueError:
        return None


def plain_host(host: str) -> str:
    """Return `host` in lower case without the dot at its end."""
    return host.rstrip(".").lower()


def _look_up(host: str, port: int, family: int) -> list[AddressInfo]:
    return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)  # type: ignore[return-value]


def _not_found(error: Exception) -> FetchError:
    is_busy = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
    return FetchError("host_not_found", "host not found", is_worth_retrying=is_busy)


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
    )
