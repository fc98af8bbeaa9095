"""The mirror in MLflow: names, numbers, commands, champions, and failures that cost no run."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from mlflow import MlflowClient
from numpy.typing import NDArray

from cosmop.datasets import JSONDataset, PageDataset, TableDataset, WorkspaceDataset
from cosmop.datasets.snapshots import Workspaces
from cosmop.hooks import Tracking
from cosmop.pipelines.generation.training import curve_of, train_with_judge
from cosmop.stylegan2.controller import ControlOptions
from cosmop.tracking import Tracker, code_state, command_of, flatten, numbers
from tests.unit.generation.scripted import TWO_RESTARTS, ScriptedJudge, ScriptedRun

RUN = {"run_id": "2026-01-01T00.00.00.000Z", "env": "test", "pipeline_names": ["evaluation"]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One tracking store for all tests: making its tables takes seconds."""
    return tmp_path_factory.mktemp("tracks")


def tracker_in(store: Path, experiment: str) -> tuple[Tracker, MlflowClient]:
    options = {"tracking_uri": "sqlite:///mlflow.db", "experiment": experiment}
    return Tracker(options, store), MlflowClient(f"sqlite:///{store}/mlflow.db")


def runs_of(client: MlflowClient, experiment: str) -> list[Any]:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return list(client.search_runs([found.experiment_id]))


def test_nested_mappings_become_dotted_names() -> None:
    tree = {"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None}

    assert flatten(tree) == {"a.b": 1, "a.c.d": [1, 2], "e": None}


def test_numbers_of_estimates_lose_the_word_value_and_truths_are_no_numbers() -> None:
    document = {"accuracy": {"value": 0.5, "low": 0.4}, "name": "x", "is_best": True, "n": 3}

    assert numbers(document) == {"accuracy": 0.5, "accuracy.low": 0.4, "n": 3.0}


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


def test_a_run_holds_parameters_metrics_curve_files_and_versions(
    store: Path, tmp_path: Path
) -> None:
    tracker, client = tracker_in(store, "whole")
    metrics = JSONDataset(filepath=str(tmp_path / "m.json"), metadata={"mlflow": "metrics"})
    curve = TableDataset(filepath=str(tmp_path / "c.parquet"), metadata={"mlflow": "curve"})
    page = PageDataset(filepath=str(tmp_path / "p.html"), metadata={"mlflow": "file"})
    page.save("<p>report</p>")

    tracker.start(RUN, {f"parameter{number}": number for number in range(250)})
    tracker.note("saved.m", "v1")
    tracker.mirror("m", metrics, {"accuracy": {"value": 0.5, "n": 7}})
    tracker.mirror("c", curve, pd.DataFrame({"kimg": [0.0, 2.0], "value": [9.0, float("nan")]}))
    tracker.mirror("p", page, "<p>report</p>")
    tracker.finish("FINISHED")

    (run,) = runs_of(client, "whole")
    assert not tracker.is_broken
    assert len(run.data.params) == 250
    assert run.data.metrics["m.accuracy"] == 0.5
    assert [(0, 9.0)] == [
        (point.step, point.value)
        for point in client.get_metric_history(run.info.run_id, "curve.value")
    ]
    assert run.data.tags["saved.m"] == "v1"
    assert run.data.tags["command"] == "kedro run --env=test --pipelines=evaluation"
    assert [item.path for item in client.list_artifacts(run.info.run_id, "p")] == ["p/p.html"]
    assert run.info.status == "FINISHED"


class WatchingJudge(ScriptedJudge):
    """Looks into the store each time it is asked to measure, which is in the midst of training."""

    def __init__(self, run: ScriptedRun, client: MlflowClient) -> None:
        super().__init__(run, TWO_RESTARTS)
        self._client, self.seen = client, list[list[float]]()

    def measure(self, images_NHWC: NDArray[np.uint8]) -> dict[str, Any]:
        (run,) = runs_of(self._client, "live")
        history = self._client.get_metric_history(run.info.run_id, "curve.value")
        self.seen.append([point.value for point in history])
        return super().measure(images_NHWC)


def test_snapshots_are_in_the_store_while_training_goes_on_and_only_once(
    store: Path, tmp_path: Path
) -> None:
    _, client = tracker_in(store, "live")
    workspace, curve = str(tmp_path / "training"), str(tmp_path / "c.parquet")
    catalog = DataCatalog(
        {
            "training_workspace": WorkspaceDataset(filepath=workspace),
            "distance_curve": TableDataset(filepath=curve, metadata={"mlflow": "curve"}),
        }
    )
    options = {"enabled": True, "tracking_uri": "sqlite:///mlflow.db", "experiment": "live"}
    context: Any = SimpleNamespace(config_loader={"mlflow": options, "parameters": {}})
    hook, run = Tracking(), ScriptedRun()
    hook.after_context_created(context)
    hook.before_pipeline_run(RUN | {"project_path": str(store)}, catalog)
    judge: Any = WatchingJudge(run, client)

    workspaces = catalog.load("training_workspace")
    hook.after_dataset_loaded("training_workspace", workspaces)
    snapshots = train_with_judge(run, judge, workspaces, ControlOptions())  # type: ignore[arg-type]
    hook.after_dataset_saved("distance_curve", curve_of(snapshots))
    hook.after_pipeline_run()

    assert judge.seen[:4] == [[], [90], [90, 20], [90, 20, 10]]
    (tracked,) = runs_of(client, "live")
    again = client.get_metric_history(tracked.info.run_id, "curve.attempt_1.value")
    assert [(point.step, point.value) for point in again] == [
        (3, 12), (4, 8), (5, 30), (6, 31), (7, 32)
    ]  # fmt: skip
    assert len(client.get_metric_history(tracked.info.run_id, "curve.value")) == 6
    images = [item.path for item in client.list_artifacts(tracked.info.run_id, "images")]
    assert sum("samples+step+2+" in path and path.endswith(".png") for path in images) == 1
    assert sum(path.endswith(".png") for path in images) == len(snapshots)


def test_a_store_that_fails_in_the_midst_of_training_does_not_stop_it(
    store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker, _ = tracker_in(store, "failing")
    workspaces = Workspaces(tmp_path)
    workspaces.listeners.append(tracker.log_snapshot)  # of a run that was never started
    run: Any = ScriptedRun()
    judge: Any = ScriptedJudge(run, TWO_RESTARTS)

    snapshots = train_with_judge(run, judge, workspaces, ControlOptions())

    assert len(snapshots) == 14
    assert caplog.text.count("MLflow tracking stops for this run") == 1


def test_the_champion_is_the_best_version_and_newest_the_last(store: Path, tmp_path: Path) -> None:
    wish = {"mlflow": {"metric": "m.distance", "better": "lower"}}
    model = JSONDataset(filepath=str(tmp_path / "model.json"), metadata=wish)
    model.save({"weights": 1})
    metrics = JSONDataset(filepath=str(tmp_path / "m.json"), metadata={"mlflow": "metrics"})
    for distance in (5.0, 3.0, 4.0):
        tracker, client = tracker_in(store, "champions")
        tracker.start(RUN, {})
        tracker.mirror("toy_model", model, {"weights": 1})
        tracker.mirror("m", metrics, {"distance": distance})
        tracker.finish("FINISHED")
        assert not tracker.is_broken

    champion = client.get_model_version_by_alias("cosmop-toy-model", "champion")
    newest = client.get_model_version_by_alias("cosmop-toy-model", "newest")
    assert ("2", "3") == (str(champion.version), str(newest.version))
    assert champion.tags["m.distance"] == "3.0"


def test_a_store_that_fails_costs_a_warning_and_not_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no data base" * 100)
    tracker = Tracker({"tracking_uri": "sqlite:///mlflow.db", "experiment": "x"}, tmp_path)

    tracker.start(RUN, {})
    tracker.note("saved.m", "v1")
    tracker.finish("FINISHED")

    assert tracker.is_broken
    assert caplog.text.count("MLflow tracking stops for this run") == 1


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
