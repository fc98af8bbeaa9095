"""A gallery on loopback that behaves like an image-search site and like the X API v2.

The demo study collects its own drawn images through this server, with the same code that collects
from the web; see `GalleryServer`. Open ``http://127.0.0.1:PORT/`` in a browser to look at it.
"""

import json
import logging
import mimetypes
import re
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import jinja2

from cosmop.demo.gallery_photos import Photo, Photos, query_words, thumbnail_of, words_of
from cosmop.demo.gallery_posts import (
    GALLERY_HOST,
    PROBLEMS,
    posts_between,
    posts_looked_up,
    posts_page,
)

logger = logging.getLogger(__name__)

API_HOST = "api.twitter.com"
TILES_PER_PAGE = 20

_LONGEST_FORM_BYTES = 10_000
_LARGEST_PAGES = {"tweets/search/recent": 100, "tweets/search/all": 500}
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True
)


class GalleryServer:
    """Serves `folder` on a free port of 127.0.0.1 while the context is open.

    Routes for people and scrapers (virtual host ``gallery.test``): ``/search?q=…&page=N``,
    ``/more?q=…&offset=N``, ``/photo/<file>``, ``/images/<file>``, ``/thumbs/<file>``, ``/consent``.
    Routes of the X API v2 (host ``api.twitter.com``): ``/2/tweets/search/recent``,
    ``/2/tweets/search/all`` and ``/2/tweets?ids=…``, which want `bearer_token`. Every answer is
    computed from the folder as it was at construction.

    Raises:
        InputError: See `Photos`.
    """

    def __init__(self, folder: Path, bearer_token: str = "demo") -> None:  # noqa: S107 - not a secret
        self._photos = Photos(Path(folder))
        self._bearer_token = bearer_token
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``; only while the server runs."""
        if self._server is None:
            raise RuntimeError("The gallery server has an address only while it runs.")
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def host_addresses(self) -> dict[str, str]:
        """What `cosmop.collecting` needs to reach this server under its virtual host names."""
        return {GALLERY_HOST: self.address, API_HOST: self.address}

    def start(self) -> Self:
        """Bind a free port and serve in a background thread; a second call changes nothing."""
        if self._server is None:
            self._server = _Server(self._photos, self._bearer_token)
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(0.05,), daemon=True
            )
            self._thread.start()
            logger.info("The gallery is at http://%s/", self.address)
        return self

    def stop(self) -> None:
        """Stop serving and free the port; a second call changes nothing."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, photos: Photos, bearer_token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.photos = photos
        self.bearer_token = bearer_token

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - inherited
        """Keep quiet; a client that hangs up is not worth a line."""
        logger.debug("A request to the gallery broke off", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for a delayed acknowledgement
    timeout = 30
    server: _Server
    routes: ClassVar[dict[str, str]] = {
        "": "_home",
        "search": "_search",
        "more": "_more",
        "consent": "_consent",
        "photo": "_photo_page",
        "images": "_image",
        "thumbs": "_thumbnail",
        "robots.txt": "_robots",
        "2": "_posts",
    }

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: one line per image would bury the study's own log."""

    def do_GET(self) -> None:
        """Answer one request by its first path segment."""
        parts = urlsplit(self.path)
        self.parameters = dict(parse_qsl(parts.query))
        first, _, self.rest = unquote(parts.path).lstrip("/").partition("/")
        getattr(self, self.routes.get(first, "_missing"))()

    def do_POST(self) -> None:
        """Accept the consent form."""
        length = self.headers.get("Content-Length", "0")
        size = min(int(length) if length.isdigit() else 0, _LONGEST_FORM_BYTES)
        self.parameters = dict(parse_qsl(self.rfile.read(size).decode(errors="replace")))
        self.rest = ""
        (self._consent if urlsplit(self.path).path == "/consent" else self._missing)()

    # Pages

    def _home(self) -> None:
        self._search() if not self.rest else self._missing()

    def _search(self) -> None:
        if not self._has_consented():
            return self._redirect(f"/consent?{urlencode({'next': self.path})}")
        query, page = self.parameters.get("q", ""), max(1, self._number("page", 1))
        photos = self.server.photos.search(set(words_of(query)), "search")
        start = (page - 1) * TILES_PER_PAGE
        tiles = self._tiles(photos[start : start + TILES_PER_PAGE])
        return self._page(
            "gallery_results.html",
            query=query,
            total=len(photos),
            tiles=tiles,
            page=page,
            next_offset=start + TILES_PER_PAGE,
            has_more=len(photos) > start + TILES_PER_PAGE,
        )

    def _more(self) -> None:
        photos = self.server.photos.search(set(words_of(self.parameters.get("q", ""))), "search")
        start = max(0, self._number("offset", 0))
        self._page("gallery_tiles.html", tiles=self._tiles(photos[start : start + TILES_PER_PAGE]))

    def _tiles(self, photos: list[Photo]) -> list[dict[str, Any]]:
        return [self._tile(photo) for photo in photos]

    def _tile(self, photo: Photo) -> dict[str, Any]:
        name, (width, height) = quote(photo.file), photo.size
        meta = {
            "image_url": f"{self._origin()}{photo.address}",
            "thumbnail_url": f"{self._origin()}/thumbs/{name}",
            "page_url": f"{self._origin()}/photo/{name}",
            "title": photo.title,
            "width": width,
            "height": height,
            "licence": photo.licence,
        }
        return {"photo": photo, "name": name, "meta": json.dumps(meta)}

    def _origin(self) -> str:
        host = self.headers.get("Host", "")
        own = f"127.0.0.1:{self.server.server_port}"
        return f"http://{host if host == own else GALLERY_HOST}"

    def _consent(self) -> None:
        wanted = self.parameters.get("next", "/search")
        is_local = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
        target = wanted if is_local else "/search"
        if self.parameters.get("agree") == "yes":
            return self._redirect(target, {"Set-Cookie": "consent=yes; Path=/; SameSite=Lax"})
        return self._page("gallery_consent.html", next=target)

    def _has_consented(self) -> bool:
        cookies = self.headers.get("Cookie", "").split(";")
        return "consent=yes" in (cookie.strip() for cookie in cookies)

    def _photo_page(self) -> None:
        photo = self.server.photos.by_file.get(self.rest)
        if photo is None:
            return self._missing()
        return self._page("gallery_photo.html", photo=photo, name=quote(photo.file))

    def _image(self) -> None:
        photo = self.server.photos.by_file.get(self.rest)
        if photo is None:
            return self._missing()
        kind = mimetypes.guess_type(photo.file)[0] or "application/octet-stream"
        return self._send(photo.path.read_bytes(), kind)

    def _robots(self) -> None:
        self._send(b"User-agent: *\nAllow: /\n", "text/plain; charset=utf-8")

    def _thumbnail(self) -> None:
        photo = self.server.photos.by_file.get(self.rest)
        if photo is None:
            return self._missing()
        return self._send(thumbnail_of(photo.path), "image/jpeg")

    # The X API v2

    def _posts(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {self.server.bearer_token}":
            return self._problem(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")
        if self.rest == "tweets":
            ids = self.parameters.get("ids", "").split(",")
            return self._json(posts_looked_up(self.server.photos, ids))
        if self.rest not in _LARGEST_PAGES:
            return self._problem(HTTPStatus.NOT_FOUND, "Not Found", "No such endpoint")
        return self._found_posts(_LARGEST_PAGES[self.rest])

    def _found_posts(self, largest_page: int) -> None:
        size = self._number("max_results", 10)
        token = self.parameters.get("next_token", "b0")
        if not 10 <= size <= largest_page or not re.fullmatch(r"b\d{1,9}", token):
            detail = "One or more parameters to your request was invalid."
            return self._problem(
                HTTPStatus.BAD_REQUEST, "Invalid Request", detail, f"{PROBLEMS}invalid-request"
            )
        words = query_words(self.parameters.get("query", ""))
        photos = posts_between(self.server.photos.search(words, "posts"), self.parameters)
        return self._json(posts_page(photos, int(token[1:]), size, self.parameters))

    # Answers

    def _number(self, name: str, default: int) -> int:
        text = self.parameters.get(name, "")
        return int(text) if re.fullmatch(r"-?\d{1,9}", text) else default

    def _problem(
        self, status: HTTPStatus, title: str, detail: str, kind: str = "about:blank"
    ) -> None:
        body = {"title": title, "type": kind, "status": int(status), "detail": detail}
        self._json(body, status)

    def _json(self, body: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(body).encode(), "application/json; charset=utf-8", status)

    def _page(self, template: str, **values: Any) -> None:
        text = _templates.get_template(template).render(**values)
        self._send(text.encode(), "text/html; charset=utf-8")

    def _missing(self) -> None:
        self._send(b"Not found", "text/plain; charset=utf-8", HTTPStatus.NOT_FOUND)

    def _redirect(self, target: str, headers: Mapping[str, str] | None = None) -> None:
        location = quote(target, safe="/?&=%+")
        self._send(
            b"", "text/plain", HTTPStatus.SEE_OTHER, {"Location": location, **(headers or {})}
        )

    def _send(
        self,
        body: bytes,
        kind: str,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
