"""What MLflow is told of a run: names, numbers, commands, curves, children, times, ends."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from kedro.io import DataCatalog
from kedro.io.core import Version
from kedro.pipeline import Node, Pipeline
from mlflow import MlflowClient
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel

from cosmop.datasets import JSONDataset, TableDataset, WorkspaceDataset
from cosmop.errors import InputError
from cosmop.hooks import Tracking
from cosmop.pipelines.generation.training import curve_of, train_with_judge
from cosmop.stylegan2.controller import ControlOptions
from cosmop.tracking import Tracker, code_state, command_of, find, flatten, numbers
from cosmop.tracking.journal import Journal
from cosmop.tracking.mirror import Destination, Mirror
from cosmop.tracking.origins import command_as_typed
from tests.unit.generation.scripted import TWO_RESTARTS, ScriptedJudge, ScriptedRun
from tests.unit.shell.tracks import RUN, client_of, journals_of, options, runs_of, tracker_in


class _Inner(BaseModel):
    gamma: float = 1.0


class _Options(BaseModel):
    inner: _Inner = _Inner()
    steps: int = 3


def test_nested_mappings_and_models_become_dotted_names() -> None:
    tree = {"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None, "f": _Options()}

    assert flatten(tree) == {
        "a.b": 1,
        "a.c.d": [1, 2],
        "e": None,
        "f.inner.gamma": 1.0,
        "f.steps": 3,
    }


def test_numbers_are_finite_lose_the_word_value_and_truths_are_none() -> None:
    document = {"accuracy": {"value": 0.5, "low": float("nan")}, "name": "x", "best": True, "n": 3}

    assert numbers(document) == {"accuracy": 0.5, "n": 3.0}


def test_a_dotted_place_is_found_or_not() -> None:
    assert find({"a": {"b": 0}}, "a.b") == 0
    assert find({"a": {"b": 0}}, "a.c.d") is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "kedro run"),
        ({"env": "study", "pipeline_names": ["a", "b"]}, "kedro run --env=study --pipelines=a,b"),
        ({"from_nodes": ["x"]}, "kedro run --from-nodes=x"),
        ({"only_missing_outputs": True}, "kedro run --only-missing-outputs"),
        ({"load_versions": {"d": "v1"}}, "kedro run --load-versions=d:v1"),
        ({"runtime_params": {"a": {"b": 1}}}, "kedro run --params=a.b=1"),
    ],
)
def test_the_command_that_repeats_a_run_is_written_down(given: Any, expected: str) -> None:
    assert command_of(given) == expected


def test_the_command_as_typed_can_be_pasted_into_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/kedro", "run", "--params=a=x y"])

    assert command_as_typed() == "kedro run '--params=a=x y'"


def test_a_run_holds_parameters_metrics_files_and_leaves_no_journal(
    store: Path, tmp_path: Path
) -> None:
    tracker, client = tracker_in(store), client_of(store)
    page = tmp_path / "p.html"
    page.write_text("<p>report</p>")

    many = {f"parameter{number}": number for number in range(250)}
    tracker.start(RUN, many | {"training": _Options()})
    tracker.note("saved.m", "v1")
    tracker.log_metrics("m", {"accuracy": {"value": 0.5, "n": 7}})
    tracker.log_row(
        {"kimg": 2.0, "value": 9.0, "kernel_distance": float("nan"), "seconds_per_kimg": 4}
    )
    tracker.log_row({"kimg": 2.0, "value": 8.0})
    tracker.log_file("p", page)
    tracker.log_trial({"name": "real", "seed": 3, "accuracy": 0.75})
    tracker.finish("FINISHED")

    child, run = runs_of(client)
    assert len(run.data.params) == 252
    assert (run.data.params["parameter3"], run.data.params["training.inner.gamma"]) == ("3", "1.0")
    assert run.data.metrics == {
        "m.accuracy": 0.5,
        "m.accuracy.n": 7,
        "curve.distance": 9.0,
        "curve.seconds_per_kimg": 4,
        "curve.images_per_second": 250,
    }
    assert [
        point.step for point in client.get_metric_history(run.info.run_id, "curve.distance")
    ] == [2]
    assert (run.data.tags["saved.m"], run.data.tags["environment"]) == ("v1", "test")
    assert run.data.tags["command.again"] == "kedro run --env=test --pipelines=evaluation"
    assert [item.path for item in client.list_artifacts(run.info.run_id, "p")] == ["p/p.html"]
    assert (child.data.params, child.data.metrics) == (
        {"name": "real", "seed": "3"},
        {"accuracy": 0.75},
    )
    assert child.data.tags["mlflow.parentRunId"] == run.info.run_id
    assert run.info.status == "FINISHED"
    assert journals_of(store) == []


def test_telling_a_journal_twice_changes_nothing(store: Path, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.jsonl")
    grid = tmp_path / "grid.png"
    Image.new("RGB", (8, 8), (1, 2, 3)).save(grid)
    journal.append("start", run_id="r", name="n", tags={}, params={"a": "1"})
    journal.append("metrics", values={"x": 1.5}, step=4)
    journal.append("image", path=str(grid), key="samples", step=4)
    journal.append("child", id="c", name="trial", params={}, metrics={"y": 2.0})
    journal.append("finish", status="FINISHED")
    destination = Destination.of(options(), store)

    def tell() -> Any:
        mirror = Mirror(destination)
        for event in journal.events():
            mirror.apply(event)
        client = client_of(store)
        found = runs_of(client)
        (parent,) = (run for run in found if run.info.run_name == "n")
        history = client.get_metric_history(parent.info.run_id, "x")
        images = [item.path for item in client.list_artifacts(parent.info.run_id, "images")]
        return (
            len(found),
            [(m.step, m.value, m.timestamp) for m in history],
            images,
            parent.info.end_time,
        )

    assert tell() == tell()


class WatchingJudge(ScriptedJudge):
    """Looks into the store each time it is asked to measure, which is in the midst of training."""

    def __init__(self, run: ScriptedRun, client: MlflowClient) -> None:
        super().__init__(run, TWO_RESTARTS)
        self._client, self.seen = client, list[list[float]]()

    def measure(self, images_NHWC: NDArray[np.uint8]) -> dict[str, Any]:
        (run,) = runs_of(self._client)
        history = self._client.get_metric_history(run.info.run_id, "curve.distance")
        self.seen.append([point.value for point in history])
        return super().measure(images_NHWC)


def hook_in(store: Path, catalog: DataCatalog, pipeline: Pipeline | None = None) -> Tracking:
    context: Any = SimpleNamespace(
        config_loader={"mlflow": {"enabled": True, **options()}, "parameters": {}},
        project_path=store,
    )
    hook = Tracking()
    hook.after_context_created(context)
    hook.before_pipeline_run(RUN, pipeline or Pipeline([]), catalog)
    return hook


def test_snapshots_are_in_the_store_while_training_goes_on_and_only_once(
    store: Path, tmp_path: Path
) -> None:
    client = client_of(store)
    workspace, curve = str(tmp_path / "training"), str(tmp_path / "c.parquet")
    catalog = DataCatalog(
        {
            "training_workspace": WorkspaceDataset(filepath=workspace),
            "distance_curve": TableDataset(filepath=curve, metadata={"mlflow": "curve"}),
        }
    )
    node = Node(lambda x: x, "training_workspace", "distance_curve", name="train")
    hook, run = hook_in(store, catalog), ScriptedRun()
    judge: Any = WatchingJudge(run, client)

    hook.before_dataset_loaded(node)
    workspaces = catalog.load("training_workspace")
    hook.after_dataset_loaded("training_workspace", workspaces)
    snapshots = train_with_judge(run, judge, workspaces, ControlOptions())  # type: ignore[arg-type]
    hook.after_dataset_saved("distance_curve", curve_of(snapshots), node)
    hook.after_pipeline_run()

    assert judge.seen[:4] == [[], [90], [90, 20], [90, 20, 10]]
    (tracked,) = runs_of(client)
    again = client.get_metric_history(tracked.info.run_id, "curve.attempt_1.distance")
    assert [(point.step, point.value) for point in again] == [
        (3, 12), (4, 8), (5, 30), (6, 31), (7, 32)
    ]  # fmt: skip
    assert len(client.get_metric_history(tracked.info.run_id, "curve.distance")) == 6
    images = [item.path for item in client.list_artifacts(tracked.info.run_id, "images")]
    assert sum("samples+step+2+" in path and path.endswith(".png") for path in images) == 1
    assert sum(path.endswith(".png") for path in images) == len(snapshots)
    assert tracked.data.metrics["seconds.node.train"] > 0


def test_a_run_in_which_no_node_runs_leaves_nothing(store: Path) -> None:
    hook = hook_in(store, DataCatalog({}))

    hook.after_pipeline_run()

    assert (runs_of(client_of(store)), journals_of(store)) == ([], [])


def test_a_failed_run_says_why_in_its_one_sentence(store: Path) -> None:
    hook = hook_in(store, DataCatalog({}))
    node = Node(lambda x: x, "params:x", "y", name="n")

    hook.before_node_run(node)
    mistake = RuntimeError("around it")
    mistake.__cause__ = InputError("Steps must be 1 or more, got 0; raise them.")
    hook.on_pipeline_error(mistake)

    (run,) = runs_of(client_of(store))
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "Steps must be 1 or more, got 0; raise them."


def test_metrics_that_still_hold_are_carried_over_and_say_from_where(
    store: Path, tmp_path: Path
) -> None:
    def dataset(name: str) -> JSONDataset:
        path, version = str(tmp_path / name), Version(None, "2026-01-01T00.00.00.000Z")
        return JSONDataset(filepath=path, version=version, metadata={"mlflow": "metrics"})

    dataset("distances.json").save({"fd": 7})
    catalog = DataCatalog({"distances": dataset("distances.json"), "m": dataset("m.json")})
    nodes = [Node(lambda: 1, None, "distances", name="a"), Node(lambda: 1, None, "m", name="b")]
    hook = hook_in(store, catalog, Pipeline(nodes))

    hook.before_node_run(nodes[1])
    catalog.save("m", {"x": 1})
    hook.after_dataset_saved("m", {"x": 1}, nodes[1])
    hook.after_pipeline_run()

    (run,) = runs_of(client_of(store))
    assert (run.data.metrics["distances.fd"], run.data.metrics["m.x"]) == (7, 1)
    assert run.data.tags["carried.distances"] == "2026-01-01T00.00.00.000Z"
    assert "carried.m" not in run.data.tags


def test_the_machine_is_measured_until_the_run_ends(store: Path) -> None:
    tracker = Tracker(options() | {"system_metrics_seconds": 0.2}, store)
    tracker.start(RUN, {})
    tracker.finish("FINISHED")

    (run,) = runs_of(client_of(store))
    assert run.data.metrics["system/system_memory_usage_megabytes"] > 0


def test_the_environment_says_where_more_loudly_than_the_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@example.org:5000/x")

    destination = Destination.of(options(), tmp_path)

    assert destination.uri == "http://me:secret@example.org:5000/x"
    assert destination.shown() == "http://example.org:5000/x"


def test_the_state_of_the_code_is_its_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        return subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert code_state(tmp_path) == {"code.commit": "unknown"}
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "-m", "first")
    clean = code_state(tmp_path)
    (tmp_path / "new").write_text("x")

    assert clean == {"code.commit": git("rev-parse", "HEAD"), "code.dirty": "false"}
    assert code_state(tmp_path)["code.dirty"] == "true"
