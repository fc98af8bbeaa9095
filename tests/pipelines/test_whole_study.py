"""``kedro run --env=test`` makes the whole study: data, models, numbers, page, tracks."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework.project import configure_project, pipelines
from kedro.io import DataCatalog
from mlflow import MlflowClient

from cosmop import settings
from cosmop.tracking import flatten
from tests.project import copy_project, kedro

pytestmark = pytest.mark.slow  # the whole study runs once for all of them: half a minute


@pytest.fixture(autouse=True)
def _project() -> None:
    configure_project("cosmop")


def newest(project: Path, layer: str, name: str) -> Path:
    return sorted((project / "data" / "test" / layer / name).glob(f"*/{name}"))[-1]


def document(project: Path, name: str) -> Any:
    return json.loads(newest(project, "08_reporting", f"{name}.json").read_text(encoding="utf-8"))


def test_every_output_of_every_node_is_there_and_no_half_written_file(finished: Path) -> None:
    loader = OmegaConfigLoader(str(finished / "conf"), env="test", **settings.CONFIG_LOADER_ARGS)
    entries = json.loads(
        json.dumps(loader["catalog"]).replace("data/test", f"{finished}/data/test")
    )
    catalog = DataCatalog.from_config(entries, credentials=loader["credentials"])

    absent = [name for name in pipelines["__default__"].all_outputs() if not catalog.exists(name)]

    assert absent == []
    assert not list(finished.rglob("*.part"))


def test_the_run_ends_with_a_table_and_where_to_look(finished: Path) -> None:
    output = (finished / "output.txt").read_text(encoding="utf-8")

    assert re.search(r"found\s+\d+", output)
    assert "study_report.html" in output
    assert "make viz" in output
    assert "make mlflow" in output


def test_the_page_needs_nothing_from_elsewhere(finished: Path) -> None:
    page = newest(finished, "08_reporting", "study_report.html").read_text(encoding="utf-8")

    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    assert not re.search(r"url\(\s*['\"]?https?:", page)
    assert page.count("data:image/") > 20


def test_the_page_shows_our_counts_beside_the_published_ones(finished: Path) -> None:
    page = newest(finished, "08_reporting", "study_report.html").read_text(encoding="utf-8")
    counts = [
        pd.read_parquet(newest(finished, "05_model_input", f"{split}_images.parquet"))[
            "is_positive"
        ]
        for split in ("training", "test")
    ]

    for expected in [f"{int(count.sum())} + {int((~count).sum())}" for count in counts]:
        assert expected in page
    confusion = document(finished, "classifier_metrics")["judges"]["image_classifier"]["confusion"]
    assert sum(confusion.values()) == len(counts[1])
    assert f"<b>{confusion['tp']}</b>" in page


def test_the_funnel_only_narrows(finished: Path) -> None:
    images = pd.read_parquet(newest(finished, "08_reporting", "study_funnel.parquet"))["images"]

    assert images.is_monotonic_decreasing
    assert images.iloc[-1] > 0


def test_what_the_stages_decided_agrees_with_what_was_drawn(finished: Path) -> None:
    truth = document(finished, "truth_metrics")

    assert truth["downloads"]["broken files refused"]["value"] == 1
    assert truth["downloads"]["sound files taken"]["value"] == 1
    assert truth["duplicates"]["precision"]["value"] > 0.9
    assert truth["duplicates"]["recall"]["value"] > 0.8
    assert truth["labels"]["images labelled as drawn"]["value"] > 0.9


def test_no_near_copy_of_a_test_image_is_trained_on(finished: Path) -> None:
    truth = pd.read_parquet(finished / "data/test/01_raw/gallery/truth.parquet")
    scene_of = truth.drop_duplicates("image_sha256").set_index("image_sha256")["scene_id"]
    scenes = {
        split: set(
            pd.read_parquet(newest(finished, "05_model_input", f"{split}_images.parquet"))[
                "image_id"
            ].map(scene_of)
        )
        for split in ("training", "validation", "test")
    }

    assert not scenes["training"] & scenes["test"]
    assert not scenes["training"] & scenes["validation"]
    assert not scenes["validation"] & scenes["test"]


def test_every_number_with_an_interval_lies_in_it_and_says_its_n(finished: Path) -> None:
    estimates = [
        value
        for name in ("study_metrics", "classifier_metrics", "distances", "truth_metrics")
        for value in _estimates(document(finished, name))
    ]

    assert len(estimates) > 30
    for estimate in estimates:
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
        assert estimate["n"] > 0


def _estimates(tree: Any) -> list[dict[str, float]]:
    if isinstance(tree, dict):
        if {"value", "low", "high", "n"} <= set(tree):
            return [tree]
        return [found for value in tree.values() for found in _estimates(value)]
    return []


def test_the_record_traces_every_dataset_to_the_node_that_made_it(finished: Path) -> None:
    path = finished / "data/test/08_reporting/run_record.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    traced = {row["dataset"]: row for row in record["datasets"]}

    assert traced["raw_images"]["produced_by"] == "download_images"
    assert set(traced) >= pipelines["__default__"].all_outputs() - {"study_report"}
    assert all((finished / row["path"]).exists() for row in traced.values())


def test_two_runs_with_different_parameters_stand_side_by_side_in_mlflow(project: Path) -> None:
    other = "--params=evaluation.one_class.nu=0.3"
    done = kedro(project, "run", "--env=test", "--from-nodes=train_one_class_svm", other)
    assert done.returncode == 0, done.stderr

    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("cosmop")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    second, first = (run for run in found if "mlflow.parentRunId" not in run.data.tags)

    assert tuple(run.data.params["evaluation.one_class.nu"] for run in (first, second)) == (
        "0.1",
        "0.3",
    )
    assert other in second.data.tags["command"]
    key = "classifier_metrics.judges.one_class_svm.accuracy"
    written = flatten(document(project, "classifier_metrics"))
    assert written["judges.one_class_svm.accuracy.value"] == second.data.metrics[key]
    assert {"FINISHED"} == {run.info.status for run in (first, second)}
    assert first.data.params.keys() == second.data.params.keys()
    default = "annotation.tasks.audit_share"  # in no file, of a stage that only the first ran
    assert first.data.params[default] == second.data.params[default] == "0.1"
    table = "one_class_features"
    assert second.data.tags[f"loaded.{table}"] == first.data.tags[f"saved.{table}"]
    model = client.get_model_version_by_alias("cosmop-generator", "champion")
    assert model.run_id == first.info.run_id
    curve = client.get_metric_history(first.info.run_id, "curve.distance")
    assert len(curve) == 3


def test_each_training_of_the_augmentation_study_is_a_child_run(finished: Path) -> None:
    client = MlflowClient(f"sqlite:///{finished}/mlflow.db")
    experiment = client.get_experiment_by_name("cosmop")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    study = document(finished, "augmentation_study")

    told = {
        (run.data.params["arm"], int(run.data.params["seed"])): run.data.metrics["accuracy"]
        for run in runs
        if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }

    assert told == {
        (arm["name"], each["seed"]): each["accuracy"]
        for arm in study["arms"]
        for each in arm["per_seed"]
    }


def test_the_same_seeds_give_the_same_study(finished: Path, tmp_path: Path) -> None:
    again = copy_project(tmp_path)
    done = kedro(again, "run", "--env=test", "--to-outputs=labelled_images,person_filter_metrics")
    assert done.returncode == 0, done.stderr

    columns = ["image_id", "carrying_bags", "is_positive"]
    expected, actual = (
        pd.read_parquet(newest(folder, "03_primary", "labelled_images.parquet"))[columns]
        for folder in (finished, again)
    )
    by_id = [table.sort_values("image_id", ignore_index=True) for table in (expected, actual)]
    pd.testing.assert_frame_equal(*by_id)
    assert document(finished, "person_filter_metrics") == document(again, "person_filter_metrics")
