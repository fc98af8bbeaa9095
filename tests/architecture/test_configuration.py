"""Catalog, nodes and parameters are complete in both directions, for every environment."""

from pathlib import Path

import pytest
from kedro.framework.project import configure_project, pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.validation.parameter_validator import ParameterValidator

from cosmop import settings
from cosmop.collecting.providers.providers import providers_from
from cosmop.config_loader import PROVIDERS, StudyConfigLoader
from cosmop.demo.world import DemoOptions
from cosmop.hooks import _check_parameter_names

PROJECT = Path(__file__).parents[2]
ENVIRONMENTS = ("base", "test", "study", "folder")
PARAMETERS_OF_HOOKS = {"demo"}
DATASETS_OF_HOOKS = {"node_records"}


@pytest.fixture(autouse=True)
def _project() -> None:
    configure_project("cosmop")


def everything() -> Pipeline:
    """All pipelines: the study, and what is done with it afterwards."""
    return sum(pipelines.values(), Pipeline([]))


def loader_of(environment: str) -> StudyConfigLoader:
    return StudyConfigLoader(str(PROJECT / "conf"), env=environment, **settings.CONFIG_LOADER_ARGS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_dataset_of_a_node_is_in_the_catalog_and_the_other_way_round(
    environment: str,
) -> None:
    entries = set(loader_of(environment)["catalog"])
    used = {name for name in everything().datasets() if not name.startswith("params:")}

    assert entries - DATASETS_OF_HOOKS == used


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_parameter_group_is_read_by_a_node_and_every_node_finds_its_own(
    environment: str,
) -> None:
    parameters = loader_of(environment)["parameters"]
    given = {f"{stage}.{group}" for stage, groups in parameters.items() for group in groups}
    given = {name for name in given if name.split(".")[0] not in {PROVIDERS, *PARAMETERS_OF_HOOKS}}
    read = {
        name.removeprefix("params:") for name in everything().inputs() if name.startswith("params:")
    }

    assert given | {PROVIDERS} == read
    _check_parameter_names(parameters)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_parameter_group_is_valid_options(environment: str) -> None:
    parameters = loader_of(environment)["parameters"]

    validated = ParameterValidator(dict(pipelines)).validate_raw_params(parameters)

    for stage, groups in validated.items():
        if stage not in {PROVIDERS, *PARAMETERS_OF_HOOKS}:
            plain = [name for name, value in groups.items() if isinstance(value, dict)]
            assert plain == [], f"{stage}: {plain} reach their nodes unchecked"
    DemoOptions.model_validate(parameters["demo"])
    assert providers_from(parameters[PROVIDERS], list(parameters[PROVIDERS]))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_catalog_entry_can_be_built_with_layer_and_preview(environment: str) -> None:
    loader = loader_of(environment)
    catalog = DataCatalog.from_config(loader["catalog"], credentials=loader["credentials"])

    for name in loader["catalog"]:
        dataset = catalog[name]
        assert dataset.metadata["kedro-viz"]["layer"], name
        assert callable(dataset.preview), name


def test_only_results_of_nodes_are_versioned() -> None:
    entries = loader_of("base")["catalog"]
    made = everything().all_outputs()

    assert {name for name, entry in entries.items() if entry.get("versioned")} == made


def test_node_names_are_the_names_of_their_functions() -> None:
    nodes = everything().nodes

    assert [node.name for node in nodes] == [node.func.__name__ for node in nodes]


def test_the_study_leaves_out_only_what_is_done_with_it_afterwards() -> None:
    left_out = {node.name for node in everything().nodes} - {
        node.name for node in pipelines["__default__"].nodes
    }

    names = ("compliance", "exploration", "published_protocol", "export")
    afterwards = sum((pipelines[name] for name in names), Pipeline([]))
    assert left_out == {node.name for node in afterwards.nodes}
    assert not pipelines["__default__"].inputs() & pipelines["exploration"].all_outputs()


def test_each_provider_is_a_file_and_what_a_person_gives_comes_last() -> None:
    files = {file.stem for file in (PROJECT / "conf/base/providers").glob("*.yml")}
    given = {"providers": {"bing": {"max_results": 7}}}
    loader = StudyConfigLoader(
        str(PROJECT / "conf"), env="test", runtime_params=given, **settings.CONFIG_LOADER_ARGS
    )

    providers = loader["parameters"][PROVIDERS]

    assert set(providers) == files
    assert providers["bing"]["max_results"] == 7
    assert providers["bing"]["kind"] == "page"
