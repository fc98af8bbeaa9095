"""Which edits change a node's code, in a package made for the test."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cosmop.code_versions

FILES = {
    "__init__.py": "",
    "nodes.py": (
        "import json\n"
        "from cosmop.far import far_away\n"
        "LIMIT = 3\n"
        "OTHER = 4\n"
        "def helper(x):\n    return x * LIMIT\n"
        "def node(x):\n    from cosmop.room import work\n    return work.do(helper(x))\n"
        "def neighbour(x):\n    return far_away(x) + OTHER\n"
    ),
    "room/__init__.py": "",
    "room/work.py": "from cosmop.room.deep import depth\ndef do(x):\n    return depth(x)\n",
    "room/deep.py": 'def depth(x):\n    """Say it."""\n    return x  # as it is\n',
    "room/page.html": "<p>hello</p>",
    "far.py": "def far_away(x):\n    return x\n",
}


@pytest.fixture
def package(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "cosmop" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    shutil.copy(Path(cosmop.code_versions.__file__), tmp_path / "cosmop" / "code_versions.py")
    return tmp_path


def code(package: Path, function: str) -> dict[str, str]:
    """Ask in a fresh process, as a new run would."""
    ask = (
        "import json; from cosmop import nodes; from cosmop.code_versions import code_of;"
        f"print(json.dumps(code_of(nodes.{function})))"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", ask], cwd=package, capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def edit(package: Path, name: str, old: str, new: str) -> None:
    path = package / "cosmop" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_node_is_its_function_what_that_uses_and_every_module_it_reaches(package):
    assert set(code(package, "node")) == {
        "cosmop.nodes:node",
        "cosmop.nodes:helper",
        "cosmop.nodes:LIMIT",
        "cosmop.room.work",
        "cosmop.room.deep",
        "cosmop.room:page.html",
    }
    assert set(code(package, "neighbour")) == {
        "cosmop.nodes:neighbour",
        "cosmop.nodes:OTHER",
        "cosmop.far",
    }


@pytest.mark.parametrize(
    ("name", "old", "new", "changed"),
    [
        ("nodes.py", "x * LIMIT", "x + LIMIT", {"cosmop.nodes:helper"}),
        ("nodes.py", "LIMIT = 3", "LIMIT = 5", {"cosmop.nodes:LIMIT"}),
        ("room/deep.py", "return x", "return -x", {"cosmop.room.deep"}),
        ("room/page.html", "hello", "good day", {"cosmop.room:page.html"}),
        ("room/deep.py", "Say it.", "Say it better.", set()),
        ("room/deep.py", "  # as it is", "", set()),
        ("nodes.py", "OTHER = 4", "OTHER = 5", set()),
        ("far.py", "return x", "return -x", set()),
    ],
)
def test_an_edit_changes_exactly_the_pieces_it_touches(package, name, old, new, changed):
    before = code(package, "node")
    edit(package, name, old, new)
    after = code(package, "node")
    assert {piece for piece in before if before[piece] != after[piece]} == changed
    assert before.keys() == after.keys()
