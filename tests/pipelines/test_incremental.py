"""``kedro run --runner cosmop.runners.IncrementalRunner`` runs what changed, and nothing else."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from cosmop.code_versions import code_of
from cosmop.runners import DryRunner
from tests.incremental import (
    ChangingStudy,
    following,
    makers_of,
    nodes_with,
    readers_of,
    study,
    takers_of,
)
from tests.project import kedro

pytestmark = [
    pytest.mark.slow,  # each run is a process of its own that imports Kedro and MLflow
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning"),  # Kedro does
]

OF_EACH_STAGE = {
    "ingestion.queries.keywords": ["harbour"],
    "ingestion.download.slots": 3,
    "person_filter.training.epochs": 5,
    "preprocessing.duplicates.radius_bits": 7,
    "preprocessing.people.threshold": 0.3,
    "annotation.split.seed": 1,
    "generation.sampling.truncation": 0.9,
    "evaluation.distances.seed": 1,
    "reporting.report.thumbnail_px": 120,
}
CODE = (
    "cosmop.collecting.queries",
    "cosmop.imaging.decoding",
    "cosmop.labels.splits",
    "cosmop.classifiers.one_class",
    "cosmop.metrics.kernel",
    "cosmop.metrics.paired",
    "cosmop.reports.figures",
    "cosmop.errors",
)


@pytest.fixture(scope="module")
def changing(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> ChangingStudy:
    folder = tmp_path_factory.mktemp("changing")
    project = shutil.copytree(finished, folder / "project", symlinks=True)
    return ChangingStudy(project, folder / "src")


@pytest.fixture(scope="module")
def unchanged(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(finished, tmp_path_factory.mktemp("unchanged") / "p", symlinks=True)


@pytest.mark.parametrize("name", OF_EACH_STAGE)
def test_a_parameter_of_each_stage_asks_for_its_nodes_and_all_that_follow(
    name: str, unchanged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given: object = OF_EACH_STAGE[name]
    for part in reversed(name.split(".")):
        given = {part: given}
    bootstrap_project(unchanged)
    with KedroSession.create(unchanged, env="test", runtime_params=given) as session:
        session.run(runner=DryRunner())
    told = re.findall(r"^  (\w+)  +(.*)$", capsys.readouterr().out, re.MULTILINE)

    assert {node for node, _ in told} == following(takers_of(name))
    because = {node for node, why in told if f"parameter {name} changed" in why}
    assert because
    assert because <= takers_of(name)


@pytest.mark.parametrize("module", CODE)
def test_a_node_is_made_of_every_module_it_reaches(module: str) -> None:
    assert {node.name for node in study().nodes if module in code_of(node.func)} == nodes_with(
        module
    )


def test_a_picture_that_was_withdrawn_asks_for_the_download_and_all_that_follows(
    project: Path,
) -> None:
    raw = project / "data" / "test" / "01_raw"
    wanted = pd.read_parquet(next(raw.rglob("raw_images*/*/*.parquet")))["image_id"].iloc[0]
    (raw / "removal_requests.csv").write_text(f"image,reason\n{wanted},asked\n")

    assert kedro(project, "run", "--env=test", "--pipelines=compliance").returncode == 0
    plan = kedro(project, "run", "--env=test", "--runner=cosmop.runners.DryRunner").stdout

    told = dict(re.findall(r"^  (\w+)  +(.*)$", plan, re.MULTILINE))
    assert set(told) == following({"download_images"})
    assert "input download_work changed" in told["download_images"]


def test_other_words_in_the_code_run_nothing(changing: ChangingStudy) -> None:
    changing.reword("cosmop.metrics.kernel")

    assert changing.run() == []
    assert "Nothing has changed: none of" in changing.output


def test_an_edited_domain_module_runs_the_nodes_that_reach_it(changing: ChangingStudy) -> None:
    changing.edit("cosmop.metrics.judgement")

    assert set(changing.run()) == following(nodes_with("cosmop.metrics.judgement"))
    assert "code changed: metrics.judgement" in changing.output


def test_a_deleted_output_is_made_again(changing: ChangingStudy) -> None:
    shutil.rmtree(changing.versions("confusion_plot")[-1])

    assert set(changing.run()) == following(makers_of("confusion_plot"))
    assert changing.versions("confusion_plot")


def test_two_versions_stand_side_by_side_and_either_can_be_used(changing: ChangingStudy) -> None:
    changing.parameters["evaluation.one_class.nu"] = 0.3
    assert set(changing.run()) == following(takers_of("evaluation.one_class.nu"))

    changing.pins["one_class_svm"] = changing.versions("one_class_svm")[0].name
    assert set(changing.run()) == following(readers_of("one_class_svm"))

    changing.pins.clear()
    assert set(changing.run()) == following(readers_of("one_class_svm"))


def test_after_a_power_cut_it_goes_on_where_it_was(changing: ChangingStudy) -> None:
    changing.parameters["generation.sampling.first_seed"] = 100
    needed = following(takers_of("generation.sampling.first_seed"))

    finished = changing.run_and_kill_in("study_augmentation", after_s=0.5)
    assert finished
    assert "study_augmentation" not in finished

    assert set(changing.run()) == needed - set(finished)
    assert changing.run() == []
