"""A server that watches those who ask it."""

import asyncio
import contextlib
import math
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import Future

ROBOTS = "/robots.txt"
TDMREP = "/.well-known/tdmrep.json"


class WatchingServer:
    """Serves bodies by path, slowly if told to, and knows who was asked when and how often."""

    def __init__(self, bodies: dict[str, bytes], seconds: float = 0.0) -> None:
        self.bodies = bodies
        self.redirects: dict[str, str] = {}
        self.allowance = math.inf  # images asked for after so many wait until it is raised
        self.seconds = seconds
        self.requests: list[tuple[str, str, float]] = []  # host, path, time
        self.in_flight: Counter[str] = Counter()
        self.most_in_flight: defaultdict[str, int] = defaultdict(int)
        self._writers: set[asyncio.StreamWriter] = set()
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, str]] = Future()
        self._thread = threading.Thread(target=asyncio.run, args=[self._run(started)])
        self._thread.start()
        self._loop, self._stop, self.address = started.result()

    async def _run(self, started: Future) -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        started.set_result((asyncio.get_running_loop(), stop, f"127.0.0.1:{port}"))
        await stop.wait()
        server.close()
        self.allowance = math.inf
        for writer in self._writers:
            writer.close()
        await asyncio.sleep(0.1)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                path = head.split(" ", 2)[1]
                host = head.lower().partition("\r\nhost: ")[2].partition("\r\n")[0]
                await self._answer(host.partition(":")[0], path, writer)
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, host: str, path: str, writer: asyncio.StreamWriter) -> None:
        self.requests.append((host, path, time.monotonic()))
        self.in_flight[host] += 1
        self.most_in_flight[host] = max(self.most_in_flight[host], self.in_flight[host])
        if self.seconds:
            await asyncio.sleep(self.seconds)
        number = len(self.images_asked()) if self.allowance < math.inf else 0
        while number > self.allowance:
            await asyncio.sleep(0.01)
        body = self.bodies.get(path, b"")
        status = "200 OK" if path in self.bodies else "404 Not Found"
        if path in self.redirects:
            status = f"302 Found\r\nLocation: {self.redirects[path]}"
        self.in_flight[host] -= 1
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    def starts_at(self, host: str) -> list[float]:
        return [time for name, _, time in self.requests if name == host]

    def images_asked(self) -> list[str]:
        return [path for _, path, _ in self.requests if path not in (ROBOTS, TDMREP)]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
