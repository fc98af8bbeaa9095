"""A real Chromium, the gallery, and pages that behave as a test tells them to."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cosmop.collecting.browser import BrowserSearch, start_browser
from cosmop.demo.gallery_server import GalleryServer


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
def browser(gallery: GalleryServer, pages: Pages) -> Iterator[BrowserSearch]:
    """One Chromium for all tests; a busy machine may take its time to start it."""
    hosts = {**gallery.host_addresses, "pages.test": pages.address}
    started = start_browser(hosts, deadline_s=60)
    if started is None:
        pytest.skip("no Chromium with chromedriver can be started here")
    with started:
        yield started
