"""Parts of a study, by the flags people use, after one full run."""

import shutil
from pathlib import Path

import pytest

from tests.project import kedro

pytestmark = pytest.mark.slow  # each is a real kedro command on a real study


def versions(project: Path, layer: str, name: str) -> list[str]:
    return sorted(path.name for path in (project / "data" / "test" / layer / name).iterdir())


@pytest.mark.parametrize(
    ("flag", "layer", "made"),
    [
        ("--pipelines=preprocessing", "02_intermediate", "image_hashes.parquet"),
        ("--pipelines=annotation", "03_primary", "label_tasks.json"),
        ("--pipelines=reporting", "08_reporting", "study_report.html"),
        ("--from-nodes=measure_distances", "08_reporting", "distances.json"),
        ("--tags=reporting", "08_reporting", "study_funnel.parquet"),
        ("--nodes=select_generator", "06_models", "generator"),
    ],
)
def test_a_part_runs_alone_and_adds_a_version(
    project: Path, flag: str, layer: str, made: str
) -> None:
    done = kedro(project, "run", "--env=test", flag)

    assert done.returncode == 0, done.stderr
    assert len(versions(project, layer, made)) == 2


def test_ingestion_and_person_filter_run_alone_in_a_new_project(new_project: Path) -> None:
    done = kedro(new_project, "run", "--env=test", "--pipelines=ingestion,person_filter")

    assert done.returncode == 0, done.stderr
    assert len(versions(new_project, "01_raw", "raw_images.parquet")) == 1
    assert len(versions(new_project, "06_models", "person_filter")) == 1


def test_only_missing_outputs_are_made_again(project: Path) -> None:
    shutil.rmtree(project / "data/test/08_reporting/distances.json")

    done = kedro(project, "run", "--env=test", "--only-missing-outputs")

    assert done.returncode == 0, done.stderr
    assert len(versions(project, "08_reporting", "distances.json")) == 1
    assert len(versions(project, "07_model_output", "scores.parquet")) == 1
    assert len(versions(project, "06_models", "stylegan2_snapshots")) == 1


def test_an_older_version_can_be_asked_for(project: Path) -> None:
    first = versions(project, "02_intermediate", "image_hashes.parquet")[0]
    part = ["--nodes=hash_images", "--params=preprocessing.hashing.threshold=mean"]
    assert kedro(project, "run", "--env=test", *part).returncode == 0

    flags = ["--nodes=group_duplicates", f"--load-versions=image_hashes:{first}"]
    done = kedro(project, "run", "--env=test", *flags)

    assert done.returncode == 0, done.stderr
    groups = sorted((project / "data/test/02_intermediate/duplicate_groups.parquet").glob("*/*"))
    assert groups[0].read_bytes() == groups[1].read_bytes()


def test_a_part_that_lacks_its_input_names_the_command_that_makes_it(new_project: Path) -> None:
    done = kedro(new_project, "run", "--env=test", "--pipelines=evaluation")

    assert done.returncode == 1
    wanted = "kedro run --env=test --pipelines=person_filter,preprocessing,annotation,generation"
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr


def test_training_that_was_killed_resumes_from_its_last_snapshot(project: Path) -> None:
    longer = "--params=generation.training.total_kimg=1.6,generation.training.seed=5"
    command = ["run", "--env=test", "--nodes=train_stylegan2", longer]
    workspaces = project / "data/test/06_models/_training"
    before = set(workspaces.iterdir())
    _kill_after_snapshots(project, command, workspaces, before, wanted=3)
    (workspace,) = set(workspaces.iterdir()) - before
    early = {path: path.stat().st_mtime_ns for path in workspace.glob("images-*/statistics.json")}

    assert len(early) < 11, "the run ended before it could be killed, so this shows nothing"

    done = kedro(project, *command)

    assert done.returncode == 0, done.stderr
    assert len(list(workspace.glob("images-*"))) == 11
    kept = [path for path, when in early.items() if path.stat().st_mtime_ns == when]
    assert len(kept) >= len(early) - 1 >= 2  # at most the one whose state was not saved yet


def _kill_after_snapshots(
    project: Path, command: list[str], workspaces: Path, before: set[Path], wanted: int
) -> None:
    import subprocess
    import sys
    import time

    process = subprocess.Popen(
        [sys.executable, "-m", "kedro", *command],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        new = set(workspaces.iterdir()) - before
        if new and len(list(next(iter(new)).glob("images-*/statistics.json"))) >= wanted:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
