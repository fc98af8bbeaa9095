"""What the README and the notebook promise is so."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_every_make_command_of_the_readme_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))

    named = set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE))

    assert {"run", "test", "viz", "mlflow", "check"} <= named <= targets


def test_every_path_and_link_of_the_readme_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    tree = README.split("## Where things are")[1].split("```")[1]
    folders = []
    for line in tree.strip().splitlines():
        name = line.split()[0]
        folders.append(f"src/cosmop/{name}" if line.startswith("  ") else name)

    absent = [name for name in [*links, *folders] if not (PROJECT / name).exists()]

    assert absent == []


def test_every_room_is_in_the_tree_of_the_readme() -> None:
    rooms = [
        path.name for path in (PROJECT / "src/cosmop").iterdir() if (path / "__init__.py").exists()
    ]

    assert [room for room in rooms if f"  {room}/" not in README] == []


def test_every_flag_of_the_readme_is_a_flag_of_kedro_run() -> None:
    named = set(re.findall(r"kedro run[^\n`]*?(--[a-z-]+)", README))
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert named <= set(re.findall(r"--[a-z-]+", done.stdout))


def test_every_parameter_node_and_dataset_of_the_readme_exists() -> None:
    from kedro.framework.project import configure_project, pipelines
    from kedro.pipeline import Pipeline

    configure_project("cosmop")
    study = sum(pipelines.values(), start=Pipeline([]))
    nodes = set(re.findall(r"--(?:from-)?nodes=([a-z_0-9]+)", README))
    outputs = set(re.findall(r"--to-outputs=([a-z_0-9]+)", README))
    table = README.split("| pipeline | makes |")[1].split("\n\n")[0]

    assert nodes <= {node.name for node in study.nodes}
    assert outputs <= study.all_outputs()
    assert set(re.findall(r"`([a-z_0-9]+)`", table)) <= study.all_outputs()


@pytest.mark.slow  # it reads a study that has run
def test_the_notebook_runs_in_a_finished_project(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = json.loads((PROJECT / "notebooks/tour.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code = "\n".join(cells).replace(
        "KedroSession.create(project)", 'KedroSession.create(project, env="test")'
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=finished, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Synthetic images accepted" in done.stdout
