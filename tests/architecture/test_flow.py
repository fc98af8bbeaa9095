"""How the study is wired, and how kedro-viz shows it."""

import json
from itertools import pairwise
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework.project import configure_project, pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_viz.data_access import DataAccessManager

from cosmop import settings
from cosmop.pipelines.stages import stage
from tests.flow import GOLDEN, flow_text
from tests.project import PROJECT

SENTENCE = """
    search_queries image_candidates raw_images image_hashes duplicate_groups unique_images
    person_scores people_images annotations labelled_images training_images stylegan2_snapshots
    generator synthetic_images features scores study_report
""".split()  # noqa: SIM905  it is a sentence


@pytest.fixture(autouse=True)
def _project() -> None:
    configure_project("cosmop")


def study() -> Pipeline:
    whole: Pipeline = pipelines["__default__"]
    return whole


@pytest.mark.parametrize("environment", ["base", "study", "folder"])
def test_layers_follow_one_another_in_every_pipeline(environment: str) -> None:
    arguments: dict[str, Any] = settings.CONFIG_LOADER_ARGS
    loader = OmegaConfigLoader(str(PROJECT / "conf"), env=environment, **arguments)
    catalog = DataCatalog.from_config(loader["catalog"], credentials=loader["credentials"])
    shown = DataAccessManager()
    shown.add_catalog(catalog, dict(pipelines))
    shown.add_pipelines(dict(pipelines))

    for name in pipelines:  # kedro-viz shows no layers at all where they go round in a circle
        shown.create_modular_pipelines_tree_for_registered_pipeline(name)
        assert shown.get_sorted_layers_for_registered_pipeline(name), name
    layers = shown.get_sorted_layers_for_registered_pipeline("__default__")
    assert layers[0] == "raw"
    assert layers[-1] == "reporting"


def test_the_flow_is_wired_as_it_was_reviewed() -> None:
    assert flow_text() == GOLDEN.read_text(encoding="utf-8"), (
        "The wiring has changed; if that is wanted, run `python -m tests.flow` and review the "
        f"difference in {GOLDEN.relative_to(PROJECT)}."
    )


def test_each_part_of_the_sentence_is_made_from_the_one_before() -> None:
    for before, after in pairwise(SENTENCE):
        assert after in study().from_inputs(before).all_outputs(), f"{before} → {after}"


def test_every_node_of_the_study_lies_in_a_stage_and_keeps_its_name() -> None:
    for node in study().nodes:
        assert node.name == node.func.__name__
        assert node in pipelines[str(node.namespace)].nodes


def test_a_stage_runs_by_its_namespace_and_keeps_what_its_nodes_are() -> None:
    for name in {str(node.namespace) for node in study().nodes}:
        found = study().filter(node_namespaces=[name])

        assert set(found.nodes) == set(pipelines[name].nodes)
        assert stage(name, found).datasets() == found.datasets()
        assert all(name in node.tags for node in found.nodes)


def test_styles_are_of_what_is_there_and_the_sentence_stands_out() -> None:
    styles = json.loads((PROJECT / ".viz" / "styles.json").read_text(encoding="utf-8"))
    trainers = {node.name for node in study().nodes if "training" in node.tags}

    assert set(styles) <= {node.name for node in study().nodes} | study().datasets()
    assert {json.dumps(styles[name]) for name in SENTENCE} == {json.dumps(styles["generator"])}
    assert trainers <= styles.keys()
