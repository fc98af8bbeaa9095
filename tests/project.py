"""A project of its own for a test, and the real kedro command in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def copy_project(folder: Path) -> Path:
    """Make a project in `folder` with the real code and configuration, and no data."""
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder / name)
    shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    (folder / "conf" / "local").mkdir()
    (folder / "src").mkdir()  # Kedro wants it there; the code itself is on the path
    return folder


def kedro(project: Path, *words: str, timeout_s: float = 280) -> subprocess.CompletedProcess[str]:
    """Run the real kedro command in `project`."""
    return subprocess.run(
        [sys.executable, "-m", "kedro", *words],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "src")},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
