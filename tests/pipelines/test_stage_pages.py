"""The pages of the stages name what goes in and out, and parameters that there are."""

import re
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
from kedro.framework.project import configure_project, pipelines
from kedro.pipeline import Node
from pydantic import BaseModel

from tests.project import PROJECT

STAGES = sorted(path.stem for path in (PROJECT / "docs/stages").glob("[a-z]*.md"))
_EVERYTHING = "everything above"


@pytest.fixture(autouse=True)
def _project() -> None:
    configure_project("cosmop")


def page_of(stage: str) -> str:
    return (PROJECT / f"docs/stages/{stage}.md").read_text(encoding="utf-8")


def first_column(page: str, head: str) -> set[str]:
    rows = page.split(head)[1].split("\n\n", maxsplit=1)[0].splitlines()
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])}


def is_parameter(name: str, nodes: list[Node]) -> bool:
    """Tell whether a node is given this parameter, or options that have it."""
    for node in nodes:
        hints = get_type_hints(node.func)
        given = dict(zip(hints, node.inputs, strict=False))
        named = node._inputs if isinstance(node._inputs, dict) else given
        for argument, dataset in named.items():
            group = dataset.removeprefix("params:")
            if dataset != group and f"{name}.".startswith(f"{group}."):
                return _has(hints.get(argument), name.removeprefix(group).split(".")[1:])
    return False


def _has(kind: Any, path: list[str]) -> bool:
    if not path:
        return True
    models = [m for m in (kind, *_parts(kind)) if isinstance(m, type) and issubclass(m, BaseModel)]
    return any(
        path[0] in model.model_fields and _has(model.model_fields[path[0]].annotation, path[1:])
        for model in models
    )


def _parts(kind: Any) -> Iterator[Any]:
    for part in getattr(kind, "__args__", ()):
        yield part
        yield from _parts(part)


def test_every_pipeline_has_a_page() -> None:
    assert {"__default__", "published_protocol", *STAGES} == set(pipelines)


@pytest.mark.parametrize("stage", STAGES)
def test_a_page_names_what_goes_in(stage: str) -> None:
    inputs = {name for name in pipelines[stage].inputs() if not name.startswith("params:")}
    named = first_column(page_of(stage), "| in | |")
    all_named = _EVERYTHING in page_of(stage)
    again = {name for name in inputs if name.removesuffix("_so_far") in named}  # the same file

    assert named <= inputs
    assert all_named or inputs - again == named - again


@pytest.mark.parametrize("stage", STAGES)
def test_a_page_names_what_goes_out(stage: str) -> None:
    assert first_column(page_of(stage), "| out | |") == pipelines[stage].all_outputs()


@pytest.mark.parametrize("stage", STAGES)
def test_the_parameters_of_a_page_exist(stage: str) -> None:
    named = first_column(page_of(stage), "| parameter | matters because |")
    nodes = pipelines[stage].nodes

    assert named
    assert {name for name in named if not is_parameter(name, nodes)} == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_misspelt_parameter_would_be_noticed(stage: str) -> None:
    named = first_column(page_of(stage), "| parameter | matters because |")

    assert not any(is_parameter(f"{name}x", pipelines[stage].nodes) for name in named)
