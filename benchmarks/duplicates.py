"""Seconds of one core for all pairs of 64-bit hashes within a radius, beside faiss and imagededup.

python benchmarks/duplicates.py [--json] [--quick]
python benchmarks/duplicates.py --count 10000000 --radius 8

Random hashes, a tenth of them copies of others with up to as many bits changed as the radius. Every
contender finds every pair: faiss's multi-index with ``nflip = floor(radius / nhash)`` is exact, in
the better of two layouts. Contenders take turns, and medians of CPU seconds count. A peer that
would need minutes answers a part of the queries, as many as it manages in about a second, and its
time is that of building its index and of the queries in proportion (``queries_run`` says how many).
All pairs of these queries must be those that we found. Peak memory is that of a process of its own
that does nothing but our search, its hashes included.

The physical limit is comparing all pairs at the pace at which this machine takes the exclusive or,
counts the bits and compares, in its cache. A join may be above 100 % of it, because it need not
compare all pairs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from duplicate_peers import MULTI, PEERS, Hashes, Near, Peer

from cosmop.imaging.hamming_join import pairs_within

SEED = 0
ROUNDS = 3
SECONDS_PER_PEER = 1.0
FULL = ((22_000, 4), (22_000, 8), (100_000, 4), (100_000, 8), (1_000_000, 4), (1_000_000, 8))
QUICK = ((22_000, 4), (22_000, 8), (100_000, 8))
ALONE = ((10_000_000, 4), (10_000_000, 8))  # our own search only
ALONE_QUICK = ((1_000_000, 4),)

Sizes = tuple[tuple[int, int], ...]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="fewer hashes")
    parser.add_argument("--count", type=int, help="our search alone, of so many hashes")
    parser.add_argument("--radius", type=int, default=4, help="bits, with --count")
    chosen = parser.parse_args()
    if chosen.count:
        print(json.dumps(search_alone(chosen.count, chosen.radius)))
        return
    sizes = (QUICK, ALONE_QUICK) if chosen.quick else (FULL, ALONE)
    result = measure(*sizes)
    print(json.dumps(result) if chosen.json else _table(result))


def measure(sizes: Sizes, alone: Sizes) -> dict[str, Any]:
    """Let all contenders search at `sizes` (count, radius), and ours by itself at `alone`."""
    pace = _seconds_per_pair()
    compared = {_name(*size): compare(*size, pace) for size in sizes}
    by_itself = {f"{_name(*size)}, alone": _start_alone(*size, pace) for size in alone}
    last = compared[_name(*sizes[-1])]
    return {
        "name": "duplicates",
        "unit": "seconds of one core",
        **{key: last[key] for key in ("ours", "peers", "ratio", "limit_share")},
        "cases": compared | by_itself,
        "peak_memory_mb": max(case["peak_memory_mb"] for case in by_itself.values()),
        "n": sizes[-1][0],
        "radius_bits": sizes[-1][1],
        "n_of_peak_memory": alone[-1][0],
        "seed": SEED,
        "device": "cpu, one thread",
        "versions": {name: version(name) for name in ("numpy", "faiss-cpu", "imagededup")},
    }


def compare(count: int, radius: int, pace: float) -> dict[str, Any]:
    """Let ours and all peers that are up to this size take turns; assert that pairs are equal."""
    hashes = draw_hashes(count, radius)
    peers = {
        name: _Runner(peer, hashes, radius) for name, (peer, most) in PEERS.items() if count <= most
    }
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        i, j, _ = pairs_within(hashes, radius)
        seconds.append(time.process_time() - start)
        for name, peer in peers.items():
            peer.run_once()
            if not peer.finds_those(i, j):
                raise AssertionError(
                    f"{name} and cosmop find other pairs at {_name(count, radius)}."
                )
    ours = statistics.median(seconds)
    times = _best_layout({name: peer.seconds() for name, peer in peers.items()})
    return {
        "ours": ours,
        "peers": times,
        "ratio": {name: spent / ours for name, spent in times.items()},
        "limit_share": _all_pairs(count) * pace / ours,
        "pairs": len(i),
        "queries_run": {name: peer.queries for name, peer in peers.items()},
    }


def _best_layout(times: dict[str, float]) -> dict[str, float]:
    """Keep the faster of faiss's layouts under one name."""
    multi = [spent for name, spent in times.items() if name.startswith(MULTI)]
    others = {name: spent for name, spent in times.items() if not name.startswith(MULTI)}
    return {MULTI: min(multi), **others}


def search_alone(count: int, radius: int) -> dict[str, Any]:
    """Search once in this process, which has done nothing else."""
    hashes = draw_hashes(count, radius)
    start, cpu_start = time.perf_counter(), time.process_time()
    pairs = len(pairs_within(hashes, radius)[0])
    return {
        "n": count,
        "radius_bits": radius,
        "pairs": pairs,
        "ours": time.process_time() - cpu_start,
        "wall_s": time.perf_counter() - start,
        "peak_memory_mb": _peak_memory_mb(),
    }


def draw_hashes(count: int, radius: int) -> Hashes:
    """Draw random hashes; a tenth are another one with up to `radius` bits changed."""
    rng = np.random.default_rng(SEED)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    of, at = rng.integers(0, count, (2, count // 10))
    copies = hashes[of]
    for _ in range(radius):
        bit = np.uint64(1) << rng.integers(0, 64, len(of), dtype=np.uint64)
        copies ^= np.where(rng.random(len(of)) < 0.5, bit, np.uint64(0))
    hashes[at] = copies
    return hashes


class _Runner:
    """One peer at one size: its index, and as many queries as it answers in a second."""

    def __init__(self, peer: Peer, hashes: Hashes, radius: int) -> None:
        self._peer, self._hashes, self._radius = peer, hashes, radius
        self.queries = self._affordable()
        self._build: list[float] = []
        self._search: list[float] = []
        self._found: Near = []

    def _affordable(self) -> int:
        query = self._peer(self._hashes, self._radius)
        number, spent = 4, 0.0
        while spent < SECONDS_PER_PEER / 4 and number < len(self._hashes):
            number = min(4 * number, len(self._hashes))
            start = time.process_time()
            query(0, number)
            spent = time.process_time() - start
        return number

    def run_once(self) -> None:
        start = time.process_time()
        query = self._peer(self._hashes, self._radius)
        built = time.process_time()
        self._found = query(0, self.queries)
        self._build.append(built - start)
        self._search.append(time.process_time() - built)

    def finds_those(self, i: Any, j: Any) -> bool:
        ends = np.concatenate([np.stack([i, j], axis=1), np.stack([j, i], axis=1)])
        wanted = ends[ends[:, 0] < self.queries]
        return sorted(self._found) == sorted(map(tuple, wanted.tolist()))

    def seconds(self) -> float:
        """Return the CPU seconds of building the index and answering all queries."""
        share = self.queries / len(self._hashes)
        return statistics.median(self._build) + statistics.median(self._search) / share


def _seconds_per_pair() -> float:
    one, other = np.random.default_rng(SEED).integers(0, 2**64, (2, 1 << 15), dtype=np.uint64)
    bits, number = np.empty_like(one), np.empty(len(one), np.uint8)
    fastest = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(300):
            np.bitwise_xor(one, other, out=bits)
            np.bitwise_count(bits, out=number)
            (number <= 8).any()
        fastest = min(fastest, time.process_time() - start)
    return fastest / (300 * len(one))


def _all_pairs(count: int) -> float:
    return count * (count - 1) / 2


def _start_alone(count: int, radius: int, pace: float) -> dict[str, Any]:
    command = [sys.executable, __file__, "--count", str(count), "--radius", str(radius)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    share = _all_pairs(count) * pace / result["ours"]
    return result | {"peers": {}, "ratio": {}, "limit_share": share}


def _peak_memory_mb() -> int | None:
    """Return this process's own peak; `getrusage` would include what it was forked from."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return round(int(lines["VmHWM"].split()[0]) / 1024)


def _name(count: int, radius: int) -> str:
    return f"{count:,} hashes, {radius} bits"


def _table(result: dict[str, Any]) -> str:
    lines = []
    for name, case in result["cases"].items():
        lines.append(f"{name}: {case['ours']:.3f} s, {case['pairs']:,} pairs")
        lines += [
            f"    {peer:32} {spent:10.3f} s   {case['ratio'][peer]:10.1f} times ours"
            for peer, spent in case["peers"].items()
        ]
    return "\n".join([*lines, f"peak memory {result['peak_memory_mb']} MB"])


if __name__ == "__main__":
    main()
