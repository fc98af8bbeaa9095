"""A finished study that is changed and run again, and which nodes should run: an oracle of its own.

What should run is worked out without `cosmop.runners`: from the graph of the pipelines, the words
of each node's function, and the import graph that import-linter reads.
"""

import inspect
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import grimp
from kedro.framework.project import configure_project, pipelines
from kedro.pipeline import Node, Pipeline

from tests.project import PROJECT

_COMPLETED = re.compile(r"Completed node: (\S+)")
_PLANNED = re.compile(r"^  (\w+)  +\S", re.MULTILINE)
_IMPORT = re.compile(r"from (cosmop[\w.]*) import ([^\n(]+)")
_MADE_BY = re.compile(r"^(\d+) of \d+ nodes", re.MULTILINE)


def study() -> Pipeline:
    """Return the whole study as it is wired."""
    configure_project("cosmop")
    return pipelines["__default__"]


def names_of(nodes: Iterable[Node]) -> set[str]:
    """Return the names of nodes."""
    return {node.name for node in nodes}


def following(nodes: Iterable[str]) -> set[str]:
    """Return the nodes, and all that read what these make, and so on."""
    found = set(nodes)
    while True:
        made = {name for node in study().nodes if node.name in found for name in node.outputs}
        more = names_of(node for node in study().nodes if made & set(node.inputs)) - found
        if not more:
            return found
        found |= more


def readers_of(*datasets: str) -> set[str]:
    """Return the nodes that read one of some data sets."""
    return names_of(node for node in study().nodes if set(datasets) & set(node.inputs))


def makers_of(*datasets: str) -> set[str]:
    """Return the nodes that write one of some data sets."""
    return names_of(node for node in study().nodes if set(datasets) & set(node.outputs))


def takers_of(parameter: str) -> set[str]:
    """Return the nodes that are given a parameter, or the group that it is part of."""
    groups = parameter.split(".")
    known = {f"params:{'.'.join(groups[:count])}" for count in range(1, len(groups) + 1)}
    return readers_of(*known)


def nodes_with(module: str) -> set[str]:
    """Return the nodes whose function imports `module`, or what imports it in turn."""
    graph = _import_graph()
    above = {module, *graph.find_downstream_modules(module)}
    return names_of(node for node in study().nodes if above & _named_in(node.func, graph))


@cache
def _import_graph() -> Any:
    return grimp.build_graph("cosmop", cache_dir=None)


def _named_in(function: Any, graph: Any) -> set[str]:
    """Return the modules that a function imports itself, or by the head of its own module."""
    text = inspect.getsource(function)
    head = inspect.getsource(sys.modules[function.__module__]).split("\ndef ")[0]
    found = set()
    for source, where in ((text, None), (head, text)):
        for module, names in _IMPORT.findall(source):
            for name in (part.split(" as ")[-1].strip() for part in names.split(",")):
                if where is None or re.search(rf"\b{name}\b", where):
                    found |= {module, f"{module}.{name}"} & graph.modules
    return found


class ChangingStudy:
    """A project that is run again and again, with whatever was changed since.

    Changes stay in force: parameters are given again on each command line, and code is edited in
    a copy.

    Args:
        project: A finished project of `tests.project`; it is changed.
        source: Where the copy of ``src`` goes.
    """

    def __init__(self, project: Path, source: Path) -> None:
        self.project = project
        self.parameters: dict[str, object] = {}
        self.pins: dict[str, str] = {}
        self.output = ""
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        self.source = shutil.copytree(PROJECT / "src", source, ignore=ignored)

    def run(self) -> list[str]:
        """Run what changed; return the nodes that Kedro says it completed."""
        process = self._start()
        self.output = process.communicate(timeout=280)[0]
        assert process.returncode == 0, self.output
        return _COMPLETED.findall(self.output)

    def run_and_kill_in(self, node: str, after_s: float) -> list[str]:
        """Run, and kill the process (SIGKILL) so long after `node` has begun.

        Returns:
            The nodes that were completed before.
        """
        process, lines = self._start(), []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if self._has_begun(node, "".join(lines)):
                break
        time.sleep(after_s)
        os.killpg(process.pid, signal.SIGKILL)
        self.output = "".join(lines) + process.communicate()[0]
        assert process.returncode == -signal.SIGKILL, self.output
        return _COMPLETED.findall(self.output)

    def reasons(self) -> dict[str, str]:
        """Return what was said of the nodes that the last run ran."""
        return dict(re.findall(r"^  (\w+)  +(\S.*)$", self.plan(), re.MULTILINE))

    def plan(self) -> str:
        """Return the lines in which the last run said what it would run."""
        announced = _MADE_BY.search(self.output)
        if announced is None:
            return ""
        lines = self.output[announced.start() :].splitlines()
        return "\n".join(lines[: int(announced[1]) + 1])

    def edit(self, module: str) -> None:
        """Add a statement to a module of the copied source."""
        path = self.source / f"{module.replace('.', '/')}.py"
        path.write_text(path.read_text(encoding="utf-8") + "\n_ADDED = 1\n", encoding="utf-8")

    def reword(self, module: str) -> None:
        """Change a module's docstring and add a comment: nothing that it does."""
        path = self.source / f"{module.replace('.', '/')}.py"
        text = path.read_text(encoding="utf-8").replace('"""', '"""In other words: ', 1)
        path.write_text(text + "\n# a remark\n", encoding="utf-8")

    def versions(self, dataset: str) -> list[Path]:
        """Return the versions of a data set, oldest first."""
        return sorted((self.project / "data" / "test").glob(f"*/{dataset}*/2*"))

    def _start(self) -> "subprocess.Popen[str]":
        words = [f"{name}={value}" for name, value in self.parameters.items()]
        pins = [f"{name}:{version}" for name, version in self.pins.items()]
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "kedro", "run", "--env=test"),
                "--runner=cosmop.runners.IncrementalRunner",
                *([f"--params={','.join(words)}"] if words else []),
                *([f"--load-versions={','.join(pins)}"] if pins else []),
            ],
            cwd=self.project,
            env=os.environ | {"PYTHONPATH": str(self.source)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _has_begun(self, node: str, output: str) -> bool:
        announced = _MADE_BY.search(output)
        planned = _PLANNED.findall(output)
        if announced is None or len(planned) < int(announced[1]) or node not in planned:
            return False
        before = planned[: planned.index(node)]
        return set(before) <= set(_COMPLETED.findall(output))
