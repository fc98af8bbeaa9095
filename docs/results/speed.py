"""Keep what a benchmark printed, and write the page of speeds beside peers.

python benchmarks/frechet.py --json | python docs/results/speed.py
"""

import datetime
import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stylegan2 import commit_of_code

from cosmop.reports.tables import markdown_table

HERE = Path(__file__).parent
KEPT = HERE / "speed.json"


def main() -> None:
    """Read one benchmark's last line from standard input; write the page anew."""
    printed = json.loads(sys.stdin.read().strip().splitlines()[-1])
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    made = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit_of_code(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {_processor()}",
        "python": platform.python_version(),
    }
    kept[printed["name"]] = made | {"printed": printed}
    text = json.dumps(kept, indent=1, sort_keys=True, allow_nan=False)
    KEPT.write_text(text + "\n", encoding="utf-8")
    (HERE / "speed.md").write_text(page(kept), encoding="utf-8")


def _processor() -> str:
    """Return the processor's name where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def page(kept: Mapping[str, Any]) -> str:
    """Return the page in Markdown."""
    parts = [
        "# Speed beside peers",
        "Ratios say how many times faster than the peer in the same run; machines are shared, so "
        "ratios travel and seconds do not. *Share of the limit*: of the arithmetic rate that the "
        "machine reached on plain matrix products or convolutions in that run; of `phash`, of "
        "entropy decoding alone, which no hash of a JPEG can do without; of `duplicates`, of the "
        "time of comparing all pairs, which a join need not do, so that it exceeds 100 %; of "
        "`download`, of the CPU time of copying, SHA-256 and entropy decoding alone.\n\n"
        "```bash\npython benchmarks/frechet.py --json | python docs/results/speed.py\n```",
    ]
    for name, one in sorted(kept.items()):
        printed = one["printed"]
        head = (
            f"{one['date']}, commit {one['commit'][:8]}, {one['machine']}, "
            f"Python {one['python']}; unit: {printed['unit']}; n = {printed['n']}, seed "
            f"{printed['seed']}; peak memory {printed['peak_memory_mb']:,} MB."
        )
        table = markdown_table(_HEAD, [_row(*case) for case in _cases(printed)])
        parts.append(f"## {name}\n\n{head}\n\n{table}")
    return "\n\n".join(parts) + "\n"


_HEAD = ["case", "ours", "times faster than", "share of the limit", "relative error, ours"]


def _cases(printed: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    inner = printed.get("cases") or printed.get("variants")
    if inner:
        return [(name, case, printed) for name, case in inner.items()]
    return [(f"n = {printed['n']:,}", printed, printed)]


def _row(name: str, case: Mapping[str, Any], printed: Mapping[str, Any]) -> list[str]:
    ratio = case["ratio"]
    ratios = ratio if isinstance(ratio, Mapping) else dict.fromkeys(printed["peers"], ratio)
    error = case.get("relative_error", case.get("variance_error"))
    if isinstance(error, Mapping):
        error = error.get("cosmop", error.get("ours"))
    ours = case.get("ours", case.get("images_per_second"))
    return [
        name,
        f"{ours:.4g}",
        "; ".join(f"{peer.replace('_', ' ')} {value:.3g}" for peer, value in ratios.items()),
        f"{case['limit_share']:.0%}",
        "" if error is None else f"{error:.1e}",
    ]


if __name__ == "__main__":
    main()
