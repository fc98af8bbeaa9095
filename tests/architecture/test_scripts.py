"""Scripts that nobody runs every day still name what there is."""

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SCRIPTS = sorted(
    script.relative_to(PROJECT).as_posix()
    for folder in ("benchmarks", "docs")
    for script in (PROJECT / folder).rglob("*.py")
)


def _is_there(module: str, name: str) -> bool:
    is_named = hasattr(importlib.import_module(module), name)
    return is_named or importlib.util.find_spec(f"{module}.{name}") is not None


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_imports_only_what_the_project_has(script: str) -> None:
    imports = [
        (node.module, name.name)
        for node in ast.walk(ast.parse((PROJECT / script).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for name in node.names
        if node.module.partition(".")[0] == "cosmop"
    ]

    assert [pair for pair in imports if not _is_there(*pair)] == []
