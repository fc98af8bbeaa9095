"""The web that the download benchmarks fetch from: one process on loopback, cheaper than clients.

python benchmarks/download_server.py FOLDER

It keeps the JPEGs of FOLDER in memory, prints its port, and answers until its standard input
closes. ``/fine/17.jpg`` is one of the files with the 17 in a comment, and with a few numbers of its
quantisation table changed by the 17: every address has different bytes, and a slightly different
picture, so that none is the same when it is resized. The first part of the path says how the answer
comes: ``fine`` at once; ``slow`` in drips over three seconds; ``busy`` with 503; ``reset`` with a
reset; ``silent`` never. A host named ``slow-5.example`` gives its robots.txt and its tdmrep.json,
which allow all, in the same way.
"""

import asyncio
import random
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE_PX = (1200, 800)
FILES = 300
_SLOW_S = 3.0
_DRIPS = 12
_SITE_FILES = {"/robots.txt": b"User-agent: *\nAllow: /\n", "/.well-known/tdmrep.json": b"[]"}
_LOW_FREQUENCIES = (1, 2, 4)  # in zigzag order: what a decode at a quarter of the size still uses
_STEPS = 5  # 125 pictures of each file
_SEND_BUFFER = 2_000_000  # a whole answer: the server then sends each with one call
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time
_QUALITIES = (80, 85, 90, 92)
_SUBSAMPLING = ("4:2:0", "4:2:0", "4:2:0", "4:2:2", "4:4:4")
_PROGRESSIVE_SHARE = 0.15

_File = tuple[bytes, bytes, bytes]  # before its first quantisation table, the table, after it


def draw_photographs(folder: Path, photographs: list[Path], count: int, seed: int) -> None:
    """Write `count` JPEGs of `SIZE_PX` with mean 150 KB, as different as files of the web are.

    Args:
        folder: Where the files go.
        photographs: Crops of these, enlarged, with the noise of a sensor; where there are none,
            smooth random pictures.
        count: How many.
        seed: Of crops, noise, quality, subsampling and progressive files.
    """
    chance = np.random.default_rng(seed)
    pick = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture = _crop(pick.choice(photographs), pick) if photographs else _smooth(chance)
        pixels = np.asarray(picture.resize(SIZE_PX, Image.Resampling.BICUBIC), dtype=np.float32)
        noise = chance.normal(0, pick.uniform(0.5, 3.2), pixels.shape).astype(np.float32)
        Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(
            folder / f"{number:04}.jpg",
            quality=pick.choice(_QUALITIES),
            subsampling=pick.choice(_SUBSAMPLING),
            progressive=pick.random() < _PROGRESSIVE_SHARE,
        )


def _crop(photograph: Path, pick: random.Random) -> Image.Image:
    image = Image.open(photograph).convert("RGB")
    width = round(min(image.width, image.height * 3 / 2) * pick.uniform(0.7, 1))
    height = round(width * 2 / 3)
    left = pick.randint(0, image.width - width)
    top = pick.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height))


def _smooth(chance: np.random.Generator) -> Image.Image:
    return Image.fromarray(chance.integers(0, 256, (20, 30, 3), dtype=np.uint8))


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, int]]:
    """Serve the files of `folder` in a process of its own; yields its port and process id."""
    with subprocess.Popen(
        [sys.executable, __file__, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        yield int(process.stdout.readline()), process.pid
        process.stdin.close()


class _Answers(asyncio.Protocol):
    """One connection: finds requests in what comes, and answers each in its way."""

    def __init__(self, files: list[_File]) -> None:
        self._files = files
        self._unread = b""
        self._loop = asyncio.get_running_loop()
        self._ways: dict[str, Callable[[bytes], None]] = {
            "slow": self._drip,
            "busy": self._refuse,
            "reset": self._reset,
            "silent": lambda _: None,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while b"\r\n\r\n" in self._unread:
            head, _, self._unread = self._unread.partition(b"\r\n\r\n")
            self._answer(head.decode("latin-1"))

    def _answer(self, head: str) -> None:
        path = head.split(" ", 2)[1]
        self._closes = "onnection: close" in head
        if path in _SITE_FILES:
            way, kind, parts = _host(head).partition("-")[0], "text/plain", [_SITE_FILES[path]]
        else:
            _, way, name = path.split("/")
            kind, parts = "image/jpeg", self._image(int(name.removesuffix(".jpg")))
        length = sum(map(len, parts))
        headers = f"Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        answer = b"".join((b"HTTP/1.1 200 OK\r\n", headers.encode(), *parts))
        self._ways.get(way, self._send)(answer)

    def _image(self, number: int) -> list[bytes]:
        """Return the parts of a file: its own, and those that `number` changes."""
        turn, which = divmod(number, len(self._files))
        before, table, after = self._files[which]
        changed = bytearray(table)
        for place in _LOW_FREQUENCIES:
            turn, more = divmod(turn, _STEPS)
            changed[place] += more
        return [b"\xff\xd8\xff\xfe\x00\x0a", b"%08d" % number, before, bytes(changed), after]

    def _send(self, answer: bytes) -> None:
        self._transport.write(answer)
        if self._closes:
            self._transport.close()

    def _drip(self, answer: bytes) -> None:
        length = len(answer) // _DRIPS + 1
        for drip in range(_DRIPS):
            part = answer[drip * length : (drip + 1) * length]
            send = self._send if drip == _DRIPS - 1 else self._transport.write
            self._loop.call_later(_SLOW_S * (drip + 1) / _DRIPS, send, part)

    def _refuse(self, _: bytes) -> None:
        self._send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")

    def _reset(self, _: bytes) -> None:
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()


def _host(head: str) -> str:
    return head.lower().partition("\r\nhost:")[2].partition("\r\n")[0].strip()


def _split(content: bytes) -> _File:
    """Split a JPEG around its first quantisation table (ITU-T T.81, B.2.4.1); drop its SOI."""
    start = content.index(b"\xff\xdb") + 5
    return content[2:start], content[start : start + 64], content[start + 64 :]


async def _serve(folder: Path) -> None:
    files = [_split(file.read_bytes()) for file in sorted(folder.glob("*.jpg"))]
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    server: Any = await asyncio.get_running_loop().create_server(
        lambda: _Answers(files), sock=listening, backlog=4096
    )
    print(listening.getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
