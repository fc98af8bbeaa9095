"""Images per second and CPU time of HTTP/1.1 and HTTP/2 clients against one server, over TLS.

python benchmarks/http2.py [--json] [--write]

Needs ``aiohttp httpx[http2] hypercorn cryptography`` in the environment that runs it, which is not
the project's: HTTP/2 is not used, see docs/decisions/0009-no-http2.md, and this is why. The answers
are 150,000 random bytes, at once or 50 ms later; so many as politeness allows are in flight.
Clients take turns; medians count. CPU time is the client's.

With --write the table becomes docs/results/http2.md.
"""

import argparse
import asyncio
import datetime
import itertools
import json
import os
import platform
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import httpx  # type: ignore[import-not-found, unused-ignore]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypercorn.asyncio import serve  # type: ignore[import-not-found, unused-ignore]
from hypercorn.config import Config  # type: ignore[import-not-found, unused-ignore]

PAGE = Path(__file__).parents[1] / "docs/results/http2.md"
PORT = 8443
BODY = os.urandom(150_000)
IN_FLIGHT = (2, 4, 8)
DELAYS_S = (0.0, 0.05)
ROUNDS = 3
PACKAGES = ("aiohttp", "httpx", "h2", "hypercorn")
Fetch = Callable[[], Awaitable[None]]


def main() -> None:
    """Measure and print; or be the server, or one client, of a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve_from(chosen.serve))
    elif chosen.client:
        name, in_flight, delay_s = chosen.client
        print(json.dumps(asyncio.run(download(name, int(in_flight), float(delay_s)))))
    else:
        result = measure()
        if chosen.write:
            PAGE.write_text(page(result), encoding="utf-8")
        print(json.dumps(result) if chosen.json else page(result))


def measure() -> dict[str, Any]:
    """Let the clients take turns in processes of their own."""
    me = [sys.executable, __file__]
    runs: dict[tuple[float, int, str], list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_certificate(Path(folder))
        with subprocess.Popen([*me, "--serve", folder]) as server:
            time.sleep(2)
            try:
                for case in [*itertools.product(DELAYS_S, IN_FLIGHT, CLIENTS)] * ROUNDS:
                    delay_s, in_flight, name = case
                    words = [*me, "--client", name, str(in_flight), str(delay_s)]
                    done = subprocess.run(words, capture_output=True, check=True)
                    runs.setdefault(case, []).append(json.loads(done.stdout))
            finally:
                server.terminate()
    cases = [
        {"client": name, "delay_s": delay_s, "in_flight": in_flight}
        | {key: statistics.median(one[key] for one in done) for key in ("rate", "cpu_ms", "n")}
        for (delay_s, in_flight, name), done in runs.items()
    ]
    return {
        "name": "http2",
        "cases": cases,
        "rounds": ROUNDS,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in PACKAGES},
    }


async def download(name: str, in_flight: int, delay_s: float) -> dict[str, float]:
    """Fetch as often as there is time for, `in_flight` at once."""
    count = 30 * in_flight if delay_s else 400
    url = f"https://127.0.0.1:{PORT}/?{delay_s}"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    fetch, close = CLIENTS[name](url, context, in_flight)
    await fetch()  # the connection stands
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await fetch()

    start, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    await close()
    return {"rate": count / seconds, "cpu_ms": 1e3 * cpu_s / count, "n": count}


def _aiohttp(url: str, context: ssl.SSLContext, in_flight: int) -> tuple[Fetch, Fetch]:
    connector = aiohttp.TCPConnector(limit=in_flight, ssl=context)
    session = aiohttp.ClientSession(connector=connector)

    async def fetch() -> None:
        async with session.get(url) as answer:
            async for _ in answer.content.iter_any():
                pass

    return fetch, session.close


def _httpx(
    url: str, context: ssl.SSLContext, in_flight: int, *, is_new: bool
) -> tuple[Fetch, Fetch]:
    limits = httpx.Limits(max_connections=in_flight)
    client = httpx.AsyncClient(http2=is_new, http1=not is_new, verify=context, limits=limits)

    async def fetch() -> None:
        async with client.stream("GET", url) as answer:
            if answer.http_version != ("HTTP/2" if is_new else "HTTP/1.1"):
                raise AssertionError(f"The server spoke {answer.http_version}.")
            async for _ in answer.aiter_raw():
                pass

    return fetch, client.aclose


CLIENTS: dict[str, Callable[[str, ssl.SSLContext, int], tuple[Fetch, Fetch]]] = {
    "aiohttp, HTTP/1.1": _aiohttp,
    "httpx, HTTP/1.1": partial(_httpx, is_new=False),
    "httpx, HTTP/2": partial(_httpx, is_new=True),
}


async def serve_from(folder: Path) -> None:
    """Answer in both versions of HTTP until the process ends."""
    config = Config()
    config.bind = [f"127.0.0.1:{PORT}"]
    config.certfile, config.keyfile = str(folder / "cert.pem"), str(folder / "key.pem")
    config.alpn_protocols = ["h2", "http/1.1"]
    config.loglevel = "ERROR"
    await serve(answer, config)


async def answer(scope: dict[str, Any], _: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    """Answer one request, as late as its query says."""
    if scope["type"] != "http":
        return
    await asyncio.sleep(float(scope["query_string"] or b"0"))
    length = str(len(BODY)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": BODY})


def write_certificate(folder: Path) -> None:
    """Write a certificate that nobody has signed, for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
    encoding, style = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(encoding, style, serialization.NoEncryption())
    (folder / "cert.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(encoding))
    (folder / "key.pem").write_bytes(private)


def page(result: dict[str, Any]) -> str:
    """Return the page in Markdown."""
    head = ["client", "answers after", "in flight", "images/s", "CPU per image, ms", "n"]
    rows = [
        f"| {one['client']} | {1e3 * one['delay_s']:.0f} ms | {one['in_flight']} "
        f"| {one['rate']:.0f} | {one['cpu_ms']:.2f} | {one['n']:.0f} |"
        for one in sorted(result["cases"], key=lambda one: (one["delay_s"], one["in_flight"]))
    ]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return "\n".join(
        [
            "# HTTP/2 beside HTTP/1.1",
            "",
            f"Answers of {len(BODY):,} bytes over TLS on loopback; medians of {result['rounds']} "
            f"runs in turns of n images each. {result['date']}, {result['device']}; {versions}.",
            "",
            "```bash",
            "python benchmarks/http2.py --write",
            "```",
            "",
            f"| {' | '.join(head)} |",
            f"| --- |{' ---: |' * (len(head) - 1)}",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
