"""Drawn images, the gallery on loopback, and servers that behave as a test tells them to."""

import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from cosmop.collecting.candidates import FoundImage, candidate_rows, candidate_table
from cosmop.collecting.posts.posts import PostSearch
from cosmop.collecting.providers.providers import Provider, providers_from
from cosmop.demo.gallery_server import GalleryServer

from .x_server import FAST, TOKEN, XServer

Answer = Callable[[BaseHTTPRequestHandler], None]

CAPTIONS = ["file,title,keywords,licence,channel,taken_at"] + [
    f"p{i:02}.jpg,Photo {i},market{' peru' if i % 2 else ''},CC0,"
    f"{('search', 'posts', 'both')[i % 3]},2024-05-01"
    for i in range(45)
]


def jpeg(seed: int, size: tuple[int, int] = (48, 36)) -> bytes:
    """Return a JPEG of noise that differs for every seed."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def candidates(*locations: str, kind: str = "url", **facts: Any) -> pd.DataFrame:
    """Return the candidates that a search would have made of `locations`."""
    found = [FoundImage(location, **facts) for location in locations]
    return candidate_table(candidate_rows(found, source="test", query="q", kind=kind))


@pytest.fixture(autouse=True)
def _quiet_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture(scope="session")
def gallery_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """45 photos: every word is "market", odd ones also "peru"; channels go round."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "images").mkdir()
    for number in range(45):
        (folder / f"images/p{number:02}.jpg").write_bytes(jpeg(number))
    (folder / "captions.csv").write_text("\n".join(CAPTIONS))
    return folder


@pytest.fixture(scope="session")
def gallery(gallery_folder: Path) -> Iterator[GalleryServer]:
    with GalleryServer(gallery_folder) as server:
        yield server


def shipped_providers() -> dict[str, Any]:
    """Return all of ``conf/base/providers`` as Kedro reads it: name to mapping."""
    folder = Path(__file__).parents[3] / "conf/base/providers"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yml"))]
    return {name: conf for text in texts for name, conf in yaml.safe_load(text).items()}


@pytest.fixture
def provider() -> Provider:
    """The gallery as a provider."""
    return providers_from(shipped_providers(), ["gallery"])[0]


class ScriptedServer:
    """Answers each path by its function, and remembers what it was asked."""

    def __init__(self) -> None:
        self.routes: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None: ...

            def do_GET(self) -> None:
                outer.requests.append(self.path)
                outer.headers.append(dict(self.headers))
                outer.routes[self.path.partition("?")[0]](self)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None: ...

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


def says(body: bytes, status: int = 200, kind: str = "image/jpeg", **headers: str) -> Answer:
    """Return an answer with `body`; header names are written with ``_`` for ``-``."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """Return an answer that is another one each time; the last one stays."""
    left = list(answers)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return answer


@pytest.fixture
def x() -> Iterator[XServer]:
    """The part of the X API that posts are collected by, without a post yet."""
    server = XServer()
    yield server
    server.close()


@pytest.fixture
def find(x: XServer, tmp_path: Path) -> Callable[..., Any]:
    """Ask one query with a search of its own, as a run of the pipeline does."""

    def ask(
        query: str = "peru",
        limit: int = 100,
        work: Path = tmp_path,
        language: str = "",
        **changed: Any,
    ) -> Any:
        options = FAST.model_copy(update=changed)
        with PostSearch(options, TOKEN, x.hosts, work) as search:
            return search.find(query, limit, language)

    return ask
