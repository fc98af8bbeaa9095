"""Everything about StyleGAN2 that only a GPU can tell, in one command and a limited time.

python benchmarks/gpu_suite.py [--minutes 9] [--write] [--to docs/results] [--commit TEXT]

Each section gets a share of the minutes left, leaves out what no longer fits and says so; a section
that fails is reported and stops no other. Tables are printed as they come; `gpu.json` is written
after each section, and with `--write` the page `gpu.md` beside it. Without a GPU a subset runs on
the CPU, in a few minutes, and says so. Figures of a GPU are never overwritten by those of a CPU.
Where the package is not installed, set PYTHONPATH=src.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from gpu_checks import gradients, parity, resume
from gpu_section import PROJECT, Budget, Section, Work
from gpu_speed import speed, training

from cosmop.reports.tables import markdown_table

CPU_MINUTES = 4.0
SECTIONS: dict[str, tuple[float, Work]] = {  # with shares of the time; what is left goes on
    "parity": (0.04, parity),
    "gradients": (0.3, gradients),
    "resume": (0.06, resume),
    "training": (0.15, training),
    "speed": (0.45, speed),
}


def main() -> int:
    """Parse the command line, measure, print, write; return 1 if a section failed."""
    os.environ["TQDM_DISABLE"] = "1"
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--only", nargs="+", help="names of sections")
    parser.add_argument("--write", action="store_true", help="the page, too")
    parser.add_argument("--to", type=Path, default=PROJECT / "docs" / "results")
    parser.add_argument("--commit", help="what to call the code where there is no git")
    chosen = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    minutes = chosen.minutes if device.type == "cuda" else min(chosen.minutes, CPU_MINUTES)
    shares = {name: part for name, part in SECTIONS.items() if name in (chosen.only or SECTIONS)}
    document = {"machine": machine(device, chosen.commit), "minutes": minutes, "sections": []}
    print(_heading(document["machine"]), flush=True)

    def finish(section: Section) -> None:
        print("\n" + markdown(section), flush=True)
        document["sections"].append(asdict(section))
        keep(document, chosen.to, page=chosen.write)

    return int(run(shares, device, minutes * 60, finish))


def run(
    sections: Mapping[str, tuple[float, Work]],
    device: torch.device,
    seconds: float,
    finish: Callable[[Section], None],
) -> bool:
    """Do each section in its share of the time that is left; tell whether one failed."""
    end, weight, has_failed = (
        time.monotonic() + seconds,
        sum(share for share, _ in sections.values()),
        False,
    )
    for name, (share, work) in sections.items():
        start = time.monotonic()
        budget = Budget(device, start + (end - start) * share / weight)
        weight -= share
        try:
            if budget.left() <= 0:
                section = Section(name, "", remarks=["Left out: no time was left."])
            else:
                section = work(budget)
        except Exception as error:  # noqa: BLE001  whatever it is, the others go on
            has_failed = True
            section = Section(name, "", remarks=[f"**Failed**: {_reason(error)}"])
            traceback.print_exc()
        section.seconds = round(time.monotonic() - start, 1)
        finish(section)
    return has_failed


def machine(device: torch.device, commit: str | None = None) -> dict[str, str]:
    """Name the device, the versions, the day and the code."""
    is_cuda = device.type == "cuda"
    return {
        "kind": device.type,
        "device": torch.cuda.get_device_name(device) if is_cuda else _processor(),
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda) if is_cuda else "none",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit or _commit(),
    }


def _processor() -> str:
    return f"CPU, {torch.get_num_threads()} of {os.cpu_count()} cores; **no GPU was there**"


def _commit() -> str:
    def git(*command: str) -> str:
        return subprocess.run(
            ["git", *command], cwd=PROJECT, check=True, capture_output=True, text=True
        ).stdout.strip()  # fmt: skip

    try:
        changed = git("status", "--porcelain", "--", "src", "benchmarks")
        return git("rev-parse", "HEAD")[:12] + (" with uncommitted changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown: there is no git repository"


def _reason(error: Exception) -> str:
    text = str(error).strip() or "no message"
    return f"{type(error).__name__}: {text.splitlines()[0][:300]}"


def keep(document: Mapping[str, Any], folder: Path, *, page: bool) -> None:
    """Write `gpu.json`, and the page if asked for, unless that would replace a GPU's figures."""
    figures = folder / "gpu.json"
    if document["machine"]["kind"] != "cuda" and figures.exists():
        there = json.loads(figures.read_text(encoding="utf-8"))
        if there["machine"]["kind"] == "cuda":
            print(f"\n{figures} has a GPU's figures and stays; give --to another folder.")
            return
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, allow_nan=False, default=str)
    figures.write_text(text + "\n", encoding="utf-8")
    if page:
        sections = [markdown(Section(**section)) for section in document["sections"]]
        parts = ["# On a GPU", _heading(document["machine"]), *sections]
        (folder / "gpu.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _heading(machine: Mapping[str, str]) -> str:
    return (
        f"Made by code: `python benchmarks/gpu_suite.py --write` on {machine['device']}, torch "
        f"{machine['torch']}, CUDA {machine['cuda']}, {machine['date']}, commit "
        f"{machine['commit']}."
    )


def markdown(section: Section) -> str:
    """Lay a section out: heading, words, table, remarks."""
    parts = [f"## {section.title}", section.words]
    if section.rows:
        parts.append(markdown_table(section.columns, section.rows))
    parts += [*section.remarks, f"({section.seconds} s)"]
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    sys.exit(main())
