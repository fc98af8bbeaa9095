"""``kedro annotate`` as people call it; `tests/browser/test_annotate.py` looks at its page."""

import json
import shutil
import signal
import subprocess
import sys

import pandas as pd
import pytest
import requests

from cosmop.labels.annotation_log import AnnotationLog, annotations_from_log
from cosmop.labels.exports import read_label_export
from cosmop.labels.issues import ISSUE_COLUMNS
from cosmop.labels.schema import LabelSchema
from tests.labelling import CRITERIA, VERSION, Annotating, make_labelling_project
from tests.project import kedro
from tests.unit.labels.test_annotation_log import event

SCHEMA = LabelSchema(criteria=CRITERIA)
LOG = "data/03_primary/annotation_log"
MANIFEST = f"data/03_primary/people_images.parquet/{VERSION}/people_images.parquet"


@pytest.fixture
def waiting(tmp_path):
    """A project in which six images wait for labels."""
    return make_labelling_project(tmp_path, 6)


def sentence(done):
    """Return the one sentence of a command that refuses."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.replace("│", " ").split()).partition("Error: ")[2]


def test_without_tasks_it_says_which_command_makes_them(waiting):
    shutil.rmtree(waiting / "data/03_primary/label_tasks.json")

    said = sentence(kedro(waiting, "annotate", "--env=base"))

    assert said == (
        "Labelling needs label_tasks, which nobody has made yet in this environment; make it with "
        "`kedro run --env=base --to-outputs=label_tasks`."
    )


def test_an_environment_that_is_not_there_is_named(waiting):
    said = sentence(kedro(waiting, "annotate", "--env=nowhere"))

    assert said.startswith("--env must name a folder of conf/, got: ")
    assert "nowhere" in said


def test_a_schema_that_cannot_be_used_is_told_by_name_and_value(waiting):
    (waiting / "conf/local/parameters.yml").write_text(
        "annotation: {schema: {criteria: [Big Bags]}}", encoding="utf-8"
    )

    said = sentence(kedro(waiting, "annotate"))

    assert said.startswith("annotation.schema: LabelSchema cannot use")
    assert "'Big Bags'" in said


def test_a_review_needs_its_table(waiting):
    said = sentence(kedro(waiting, "annotate", "--review=issues"))

    assert "`kedro run --to-outputs=label_issues`" in said


def test_a_review_shows_what_the_table_suspects_since_it_was_made(waiting):
    image_id = pd.read_parquet(waiting / MANIFEST)["image_id"][3]
    table = pd.DataFrame([(image_id, CRITERIA[0], True, 0.1, 0.1, True, 1)], columns=ISSUE_COLUMNS)
    folder = waiting / "data/03_primary/label_issues.parquet" / VERSION
    folder.mkdir(parents=True)
    table.to_parquet(folder / "label_issues.parquet")

    with Annotating(waiting, "--annotator=Ana", "--review=issues") as serving:
        page, _, query = serving.url.partition("?")
        state = requests.get(f"{page}state?{query}", timeout=10).json()

    assert [item["image_id"] for item in state["items"]] == [image_id]
    assert state["items"][0]["reasons"][0].startswith("carrying bags: labelled yes")
    assert state["since"] == "2026-01-01T00:00:00.000Z"


def test_it_ends_with_what_was_done_and_what_comes_next_and_holds_its_log_until_then(waiting):
    image_id = pd.read_parquet(waiting / MANIFEST)["image_id"][0]
    with AnnotationLog(waiting / LOG, "Ana") as log:
        log.write(event(1, image_id, choices=("border_patrol",)))

    with Annotating(waiting, "--annotator=Ana", "--env=base") as serving:
        refused = kedro(waiting, "annotate", "--annotator=Ana", "--no-browser")
        farewell = serving.end(signal.SIGINT)

    assert "'Ana' can be written by one server at a time" in sentence(refused)
    assert serving.process.returncode == 0
    assert "Ana has answered 1 of 6 images" in farewell
    assert LOG in farewell
    assert "`kedro run --env=base --from-nodes=import_labels`" in farewell
    assert serving.said.count("http://") == 1


def test_an_export_is_read_back_as_the_answers_that_were_given(waiting, tmp_path):
    manifest = pd.read_parquet(waiting / MANIFEST)
    with AnnotationLog(waiting / LOG, "Ana") as log:
        for number, image_id in enumerate(manifest["image_id"]):
            log.write(event(number, image_id, choices=(CRITERIA[number % 4],)))

    done = kedro(waiting, "annotate", "--export", str(tmp_path / "out" / "labels.json"))
    records = json.loads((tmp_path / "out" / "labels.json").read_text())

    assert "6 labelled images are in" in done.stdout
    assert read_label_export(records, manifest, SCHEMA).annotations.equals(
        annotations_from_log(waiting / LOG, SCHEMA)
    )


def test_the_command_costs_other_commands_no_heavy_import():
    code = (
        "import sys; import kedro.framework.cli.project; before = set(sys.modules);"
        "import cosmop.cli; print(sorted({'torch', 'mlflow', 'pandas', 'numpy', 'pydantic', 'PIL'}"
        " & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_installed_package_still_runs_the_study(waiting):
    done = subprocess.run(
        [sys.executable, "-m", "cosmop", "--help"],
        cwd=waiting,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "Run the pipeline" in done.stdout
