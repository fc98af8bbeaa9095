"""A labelling page on loopback, for people without a server: `AnnotationServer`.

Only who knows the token in the address gets anything but 403, and only under the names of this
machine; the page may ask nobody else for anything.
"""

import hmac
import json
import logging
import secrets
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlencode

from cosmop.errors import InputError, is_no_room
from cosmop.imaging.decoding import UnreadableImageError
from cosmop.labels.annotation_room import AnnotationRoom

logger = logging.getLogger(__name__)

_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_PAGE = {
    file.name: file
    for file in (resources.files("cosmop.labels") / "annotation_page").iterdir()
    if Path(file.name).suffix in _KINDS
}
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" '
    b'rx="4" fill="#2456c9"/><path d="M4 8l3 3 5-6" fill="none" stroke="#fff" stroke-width="2"/>'
    b"</svg>"
)
_LONGEST_BODY = 64_000
_GUARDS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NEVER_KEPT = {"Cache-Control": "no-store"}
_KEPT = {"Cache-Control": "private, max-age=86400, immutable"}  # an id is a checksum of content


@dataclass(frozen=True)
class _Reply:
    body: bytes
    kind: str = "application/json"
    status: HTTPStatus = HTTPStatus.OK
    caching: Mapping[str, str] | None = None


class _Refused(Exception):  # noqa: N818  # a reply on its way to the browser
    """A request cannot be served; the sentence is for the person at the page."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def _json(document: Any, status: HTTPStatus = HTTPStatus.OK) -> _Reply:
    return _Reply(json.dumps(document).encode(), status=status)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Tell of our own failures; that a browser went away is none."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            logger.exception("A request from %s failed", client_address)


class AnnotationServer:
    """Serves an `AnnotationRoom` on 127.0.0.1.

    Args:
        room: What it serves; closed with the server.
        port: 0 takes any free one.

    Raises:
        InputError: The port is taken.
    """

    def __init__(self, room: AnnotationRoom, port: int = 0) -> None:
        self.room = room
        self.token = secrets.token_urlsafe(24)
        handler = type("_Bound", (_Handler,), {"room": room, "token": self.token})
        try:
            self._http = _Listener(("127.0.0.1", port), handler)
        except OSError as error:
            raise InputError(
                f"The labelling page wants port {port} of this machine, but it cannot be had "
                f"({error.strerror}); give another one with --port, or 0 for any."
            ) from error
        self.port = int(self._http.server_address[1])

    def url(self, **query: str) -> str:
        """Return the page's address, for one person only."""
        asked = f"?{urlencode(query)}" if query else ""
        return f"http://127.0.0.1:{self.port}/{self.token}/{asked}"

    def serve(self) -> None:
        """Answer requests, one thread for each, until Ctrl-C."""
        self._http.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """Give the port back; every answer that was confirmed to the page is on the disk."""
        self._http.server_close()
        self.room.close()

    def __enter__(self) -> Self:
        """Serve in a thread, until the block ends."""
        threading.Thread(target=self.serve, daemon=True, name="annotation-server").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self.close()


class _Handler(BaseHTTPRequestHandler):
    room: AnnotationRoom
    token: str
    protocol_version = "HTTP/1.1"
    server_version = "cosmop"
    sys_version = ""
    timeout = 120

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, method: Callable[[], _Reply]) -> None:
        try:
            self._check_host()
            reply = method()
        except _Refused as refused:
            reply = _json({"error": str(refused)}, refused.status)
        except InputError as error:
            reply = _json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
        if reply.status is not HTTPStatus.OK:
            self.close_connection = True  # a body left unread would be taken for a request
        self._send(reply)

    def _check_host(self) -> None:
        """Refuse a request under another machine's name, to which a hostile page may have led."""
        if self.headers.get("Host") not in self._own_hosts():
            raise _Refused(HTTPStatus.FORBIDDEN, "This page is served under 127.0.0.1 only.")

    def _own_hosts(self) -> tuple[str, str]:
        port = self.connection.getsockname()[1]
        return f"127.0.0.1:{port}", f"localhost:{port}"

    def _place(self) -> tuple[str, dict[str, str]]:
        """Return the path below the token, and the query."""
        path, _, query = self.path.partition("?")
        token, _, place = path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            raise _Refused(
                HTTPStatus.FORBIDDEN,
                "This address is not that of the running server; open the one it has printed.",
            )
        return place, {name: values[0] for name, values in parse_qs(query).items()}

    def _get(self) -> _Reply:
        place, query = self._place()
        if place == "state":
            return _json(self._state(query))
        if place.startswith("image/"):
            return self._image(place.removeprefix("image/"))
        if place == "people":
            return _json({"people": self.room.people()})
        if place == "icon.svg":
            return _Reply(_ICON, "image/svg+xml")
        file = _PAGE.get(place or "index.html")
        if file is None:
            raise _Refused(HTTPStatus.NOT_FOUND, f"There is no page {place!r} here.")
        return _Reply(file.read_bytes(), f"{_KINDS[Path(file.name).suffix]}; charset=utf-8")

    def _state(self, query: Mapping[str, str]) -> dict[str, Any]:
        return self.room.state(query.get("annotator", ""), query.get("queue", "tasks"))

    def _image(self, image_id: str) -> _Reply:
        try:
            return _Reply(self.room.images.jpeg(image_id), "image/jpeg", caching=_KEPT)
        except KeyError as error:
            raise _Refused(HTTPStatus.NOT_FOUND, "This image is not in the set.") from error
        except UnreadableImageError as error:
            raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error

    def _post(self) -> _Reply:
        place, _ = self._place()
        if place != "events":
            raise _Refused(HTTPStatus.NOT_FOUND, f"Nothing is taken at {place!r}.")
        if self.headers.get("Origin") not in [f"http://{host}" for host in self._own_hosts()]:
            raise _Refused(HTTPStatus.FORBIDDEN, "Answers are taken from the page itself only.")
        if self.headers.get_content_type() != "application/json":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Answers come as JSON.")
        self._take(self._body())
        return _json({"saved": True})

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LONGEST_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The answer is too long.")
        return self.rfile.read(int(length))

    def _take(self, body: bytes) -> None:
        try:
            sent = json.loads(body)
        except ValueError as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, "The answer is not JSON.") from error
        if not isinstance(sent, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "The answer is not a JSON object.")
        try:
            self.room.take(sent)
        except OSError as error:
            full = is_no_room(error)
            status = HTTPStatus.INSUFFICIENT_STORAGE if full else HTTPStatus.SERVICE_UNAVAILABLE
            why = "the disk has no room for it; free some space" if full else str(error)
            raise _Refused(status, f"An answer could not be saved: {why}.") from error

    def _send(self, reply: _Reply) -> None:
        self.send_response(reply.status)
        for name, value in (_GUARDS | dict(reply.caching or _NEVER_KEPT)).items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Keep the terminal quiet."""
