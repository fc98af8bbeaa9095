"""What the documents promise is so: their commands are run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.project import configure_project, pipelines

from tests.documents import as_the_base, blocks_in, blocks_of, documents, follow, is_run
from tests.project import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")
TUTORIAL = "docs/tutorial.md"
WITH_COMMANDS = [name for name in documents() if any(map(is_run, blocks_of(name)))]


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
    from kedro.pipeline import Pipeline

    configure_project("cosmop")
    study = sum(pipelines.values(), start=Pipeline([]))
    nodes = set(re.findall(r"--(?:from-)?nodes=([a-z_0-9]+)", README))
    outputs = set(re.findall(r"--to-outputs=([a-z_0-9]+)", README))
    table = README.split("| pipeline | makes |")[1].split("\n\n")[0]

    assert nodes <= {node.name for node in study.nodes}
    assert outputs <= study.all_outputs()
    assert set(re.findall(r"`([a-z_0-9]+)`", table)) <= study.all_outputs()


def test_every_link_of_every_document_leads_somewhere() -> None:
    lost = [
        f"{document}: {link}"
        for document in documents()
        for link in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", (PROJECT / document).read_text())
        if not (PROJECT / document).parent.joinpath(link).exists()
    ]

    assert lost == []


def test_every_block_of_commands_is_run_or_says_why_not() -> None:
    found = {document: blocks_of(document) for document in documents()}
    fences = {d: (PROJECT / d).read_text(encoding="utf-8").count("```") for d in found}

    assert {d: 2 * len(blocks) for d, blocks in found.items()} == fences
    reasons = [block.reason for blocks in found.values() for block in blocks if not is_run(block)]
    assert all(len(reason) > 15 for reason in reasons if reason is not None)
    assert any(map(is_run, found["README.md"]))


def test_a_block_is_run_unless_the_line_above_gives_a_reason() -> None:
    run, not_run = "```bash\na\n```\n", "<!-- not run: no GPU here -->\n```bash\nb\n```\n"

    first, second, third = blocks_in(f"{run}\n{not_run}\n```yaml\n# c/d.yml\n```\n")

    assert (is_run(first), is_run(second), is_run(third)) == (True, False, False)
    assert (second.reason, third.path) == ("no GPU here", "c/d.yml")


@pytest.mark.slow  # each is the commands of a document, as a person would paste them
@pytest.mark.timeout(900)
@pytest.mark.parametrize("document", sorted({*WITH_COMMANDS} - {TUTORIAL}))
def test_the_commands_of_a_document_run(document: str, project: Path) -> None:
    follow(blocks_of(document), as_the_base(project))


@pytest.mark.slow  # a study of its own
@pytest.mark.timeout(900)
def test_the_tutorial_leads_a_new_subject_from_keywords_to_a_report(new_project: Path) -> None:
    blocks = blocks_of(TUTORIAL)
    last = next(i for i, block in enumerate(blocks) if block.text.startswith("rm -r"))
    said = follow(blocks[:last], new_project)

    (page,) = new_project.glob("data/umbrellas/08_reporting/study_report.html/*/*.html")
    assert "People with umbrellas" in page.read_text(encoding="utf-8")
    config = (new_project / "conf/umbrellas/parameters/subject.yml").read_text(encoding="utf-8")
    assert "Does anybody carry an umbrella?" in config
    (table,) = new_project.glob("data/umbrellas/03_primary/labelled_images.parquet/*/*.parquet")
    labelled = pd.read_parquet(table)
    assert labelled["is_positive"].equals(labelled["carrying_bags"])
    assert 0 < labelled["is_positive"].sum() < len(labelled)
    configure_project("cosmop")
    total = len(pipelines["__default__"].nodes)
    assert f"{total} of {total} nodes would run" in said
    assert "parameter generation.sampling.truncation changed 1.0 → 0.7" in said

    said = follow(blocks[last:], new_project)

    assert "3 of 3 nodes would run" in said
    assert not list((new_project / "data/umbrellas").rglob("*.parquet"))
