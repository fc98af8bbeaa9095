"""A gallery on loopback that behaves like an image-search site and like the X API v2.

The demo study collects its own drawn images through this server, with the same code that collects
from the web; see `GalleryServer`. Open ``http://127.0.0.1:PORT/`` in a browser to look at it.
"""

import csv
import hashlib
import io
import json
import logging
import mimetypes
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import jinja2
from PIL import Image

from cosmop.errors import InputError

logger = logging.getLogger(__name__)

GALLERY_HOST = "gallery.test"
API_HOST = "api.twitter.com"
TILES_PER_PAGE = 20

_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_CHANNELS = {"search", "posts", "both"}
_STOP_WORDS = {"a", "an", "and", "at", "by", "in", "of", "on", "or", "the", "to", "with"}
_FIRST_PHOTO_AT = datetime(2024, 1, 1, tzinfo=UTC)
_THUMBNAIL_PX = (320, 240)
_FIRST_POST_ID = 1_800_000_000_000_000_000
_AUTHORS = ({"id": "7", "name": "Gallery", "username": "gallery"},)
_LONGEST_FORM_BYTES = 10_000
_LARGEST_PAGES = {"tweets/search/recent": 100, "tweets/search/all": 500}
_PROBLEMS = "https://api.twitter.com/2/problems/"
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True
)


@dataclass(frozen=True)
class Photo:
    """One image file of the gallery and its caption."""

    number: int
    path: Path
    title: str
    keywords: str
    licence: str
    channel: str
    taken_at: str

    @property
    def file(self) -> str:
        """The file name, unique in a gallery."""
        return self.path.name

    @cached_property
    def words(self) -> frozenset[str]:
        """What a query is compared with."""
        return frozenset(_words(f"{self.title} {self.keywords}"))

    @cached_property
    def address(self) -> str:
        """Path and query, another one for other content: an address stands for one picture."""
        version = hashlib.sha256(self.path.read_bytes()).hexdigest()[:8]
        return f"/images/{quote(self.file)}?v={version}"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as the file claims them; zeros where it claims nothing."""
        return _claimed_size(self.path)


def _words(text: str) -> list[str]:
    words = re.findall(r"[^\W_]+", text.casefold())
    return [word for word in words if word not in _STOP_WORDS]


def _query_words(query: str) -> set[str]:
    """Return the words of an X query; ``has:images``, ``-is:retweet``, ``OR`` are operators."""
    terms = [term.strip("()\"'") for term in query.split()]
    plain = [t for t in terms if ":" not in t and not t.startswith("-") and t not in ("OR", "AND")]
    return set(_words(" ".join(plain)))


@lru_cache(maxsize=100_000)
def _claimed_size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return (0, 0)


class Photos:
    """The photos of a folder: ``images/`` below it if there is one, else its own image files.

    ``captions.csv`` (columns file, title, keywords, licence, channel, taken_at; all but file may be
    missing) describes them; channel is ``search``, ``posts`` or ``both``. Without captions, the
    title is the file name and the channel is ``both``.

    Raises:
        InputError: No image in the folder, or a channel of another name.
    """

    def __init__(self, folder: Path) -> None:
        images = folder / "images"
        source = images if images.is_dir() else folder
        files = sorted(source.iterdir()) if source.is_dir() else []
        files = [file for file in files if file.suffix.lower() in _IMAGE_SUFFIXES]
        if not files:
            raise InputError(
                f"The gallery server wants a folder with JPEG, PNG or WebP files, but {folder} has "
                "none; draw the demo scenes first or name another folder."
            )
        captions = _read_captions(folder / "captions.csv")
        photos = [_photo(i, file, captions.get(file.name, {})) for i, file in enumerate(files)]
        self.by_file = {photo.file: photo for photo in photos}

    def search(self, words: set[str], channel: str) -> list[Photo]:
        """Return the photos of `channel` that share a word, most shared words first."""
        shared = [
            (len(words & photo.words), photo)
            for photo in self.by_file.values()
            if photo.channel in (channel, "both")
        ]
        ranked = sorted(shared, key=lambda item: (-item[0], item[1].file))
        return [photo for overlap, photo in ranked if overlap]


def _read_captions(file: Path) -> dict[str, dict[str, str]]:
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        return {row["file"]: row for row in csv.DictReader(lines)}


def _photo(number: int, path: Path, caption: Mapping[str, str]) -> Photo:
    channel = caption.get("channel") or "both"
    if channel not in _CHANNELS:
        raise InputError(
            f"The gallery server wants the channel search, posts or both in captions.csv, got "
            f"{channel!r} for {path.name}; correct that line."
        )
    return Photo(
        number,
        path,
        caption.get("title") or path.stem.replace("_", " "),
        caption.get("keywords") or "",
        caption.get("licence") or "",
        channel,
        _timestamp(caption.get("taken_at") or "", number),
    )


def _timestamp(text: str, number: int) -> str:
    """Return an API timestamp; without a readable one, a stable time of its own per photo."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _FIRST_PHOTO_AT + timedelta(minutes=number)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


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
        photos = self.server.photos.search(set(_words(query)), "search")
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
        photos = self.server.photos.search(set(_words(self.parameters.get("q", ""))), "search")
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
        return self._send(_thumbnail_of(photo.path), "image/jpeg")

    # The X API v2

    def _posts(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {self.server.bearer_token}":
            return self._problem(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")
        if self.rest == "tweets":
            ids = self.parameters.get("ids", "").split(",")
            return self._json(_posts_looked_up(self.server.photos, ids))
        if self.rest not in _LARGEST_PAGES:
            return self._problem(HTTPStatus.NOT_FOUND, "Not Found", "No such endpoint")
        return self._found_posts(_LARGEST_PAGES[self.rest])

    def _found_posts(self, largest_page: int) -> None:
        size = self._number("max_results", 10)
        token = self.parameters.get("next_token", "b0")
        if not 10 <= size <= largest_page or not re.fullmatch(r"b\d{1,9}", token):
            detail = "One or more parameters to your request was invalid."
            return self._problem(
                HTTPStatus.BAD_REQUEST, "Invalid Request", detail, f"{_PROBLEMS}invalid-request"
            )
        words = _query_words(self.parameters.get("query", ""))
        photos = _between(self.server.photos.search(words, "posts"), self.parameters)
        return self._json(_posts_page(photos, int(token[1:]), size, self.parameters))

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


@lru_cache(maxsize=2_000)
def _thumbnail_of(path: Path) -> bytes:
    """Return a small JPEG of a file; a grey tile where the file is no image."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", _THUMBNAIL_PX)
            small = image.convert("RGB")
            small.thumbnail(_THUMBNAIL_PX)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        small = Image.new("RGB", _THUMBNAIL_PX, (200, 200, 200))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _posts_page(
    photos: list[Photo], start: int, size: int, parameters: Mapping[str, str]
) -> dict[str, Any]:
    """Return one page of recent search as the API words it (docs.x.com, Posts search recent)."""
    shown = photos[start : start + size]
    if not shown:
        return {"meta": {"result_count": 0}}
    expansions = parameters.get("expansions", "").split(",")
    meta: dict[str, Any] = {
        "newest_id": max(map(_post_id, shown)),
        "oldest_id": min(map(_post_id, shown)),
        "result_count": len(shown),
    }
    if len(photos) > start + size:
        meta["next_token"] = f"b{start + size}"
    wanted = {
        *parameters.get("tweet.fields", "").split(","),
        *(e.split(".")[0] for e in expansions),
    }
    page: dict[str, Any] = {"data": [_post(photo, wanted) for photo in shown], "meta": meta}
    includes: dict[str, Any] = {}
    if "attachments.media_keys" in expansions:
        fields = set(parameters.get("media.fields", "").split(","))
        includes["media"] = [_media(photo, fields) for photo in shown]
    if "author_id" in expansions:
        includes["users"] = list(_AUTHORS)
    return {**page, "includes": includes} if includes else page


def _between(photos: list[Photo], parameters: Mapping[str, str]) -> list[Photo]:
    """Return the photos whose posts lie between ``since_id`` and ``until_id``, both left out."""
    low, high = parameters.get("since_id", "0"), parameters.get("until_id", "9" * 19)
    bounds = int(low) if low.isdecimal() else 0, int(high) if high.isdecimal() else 0
    return [photo for photo in photos if bounds[0] < int(_post_id(photo)) < bounds[1]]


def _posts_looked_up(photos: Photos, ids: list[str]) -> dict[str, Any]:
    """Return the posts that are there, and one error for each that is not."""
    known = {_post_id(photo): photo for photo in photos.by_file.values()}
    answer: dict[str, Any] = {
        "data": [_post(known[post_id], set()) for post_id in ids if post_id in known],
        "errors": [
            {
                "value": post_id,
                "resource_id": post_id,
                "resource_type": "tweet",
                "parameter": "ids",
                "title": "Not Found Error",
                "detail": f"Could not find tweet with ids: [{post_id}].",
                "type": f"{_PROBLEMS}resource-not-found",
            }
            for post_id in ids
            if post_id not in known
        ],
    }
    return {name: items for name, items in answer.items() if items}


def _post_id(photo: Photo) -> str:
    return str(_FIRST_POST_ID + photo.number)


def _post(photo: Photo, wanted: set[str]) -> dict[str, Any]:
    hashtags = " ".join(f"#{word}" for word in _words(photo.keywords))
    optional = {
        "created_at": photo.taken_at,
        "lang": "en",
        "possibly_sensitive": False,
        "author_id": _AUTHORS[0]["id"],
        "attachments": {"media_keys": [f"3_{_post_id(photo)}"]},
    }
    fixed = {
        "id": _post_id(photo),
        "edit_history_tweet_ids": [_post_id(photo)],
        "text": f"{photo.title} {hashtags}".strip(),
    }
    return fixed | {name: value for name, value in optional.items() if name in wanted}


def _media(photo: Photo, fields: set[str]) -> dict[str, Any]:
    width, height = photo.size
    optional = {
        "url": f"http://{GALLERY_HOST}{photo.address}",
        "width": width,
        "height": height,
        "alt_text": photo.title,
    }
    fixed = {"media_key": f"3_{_post_id(photo)}", "type": "photo"}
    return fixed | {name: value for name, value in optional.items() if name in fields}
