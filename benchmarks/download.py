"""Images per second and CPU time per image of the download, beside img2dataset in the same run.

python benchmarks/download.py [--json] [--quick] [--peer-python PATH] [--work FOLDER]

20,000 JPEGs of 1200×800 pixels and about 150 KB, each with its own bytes, from a server on loopback
(`download_server.py`) that is much cheaper than either client. They are made from the photographs
in the folder that COSMOP_SHARED_DATA names, else drawn.

Both clients have 64 downloads in flight and as many processes as the machine has cores, and do:

- *resize to 256*: the longer side to 256 pixels, white borders, JPEG of quality 95, SHA-256 of what
  came;
- *originals*: a full decode to validate, SHA-256, the bytes stored as they came. img2dataset does
  this with ``resize_mode=no, skip_reencode=True``; without validation it is faster
  (``disable_all_reencoding=True``), which is measured beside it and is no target.

Ours also honours robots.txt, keeps its journal, and makes thumbnails and perceptual hashes, as it
does by default; img2dataset need not read EXIF. The clients take turns; medians count. CPU time is
that of a client's process and all its children, from the call to its end, without the imports
before it. Peak memory is the largest sum over a client's processes of their proportional set size.

Both write to a file system in memory where the machine has one with enough room: what a disk's
file system takes to make a file was seen to change tenfold from minute to minute, for both.

*1,000 hosts* is ours with its defaults: all hosts at once, then with 5 % of them slow (three
seconds an answer, in drips) and 5 % failing (503, resets, no answer). Its rate is that of the
images of hosts without a fault until the last of them is stored; the whole run's stands beside it.

With --quick a host that is silent is waited for two seconds, not fifteen, and what the clients take
to start weighs more (img2dataset's four CPU seconds, ours one): its ratios are too good.

The physical limit is the CPU time of what no client can leave out: copying the bytes from the
loopback socket, their SHA-256, and the entropy decoding (measured as the smallest scaled decode).
"""

import argparse
import hashlib
import io
import itertools
import json
import os
import platform
import shutil
import socket
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from download_peers import PACKAGE, peer_python
from download_server import FILES, draw_photographs, serving
from PIL import Image
from watched_processes import run_watched

SEED = 0
CONNECTIONS = 64
OURS, PEER = "cosmop", "img2dataset"
CASES = {"resize to 256": "resize", "originals": "originals"}
NOT_VALIDATED = "originals, not validated"
FAULTY = ("slow", "slow", "slow", "busy", "reset", "silent")  # of 60 hosts: 5 % slow, 5 % fail
HERE = Path(__file__).parent
MEMORY = Path("/dev/shm")  # of Linux
VERSIONS = ("aiohttp", "pillow", "numpy", "simplejpeg")


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    images: int = 20_000
    files: int = FILES
    rounds: int = 3
    hosts: int = 1_000
    headers_s: float = 15.0  # how long one of many hosts may be silent; 15 is the default


QUICK = Size(images=500, files=60, rounds=1, hosts=120, headers_s=2.0)


@dataclass(frozen=True)
class Web:
    """The server, and what is downloaded from it."""

    folder: Path
    port: int
    server: psutil.Process
    peer: Path
    work: Path

    def start(
        self, client: str, setting: str, urls: list[str], headers_s: float = Size.headers_s
    ) -> dict[str, Any]:
        """Let a client download `urls` in processes of its own; return what it cost."""
        python, script = {
            OURS: (sys.executable, "download_ours.py"),
            PEER: (str(self.peer), "download_peers.py"),
        }[client]
        served = _cpu_seconds(self.server)
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            job = {
                **{"setting": setting, "urls": urls, "folder": folder},
                **{"connections": CONNECTIONS, "processes": os.cpu_count()},
                **{"address": f"127.0.0.1:{self.port}", "headers_s": headers_s},
            }
            result = run_watched([python, str(HERE / script)], job)
        result["rate"] = result["stored"] / result["seconds"]
        result["cpu_ms"] = 1e3 * result["cpu_s"] / len(urls)
        result["server_cpu_ms"] = 1e3 * (_cpu_seconds(self.server) - served) / len(urls)
        return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="fewer images, one round")
    parser.add_argument("--images", type=int, help="else 20,000")
    parser.add_argument("--rounds", type=int, help="else 3")
    parser.add_argument("--peer-python", type=Path, help="of an environment with img2dataset")
    parser.add_argument("--work", type=Path, help="where the downloads lie for a while")
    chosen = parser.parse_args()
    size = QUICK if chosen.quick else Size()
    size = replace(size, images=chosen.images or size.images, rounds=chosen.rounds or size.rounds)
    peer = peer_python(chosen.peer_python)
    work = chosen.work or _roomy_folder(size.images)
    with tempfile.TemporaryDirectory() as folder:
        draw_photographs(Path(folder), _photographs(), size.files, SEED)
        with serving(Path(folder)) as (port, process):
            web = Web(Path(folder), port, psutil.Process(process), peer, work)
            result = measure(web, size)
    print(json.dumps(result) if chosen.json else _table(result))


def measure(web: Web, size: Size) -> dict[str, Any]:
    """Let both clients take turns in both settings, then ours with many hosts."""
    limit_ms = limit_cpu_ms(web)
    cases = {name: _compare(web, setting, size, limit_ms) for name, setting in CASES.items()}
    not_validated = web.start(PEER, NOT_VALIDATED, _one_host(size.images, f"127.0.0.1:{web.port}"))
    hosts = _many_hosts(web, size, limit_ms)
    first = cases["resize to 256"]
    return {
        "name": "download",
        "unit": "images per second",
        **{key: first[key] for key in ("ours", "peers", "ratio", "limit_share")},
        "cases": cases | {f"{size.hosts:,} hosts, 5 % slow, 5 % failing": hosts},
        "not_validated": {PEER: _figures(not_validated)},
        "limit_cpu_ms": round(limit_ms, 3),
        "bytes_per_image": _mean_bytes(web.folder),
        "peak_memory_mb": max(case["peak_memory_mb"] for case in (*cases.values(), hosts)),
        "n": size.images,
        "rounds": size.rounds,
        "connections": CONNECTIONS,
        "in_memory": web.work == MEMORY,
        "seed": SEED,
        "device": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in VERSIONS} | dict([PACKAGE.split("==")]),
    }


def _compare(web: Web, setting: str, size: Size, limit_ms: float) -> dict[str, Any]:
    runs: dict[str, list[dict[str, Any]]] = {OURS: [], PEER: []}
    hosts = {OURS: "fine-0.example", PEER: f"127.0.0.1:{web.port}"}
    for _ in range(size.rounds):
        for client, done in runs.items():
            done.append(web.start(client, setting, _one_host(size.images, hosts[client])))
            if done[-1]["stored"] != size.images:
                raise AssertionError(f"{client} stored {done[-1]['stored']} of {size.images}.")
    ours, peer = ({key: _median(done, key) for key in done[0]} for done in runs.values())
    return {
        "ours": round(ours["rate"], 1),
        "peers": {PEER: round(peer["rate"], 1)},
        "ratio": {
            PEER: round(ours["rate"] / peer["rate"], 2),
            f"{PEER} in CPU time": round(peer["cpu_ms"] / ours["cpu_ms"], 2),
        },
        "limit_share": round(limit_ms / ours["cpu_ms"], 3),
        "cpu_ms_per_image": {OURS: round(ours["cpu_ms"], 2), PEER: round(peer["cpu_ms"], 2)},
        "peak_memory_mb": max(run["peak_memory_mb"] for run in runs[OURS]),
        "runs": {client: [_figures(run) for run in done] for client, done in runs.items()},
    }


def _many_hosts(web: Web, size: Size, limit_ms: float) -> dict[str, Any]:
    """Compare hosts of which some are slow and some fail with the same hosts, all well."""
    runs: dict[str, list[dict[str, Any]]] = {"clean": [], "mixed": []}
    for _ in range(size.rounds):
        for name, done in runs.items():
            urls = addresses_of_hosts(size, with_faults=name == "mixed")
            done.append(web.start(OURS, "originals", urls, size.headers_s))
            done[-1]["healthy_rate"] = done[-1]["healthy"] / done[-1]["healthy_s"]
    clean, mixed = ({key: _median(done, key) for key in done[0]} for done in runs.values())
    return {
        "ours": round(mixed["healthy_rate"], 1),
        "peers": {},
        "ratio": {"the clean rate": round(mixed["healthy_rate"] / clean["healthy_rate"], 3)},
        "limit_share": round(limit_ms / mixed["cpu_ms"], 3),
        "peak_memory_mb": max(run["peak_memory_mb"] for done in runs.values() for run in done),
        "whole_runs": {name: [_figures(run) for run in done] for name, done in runs.items()},
    }


def _one_host(count: int, host: str) -> list[str]:
    return [f"http://{host}/fine/{number}.jpg" for number in range(count)]


def addresses_of_hosts(size: Size, *, with_faults: bool) -> list[str]:
    """Return addresses that go round all hosts; with faults, a tenth of the hosts has one."""
    ways = FAULTY + ("fine",) * (9 * len(FAULTY)) if with_faults else ("fine",)
    hosts = [(ways[at % len(ways)], at) for at in range(size.hosts)]
    return [
        f"http://{way}-{at}.example/{way}/{number}.jpg"
        for number, (way, at) in zip(range(size.images), itertools.cycle(hosts), strict=False)
    ]


def limit_cpu_ms(web: Web, count: int = 100, turns: int = 3) -> float:
    """Return the least CPU time per image of copying, hashing and entropy decoding, in ms."""
    return min(_limit_once(web.port, count) for _ in range(turns))


def _limit_once(port: int, count: int) -> float:
    buffer = bytearray(1_000_000)
    start = time.process_time()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for number in range(count):
            connection.sendall(b"GET /fine/%d.jpg HTTP/1.1\r\nHost: limit\r\n\r\n" % number)
            content = _receive(connection, buffer)
            hashlib.sha256(content).digest()
            image = Image.open(io.BytesIO(content))
            image.draft("L", (1, 1))
            image.load()
    return 1e3 * (time.process_time() - start) / count


def _receive(connection: socket.socket, buffer: bytearray) -> memoryview:
    view = memoryview(buffer)
    got = connection.recv_into(buffer)
    head = buffer.index(b"\r\n\r\n") + 4
    length = int(bytes(buffer[:head]).partition(b"Content-Length: ")[2].split(b"\r")[0])
    while got < head + length:
        got += connection.recv_into(view[got:])
    return view[head : head + length]


def _roomy_folder(images: int) -> Path:
    """Return a folder in memory if it has room for twice the images, else the usual one."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2 * images * 200_000:
        return MEMORY
    return Path(tempfile.gettempdir())


def _photographs() -> list[Path]:
    shared = os.environ.get("COSMOP_SHARED_DATA")
    return sorted((Path(shared) / "photos").rglob("*.jpg")) if shared else []


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _mean_bytes(folder: Path) -> int:
    return round(statistics.mean(file.stat().st_size for file in folder.glob("*.jpg")))


def _figures(run: dict[str, Any]) -> dict[str, Any]:
    keys = ("rate", "healthy_rate", "stored", "seconds", "cpu_ms", "server_cpu_ms")
    return {key: round(run[key], 2) for key in (*keys, "peak_memory_mb") if key in run}


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return float(statistics.median(run[key] for run in runs))


def _table(result: dict[str, Any]) -> str:
    return "\n".join(f"{name:18} {value}" for name, value in result.items())


if __name__ == "__main__":
    main()
