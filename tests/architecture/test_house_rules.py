"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SOURCES = sorted((PROJECT / "src" / "cosmop").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_NODE = 500, 60, 15
LONGEST_WIRING = 100  # wiring is a list, as long as the pipeline


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_the_registry_answers_without_the_heavy_libraries() -> None:
    code = (
        "import sys; from kedro.framework.project import configure_project, pipelines;"
        "configure_project('cosmop'); list(pipelines.values());"
        "print([name for name in ('torch', 'torchvision', 'mlflow', 'sklearn', 'matplotlib')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_files_and_functions_fit_in_a_sitting(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= LONGEST_FILE
    longest = {"nodes.py": LONGEST_NODE, "pipeline.py": LONGEST_WIRING}.get(
        path.name, LONGEST_FUNCTION
    )
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.FunctionDef):
            assert _body_lines(function) <= longest, function.name


def _body_lines(function: ast.FunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_nodes_do_not_know_kedro() -> None:
    for path in PROJECT.glob("src/cosmop/pipelines/*/nodes.py"):
        assert "kedro" not in path.read_text(encoding="utf-8").lower(), path


def test_the_subject_is_configuration() -> None:
    subject = re.compile(r"at_border|migra[nt]|patrol|refugee", re.IGNORECASE)
    for path in SOURCES:
        if "demo" not in path.parts:
            assert not subject.search(path.read_text(encoding="utf-8")), path


def test_every_pipeline_has_a_readme() -> None:
    for folder in (PROJECT / "src" / "cosmop" / "pipelines").iterdir():
        if (folder / "pipeline.py").exists():
            assert (folder / "README.md").exists(), folder


def test_constraints_hold_versions_only() -> None:
    for line in (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line), line
