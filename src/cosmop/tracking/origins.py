"""Where a run comes from: its command, the state of the code, the process."""

import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from cosmop.tracking.values import flatten

_CLOCK_SLACK_S = 2.0  # the start of a process is told to about a tick; pids return much later

_FLAGS = {
    "pipeline_names": "pipelines",
    "node_names": "nodes",
    "from_nodes": "from-nodes",
    "to_nodes": "to-nodes",
    "from_inputs": "from-inputs",
    "to_outputs": "to-outputs",
    "tags": "tags",
    "namespaces": "namespaces",
}


def command_of(run_params: Mapping[str, Any]) -> str:
    """Write the run's parameters as the ``kedro run`` command that repeats it."""
    words = ["kedro run"]
    if run_params.get("env"):
        words.append(f"--env={run_params['env']}")
    words += [
        f"--{flag}={','.join(run_params[key])}"
        for key, flag in _FLAGS.items()
        if run_params.get(key)
    ]
    if run_params.get("only_missing_outputs"):
        words.append("--only-missing-outputs")
    for flag, key, mark in (
        ("load-versions", "load_versions", ":"),
        ("params", "runtime_params", "="),
    ):
        if run_params.get(key):
            pairs = flatten(run_params[key]).items()
            words.append(f"--{flag}=" + ",".join(f"{name}{mark}{value}" for name, value in pairs))
    return " ".join(words)


def command_as_typed() -> str:
    """Return this process' command, quoted for a shell; the program by its name alone."""
    return f"{Path(sys.argv[0]).name} {shlex.join(sys.argv[1:])}".strip()


def code_state(project_path: Path) -> dict[str, str]:
    """Return the commit and whether the working tree differs from it; unknown without git."""

    def git(*words: str) -> str:
        done = subprocess.run(  # noqa: S603  fixed words, no shell
            ["git", *words],  # noqa: S607
            cwd=project_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "HEAD")
        dirty = bool(git("status", "--porcelain"))
    except FileNotFoundError:
        commit, dirty = "", False
    if not commit:
        return {"code.commit": "unknown"}
    return {"code.commit": commit, "code.dirty": str(dirty).lower()}


def this_process() -> dict[str, str]:
    """Return the tags that tell this process from any other: host, pid, and when it started."""
    process = psutil.Process()
    return {
        "process.host": socket.gethostname(),
        "process.pid": str(process.pid),
        "process.started": str(process.create_time()),
    }


def is_gone(tags: Mapping[str, str]) -> bool:
    """Tell whether the process of these tags was one of this host and runs no more."""
    if tags.get("process.host") != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(tags["process.pid"]))
        started = float(tags["process.started"])
        is_another = abs(process.create_time() - started) > _CLOCK_SLACK_S
        return is_another or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
