"""Drawings that kedro-viz shows of nodes: Mermaid charts of what they train."""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from kedro.pipeline import Node
from kedro.pipeline.preview_contract import MermaidPreview, Meta
from kedro.utils import KedroExperimentalWarning

from cosmop.config import Options

# Kedro-viz hands this on to Mermaid; by its own settings a drawing is 300 pixels wide.
NATURAL_SIZE: Meta = {
    "flowchart": {"useMaxWidth": False, "padding": 5, "nodeSpacing": 20, "rankSpacing": 18},
    "themeVariables": {"fontSize": "12px"},
}

OptionsT = TypeVar("OptionsT", bound=Options)


def drawn(node: Node, preview: Callable[[], MermaidPreview]) -> Node:
    """Return `node` with a drawing for kedro-viz, without Kedro's warning in every run.

    Kedro calls such previews experimental; the tests of the flow look at ours.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KedroExperimentalWarning)
        return node._copy(preview_fn=preview)


def shown(parameter: str, kind: type[OptionsT]) -> OptionsT:
    """Return a parameter group as kedro-viz shows it, in the environment that it was started for.

    Previews get no catalog from Kedro, so they ask kedro-viz for its own.
    """
    value = shown_value(parameter)
    return value if isinstance(value, kind) else kind.model_validate(value)


def shown_value(parameter: str) -> Any:
    """Return a parameter as kedro-viz shows it."""
    from kedro_viz.data_access import data_access_manager  # noqa: PLC0415  only viz needs it

    return data_access_manager.catalog.get_dataset(f"params:{parameter}").load()


def box(name: str, *lines: str) -> str:
    """Return a box of a Mermaid chart; kedro-viz would break its lines again at plain spaces."""
    text = "<br/>".join(lines).replace(" ", "\N{NO-BREAK SPACE}")
    return f'{name}["{text}"]'
