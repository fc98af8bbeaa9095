"""The blocks of a Markdown document, and a shell in which its commands run as they stand.

A block of ``bash`` or ``python`` is run, unless the line before it says ``<!-- not run: … -->``
with a reason. Python finds the study's `catalog`, as in ``kedro ipython``. A block of ``yaml``
whose first line is a comment with a path is that file.
"""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.project import PROJECT

_BLOCK = re.compile(
    r"^(?: *<!-- not run: (?P<reason>[^\n]*?) ?-->\n)?"
    r"^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_SHELLS = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
_BEFORE = {
    "python": """
from pathlib import Path
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
catalog = KedroSession.create(Path.cwd(), env="test").load_context().catalog
"""
}
_PATH = re.compile(r"# (\S+/\S+\.\w+)\n")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: The word after the fence.
        text: What is in it.
        reason: Why it is not run; None if it is.
    """

    language: str
    text: str
    reason: str | None

    @property
    def path(self) -> str | None:
        """The file that it is, if it is one."""
        found = _PATH.match(self.text) if self.language == "yaml" else None
        return found[1] if found else None


def documents() -> list[str]:
    """Return the documents whose commands are run, relative to the repository.

    Pages of results are written by the scripts that they name, from data that is not here.
    """
    paths = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("src/**/*.md")]
    names = sorted(path.relative_to(PROJECT).as_posix() for path in paths)
    return [name for name in names if not name.startswith("docs/results/")]


def blocks_of(document: str) -> list[Block]:
    """Return the fenced blocks of a document, in order."""
    return blocks_in((PROJECT / document).read_text(encoding="utf-8"))


def blocks_in(text: str) -> list[Block]:
    """Return the fenced blocks of a text, in order."""
    found = (match.groupdict() for match in _BLOCK.finditer(text))
    return [Block(m["language"], textwrap.dedent(m["text"]), m["reason"]) for m in found]


def is_run(block: Block) -> bool:
    """Tell whether a block holds commands that can be run here."""
    return block.language in _SHELLS and block.reason is None


def follow(blocks: Iterable[Block], project: Path) -> str:
    """Do what a document says, block by block, and return what the commands printed."""
    said = []
    for block in blocks:
        if block.path:
            path = project / block.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if is_run(block):
            said.append(_run(block, project))
    return "\n".join(said)


def _run(block: Block, project: Path) -> str:
    """Run a block where `kedro` is this code's, and its environment is the small one."""
    folder = project / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "kedro").write_text(f'#!/bin/sh\nexec {sys.executable} -m kedro "$@"\n')
    (folder / "kedro").chmod(0o755)
    done = subprocess.run(
        [*_SHELLS[block.language], _BEFORE.get(block.language, "") + block.text],
        cwd=project,
        env=os.environ
        | {"PYTHONPATH": str(PROJECT / "src"), "KEDRO_ENV": "test"}
        | {"PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout}"
    return done.stdout


def as_the_base(project: Path) -> Path:
    """Let the paths of the base environment lead to the results of the small one."""
    for layer in (project / "data/test").iterdir():
        (project / "data" / layer.name).symlink_to(layer, target_is_directory=True)
    return project
