"""A real Chromium, the gallery, and pages that behave as a test tells them to."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cosmop.collecting.providers.browser import BrowserSearch
from cosmop.collecting.providers.chromium import (
    Chromium,
    ChromiumSettings,
    NoBrowserError,
    start_chromium,
)
from cosmop.collecting.providers.evidence import Evidence
from cosmop.demo.gallery_server import GalleryServer
from tests.browser.fixture_pages import FixtureServer, page_providers


class Pages:
    """Serves HTML by path; ``None`` never answers."""

    def __init__(self) -> None:
        self.html: dict[str, str | None] = {}
        self.requests: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None: ...

            def do_GET(self) -> None:
                outer.requests.append(self.path)
                html = outer.html.get(self.path.partition("?")[0], "nothing")
                if html is None:
                    outer.released.wait(10)
                    return
                body = html.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None: ...

        self.released = threading.Event()
        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def pages() -> Iterator[Pages]:
    served = Pages()
    yield served
    served.close()


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GalleryServer]:
    """300 drawn photos of a street; the third of them has "market" in its name, too."""
    folder: Path = tmp_path_factory.mktemp("gallery")
    for number in range(300):
        name = f"street_{'market_' if number == 3 else ''}{number:03}.png"
        Image.new("RGB", (40, 40), (number % 256, number // 256, 0)).save(folder / name)
    with GalleryServer(folder) as server:
        yield server


@pytest.fixture(scope="session")
def fixture_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FixtureServer]:
    with FixtureServer(tmp_path_factory.mktemp("certificate")) as server:
        yield server


@pytest.fixture(scope="session")
def start(
    gallery: GalleryServer, pages: Pages, fixture_pages: FixtureServer
) -> Callable[..., Chromium]:
    """Start a Chromium that reaches the fixture pages of every provider, and two hosts more.

    The gallery's own server is reached as ``photos.test``, for ``gallery.test`` has fixture pages.
    """
    hosts = [host for p in page_providers().values() for host in p.reachable_hosts]
    addresses = {"photos.test": gallery.address, "pages.test": pages.address}
    settings = ChromiumSettings(
        hosts,
        {**fixture_pages.host_addresses, **addresses},
        deadline_s=60,  # a busy machine may take its time
        arguments=[f"--ignore-certificate-errors-spki-list={fixture_pages.key_digest}"],
    )
    return partial(start_chromium, settings)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pages that were not understood."""
    return tmp_path_factory.mktemp("work") / "pages"


@pytest.fixture(scope="session")
def browser(start: Callable[..., Chromium], kept: Path) -> Iterator[BrowserSearch]:
    """One Chromium for all tests."""
    try:
        search = BrowserSearch(start, Evidence(kept))
    except NoBrowserError as error:
        pytest.skip(str(error))
    with search:
        yield search
