"""A server on loopback that speaks the part of the X API v2 that posts are collected by."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cosmop.collecting.posts.post_options import PostOptions

TOKEN = "AAAA%2Bs3cret-t0ken"
FAST = PostOptions(timeout_s=2.0, backoff_s=0.01, max_wait_s=2.0, retries=2, max_cost_usd=100.0)
_EPOCH_MS = 1288834974657
_SEARCHES = {"/2/tweets/search/recent": 100, "/2/tweets/search/all": 500}


def snowflake(days_ago: float = 0.0, later_ms: int = 0) -> int:
    """Return an id that X would have given a post `days_ago`, or so many milliseconds later."""
    return int((time.time() - days_ago * 86400) * 1000 - _EPOCH_MS + later_ms) << 22


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


class XServer:
    """Answers from `posts` (newest first), but for the next requests by `script`, if not empty."""

    def __init__(self) -> None:
        self.posts: dict[int, list[str]] = {}
        self.more: dict[int, dict[str, Any]] = {}
        self.gone: dict[str, str] = {}
        self.asked: list[Asked] = []
        self.script: list[Callable[[BaseHTTPRequestHandler], Any]] = []
        self.stored = b""
        self.results: list[dict[str, str]] = []
        self.job_states = ["complete"]
        self.is_open = threading.Event()
        self.is_open.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None: ...

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = Asked(
                    self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body
                )
                outer.asked.append(asked)
                outer.is_open.wait(20)
                (outer.script.pop(0) if outer.script else outer.answer)(self)

            do_POST = do_PUT = do_GET

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None: ...

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.hosts = {"api.twitter.com": self.address, "storage.test": self.address}
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def fill(self, count: int, days_ago: float = 0.0, photos: int = 1) -> list[int]:
        """Add posts, the first of them the newest; return their ids."""
        newest = snowflake(days_ago, later_ms=len(self.posts))  # no two fills share an id
        ids = [newest - number for number in range(count)]
        for post_id in ids:
            self.posts[post_id] = [f"3_{post_id}{photo}" for photo in range(photos)]
        return ids

    @property
    def searches(self) -> list[dict[str, str]]:
        """The parameters of all searches, in order."""
        return [asked.parameters for asked in self.asked if asked.path in _SEARCHES]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = self.asked[-1]
        if asked.path.startswith("/storage"):
            return self._storage(handler, asked)
        if asked.headers.get("Authorization") != f"Bearer {TOKEN}":
            return problem(401)(handler)
        if asked.path in _SEARCHES:
            return says(self._page(asked.parameters, _SEARCHES[asked.path]))(handler)
        if asked.path == "/2/tweets":
            return says(self._looked_up(asked.parameters["ids"].split(",")))(handler)
        return says({"data": self._job(asked)})(handler)

    def _page(self, given: dict[str, str], largest: int) -> dict[str, Any]:
        size = int(given["max_results"])
        assert 10 <= size <= largest
        assert "since_id" not in given or "start_time" not in given
        low = int(given.get("since_id", 0))
        high = int(given.get("next_token", given.get("until_id", 2**63)))
        ids = sorted((i for i in self.posts if low < i < high), reverse=True)
        shown = ids[:size]
        if not shown:
            return {"meta": {"result_count": 0}}
        meta = {"newest_id": str(shown[0]), "oldest_id": str(shown[-1]), "result_count": len(shown)}
        users = {"users": [{"id": "7", "name": "N", "username": "ana"}]}
        return {
            "data": [post(i, *self.posts[i], author_id="7", **self.more.get(i, {})) for i in shown],
            "includes": {"media": [photo(key) for i in shown for key in self.posts[i]]}
            | (users if "author_id" in given["expansions"] else {}),
            "meta": meta | ({"next_token": str(shown[-1])} if len(ids) > size else {}),
        }

    def _looked_up(self, ids: list[str]) -> dict[str, Any]:
        assert len(ids) <= 100
        there = [post(int(i), **self.more.get(int(i), {})) for i in ids if i not in self.gone]
        errors = [error(i, self.gone[i]) for i in ids if i in self.gone]
        return {"data": there} | ({"errors": errors} if errors else {})

    def _job(self, asked: Asked) -> dict[str, str]:
        url = {"upload_url": "https://storage.test/storage/up?signature=1"}
        if asked.method == "POST":
            return {"id": "55", "status": "created", "type": "tweets", **url}
        state = self.job_states.pop(0) if len(self.job_states) > 1 else self.job_states[0]
        return {"id": "55", "status": state, "download_url": "https://storage.test/storage/down"}

    def _storage(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        if asked.method == "PUT":
            self.stored = asked.body
        lines = "\n".join(json.dumps(row) for row in self.results)
        says(lines.encode() if asked.method == "GET" else b"")(handler)

    def close(self) -> None:
        self.is_open.set()
        self._server.shutdown()
        self._server.server_close()


def says(body: Any, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer; header names are written with ``_`` for ``-``."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def problem(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return says({"title": "T", "detail": "D", "type": "about:blank"}, status, **headers)


def post(number: int, *keys: str, **more: Any) -> dict[str, Any]:
    """Return a post as the API words it."""
    fixed = {"id": str(number), "edit_history_tweet_ids": [str(number)], "text": f"text {number}"}
    attached = {"attachments": {"media_keys": list(keys)}} if keys else {}
    return fixed | {"created_at": "2026-11-20T10:00:00.000Z"} | attached | more


def photo(key: str, **more: Any) -> dict[str, Any]:
    address = f"https://pbs.twimg.com/media/{key}.jpg"
    return {"media_key": key, "type": "photo", "url": address, "width": 800, "height": 600} | more


def error(post_id: str, kind: str) -> dict[str, str]:
    """Return a partial error as a look-up words it."""
    texts = {
        "deleted": ("resource-not-found", "Could not find tweet"),
        "protected": ("not-authorized-for-resource", "Sorry, you are not authorized"),
        "suspended": ("not-authorized-for-resource", "User has been suspended"),
        "strange": ("operational-disconnect", "try later"),
    }
    name, detail = texts[kind]
    return {
        "resource_id": post_id,
        "value": post_id,
        "title": "Not Found Error",
        "type": f"https://api.twitter.com/2/problems/{name}",
        "detail": f"{detail}: [{post_id}].",
    }
