"""Servers that misbehave, sockets that tell where they were sent, and a lookup that lies."""

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Misbehaviour = Callable[[socket.socket], object]

_PAUSE_S = 0.02
_BREATH_S = 0.001  # for the other attacks of the same process


def head(*headers: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    """Return a status line and headers, each in Latin-1."""
    return "".join(f"{line}\r\n" for line in (status, *headers, "")).encode("latin-1")


def sends(*pieces: bytes) -> Misbehaviour:
    """Send the pieces and close."""
    return lambda connection: connection.sendall(b"".join(pieces))


def image(content: bytes, *headers: str, status: str = "HTTP/1.1 200 OK") -> Misbehaviour:
    """Send `content` as an image, honestly apart from `headers`."""
    length = f"Content-Length: {len(content)}"
    return sends(head("Content-Type: image/jpeg", length, *headers, status=status), content)


def redirects(location: str, status: int = 302) -> Misbehaviour:
    """Redirect to `location`."""
    return image(b"", f"Location: {location}", status=f"HTTP/1.1 {status} Moved")


def drips(before: bytes, piece: bytes) -> Misbehaviour:
    """Send `before`, then `piece` again and again, slowly, for ever."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(before)
        while True:
            connection.sendall(piece)
            time.sleep(_PAUSE_S)

    return answer


def floods(before: bytes, piece: bytes) -> Misbehaviour:
    """Send `before`, then `piece` again and again, as fast as it is taken, for ever."""
    much = piece * max(1, 65_536 // len(piece))

    def answer(connection: socket.socket) -> None:
        connection.sendall(before)
        while True:
            connection.sendall(much)
            time.sleep(_BREATH_S)

    return answer


def hangs(connection: socket.socket) -> None:
    """Say nothing until the other side gives up."""
    while connection.recv(65_536):
        pass


class HostileServer:
    """Answers requests for each host name by that name's misbehaviour; a thread per connection.

    Args:
        answers: First label of the host name to what is done when it has asked.
        tls: To speak TLS with.
        greeting: Is done as soon as a connection stands, before anything is read.
        port: Where to listen; 0 for any.
    """

    def __init__(
        self,
        answers: Mapping[str, Misbehaviour] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        greeting: Misbehaviour | None = None,
        port: int = 0,
    ) -> None:
        self.requests: list[bytes] = []
        self._answers = dict(answers or {})
        self._tls = tls
        self._greeting = greeting
        self._open: set[socket.socket] = set()
        self.threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        with suppress(OSError):  # closing the listener ends it
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(200)
                self._open.add(connection)
                self.threads.append(
                    threading.Thread(target=self._serve, args=(connection,), daemon=True)
                )
                self.threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError), connection:
            if self._greeting:
                self._greeting(connection)
            elif self._tls:
                with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                    self._open.add(wrapped)
                    self._converse(wrapped)
            else:
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        while request := _request(connection):
            self.requests.append(request)
            host = _host(request)
            self._answers[host](connection)
            if b"Connection: close" in request or not self.stays(host):
                return

    def stays(self, host: str) -> bool:
        """Tell whether a connection is kept after the answer of `host`."""
        return host.startswith("kept")

    def close(self) -> None:
        """Cut all connections and wait for the threads."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(2)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        data += piece
    return data


def _host(request: bytes) -> str:
    line = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"host:"))
    return line.split(b":")[1].strip().decode().partition(".")[0].lower()


class CheckedSocket(socket.socket):
    """A socket that remembers where it was sent, and reaches stated servers only."""

    stated: ClassVar[set[str]] = set()
    connected: ClassVar[list[str]] = []
    strangers: ClassVar[set[threading.Thread]] = set()

    def connect(self, address: Any) -> None:
        self._note(address)
        super().connect(address)

    def connect_ex(self, address: Any) -> int:
        self._note(address)
        return super().connect_ex(address)

    def sendto(self, *args: Any) -> int:
        self._note(args[-1])
        return super().sendto(*args)

    @classmethod
    def _note(cls, address: Any) -> None:
        if threading.current_thread() in cls.strangers:
            return
        where = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)
        cls.connected.append(where)
        if where not in cls.stated:
            raise ConnectionRefusedError(f"a test must not reach {where}")


@contextmanager
def checked_sockets(stated: Iterable[str]) -> Iterator[list[str]]:
    """Let every socket of the process note where it is connected; only `stated` is reached.

    Threads that other tests have left running do as they like.
    """
    CheckedSocket.strangers = {*threading.enumerate()} - {threading.current_thread()}
    CheckedSocket.stated, CheckedSocket.connected = set(stated), []
    with patch("socket.socket", CheckedSocket):
        yield CheckedSocket.connected


@contextmanager
def lying_lookup(answers: Mapping[str, list[list[str]]]) -> Iterator[list[str]]:
    """Let each lookup of a name give its next list of addresses, the last one for ever.

    A name that is not in `answers` is not found, unless it is a way to write a number.
    """
    real, asked = socket.getaddrinfo, list[str]()
    left = {name: list(lists) for name, lists in answers.items()}

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host)
        name = host.rstrip(".").lower()
        if name not in left:
            return real(host, port, *args, **kwargs)
        lists = left[name]
        addresses = lists.pop(0) if len(lists) > 1 else lists[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [_info(address, port) for address in addresses]

    with patch("socket.getaddrinfo", look_up):
        yield asked


def _info(address: str, port: int) -> Any:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))


@contextmanager
def memory_growth() -> Iterator[Callable[[], tuple[float, float]]]:
    """Tell by how much this process grew at its largest, and how large a child of it was, in MB.

    Children that other tests have left do not count, nor those that are this process still.
    """
    own = Path("/proc/self")
    others = set(" ".join(_children(own)).split())
    own_words = (own / "cmdline").read_bytes()
    (own / "clear_refs").write_text("5")  # the largest size begins anew (proc(5))
    before, children, is_over = _largest_mb(own), [0.0], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            for pid in set(" ".join(_children(own)).split()) - others:
                with suppress(OSError, StopIteration):  # it has just ended
                    child = Path("/proc") / pid
                    if (child / "cmdline").read_bytes() != own_words:
                        children.append(_largest_mb(child))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield lambda: (_largest_mb(own) - before, max(children))
    finally:
        is_over.set()
        watching.join()


def _children(process: Path) -> Iterator[str]:
    for listed in process.glob("task/*/children"):
        with suppress(OSError):
            yield listed.read_text()


def _largest_mb(process: Path) -> float:
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def tls_context(folder: Path, host: str, *, days_left: int = 2) -> ssl.SSLContext:
    """Return a server's context with a certificate for `host` that is its own authority.

    The certificate is at ``folder/<host>.pem``.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days_left)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - dt.timedelta(days=30))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    pem = certificate.public_bytes(encoding)
    (folder / f"{host}.pem").write_bytes(pem)
    both = folder / f"{host}.both"
    both.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context
