"""The round trip through the real Label Studio, where ``label-studio`` is to be found.

It needs 150 packages of its own; install it into an environment of its own, then:
``LABEL_STUDIO=/path/to/bin/label-studio pytest tests/unit/labels/test_label_studio.py``.
"""

import csv
import io
import os
import shutil
import subprocess
import time

import numpy as np
import pandas as pd
import pytest
import requests

from cosmop.labels.exports import read_label_export
from cosmop.labels.tasks import TaskOptions, make_label_tasks
from tests.ports import free_port

COMMAND = os.environ.get("LABEL_STUDIO") or shutil.which("label-studio")
TOKEN = "0123456789abcdef0123456789abcdef01234567"

pytestmark = [
    pytest.mark.skipif(COMMAND is None, reason="label-studio is not installed"),
    pytest.mark.slow,  # the server takes half a minute to start
    pytest.mark.timeout(300),
]


class LabelStudio:
    """What the tests need of its REST API."""

    def __init__(self, address):
        self._address = address

    def call(self, method, path, **fields):
        headers = {"Authorization": f"Token {TOKEN}"}
        answer = requests.request(
            method, self._address + path, headers=headers, timeout=60, **fields
        )
        assert answer.ok, answer.text[:500]
        return answer


@pytest.fixture(scope="module")
def label_studio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("label_studio")
    port = free_port()
    command = [COMMAND, "start", "--no-browser", "--internal-host", "127.0.0.1"]
    command += ["--port", str(port), "--data-dir", str(folder), "--user-token", TOKEN]
    command += ["--username", "ann@example.org", "--password", "on loopback only"]
    settings = {"COLLECT_ANALYTICS": "False", "LATEST_VERSION_CHECK": "false"}
    settings |= {"LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true"}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | settings)
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address, server)
            yield LabelStudio(address)
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(address, server):
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if requests.get(f"{address}/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(1)
    pytest.fail("label-studio did not start")


@pytest.fixture(scope="module")
def project(label_studio):
    """A project with our tasks, of which 0 to 11 are answered, 12 is skipped, the rest is open."""
    from cosmop.labels.schema import LabelSchema

    schema = LabelSchema(criteria=("carrying_bags", "with_children", "crowded", "patrol"))
    rng = np.random.default_rng(0)
    ids = [f"{at:064x}" for at in range(20)]
    manifest = pd.DataFrame({"image_id": ids, "path": [f"00/{name}.jpg" for name in ids]})
    suggestions = pd.DataFrame(rng.random((20, 4)), columns=list(schema.criteria))
    suggestions = suggestions.assign(image_id=ids, is_labelled=False)
    made = make_label_tasks(manifest, schema, TaskOptions(), None, suggestions)
    title = {"title": "round trip", "label_config": made["label_config"]}
    number = label_studio.call("POST", "/api/projects", json=title).json()["id"]
    imported = label_studio.call(
        "POST", f"/api/projects/{number}/import?return_task_ids=true", json=made["tasks"]
    ).json()
    held = rng.random((12, 4)) < 0.4
    for task, row in zip(imported["task_ids"], held, strict=False):
        choices = [name for name, yes in zip(schema.criteria, row, strict=True) if yes]
        _annotate(label_studio, task, choices or ["none"], schema)
    _annotate(label_studio, imported["task_ids"][12], [], schema, was_cancelled=True)
    answered = [task["data"]["image_id"] for task in made["tasks"]][:12]
    answers = pd.DataFrame(held, columns=list(schema.criteria), index=answered)
    return number, imported, manifest, schema, answers


def _annotate(label_studio, task, choices, schema, **fields):
    result = {"from_name": schema.control_name, "to_name": "image", "type": "choices"}
    result |= {"value": {"choices": choices}}
    body = {"result": [result] if choices else [], "lead_time": 1.5} | fields
    label_studio.call("POST", f"/api/tasks/{task}/annotations/", json=body)


def test_tasks_and_suggestions_are_taken(project):
    _, imported, _, _, _ = project

    assert (imported["task_count"], imported["prediction_count"]) == (20, 20)


@pytest.mark.parametrize("layout", ["JSON", "JSON_MIN", "CSV"])
def test_every_export_says_what_was_answered(label_studio, project, layout):
    number, _, manifest, schema, answers = project
    path = f"/api/projects/{number}/export?exportType={layout}&download_all_tasks=true"
    exported = label_studio.call("GET", path)

    records = (
        list(csv.DictReader(io.StringIO(exported.text))) if layout == "CSV" else exported.json()
    )
    read = read_label_export(records, manifest, schema)

    assert len(records) >= 19  # the flat layouts leave skipped tasks out
    assert read.problems.empty
    assert read.annotations["lead_time_s"].eq(1.5).all()
    found = read.annotations.set_index("image_id")[list(schema.criteria)]
    pd.testing.assert_frame_equal(found.sort_index(), answers.sort_index(), check_names=False)


def test_suggestions_come_back_apart_from_the_answers(label_studio, project):
    number, _, _, _, _ = project
    tasks = label_studio.call("GET", f"/api/tasks?project={number}&fields=all").json()["tasks"]

    assert [len(task["predictions"]) for task in tasks] == [1] * 20
    assert sum(len(task["annotations"]) for task in tasks) == 13
