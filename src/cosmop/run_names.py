"""Names that somebody asked to run, and that the project does not have."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from kedro.pipeline import Pipeline

_FLAGS = {
    "node_names": ("--nodes", "nodes"),
    "from_nodes": ("--from-nodes", "nodes"),
    "to_nodes": ("--to-nodes", "nodes"),
    "tags": ("--tags", "tags"),
    "from_inputs": ("--from-inputs", "data sets"),
    "to_outputs": ("--to-outputs", "data sets"),
}
_FEW = 20


def misnamed(pipelines: Mapping[str, Pipeline], asked: Mapping[str, Any]) -> str | None:
    """Say which name is unknown, or that no node fits all of them; None if neither is so.

    Args:
        pipelines: All that the project has.
        asked: What `KedroSession.run` was given.
    """
    chosen = [*(asked.get("pipeline_names") or ["__default__"])]
    for name in chosen:
        if name not in pipelines:
            return f"`--pipelines` must name pipelines, got {name!r}; {_hint(name, pipelines)}"
    asked_of = sum((pipelines[name] for name in chosen), Pipeline([]))
    known = _names(asked_of)
    for argument, (flag, kind) in _FLAGS.items():
        for name in asked.get(argument) or ():
            if name not in known[kind]:
                where = _pipeline_with(name, kind, pipelines)
                hint = where or _hint(name, known[kind])
                return f"`{flag}` must name {kind} of {_some(chosen)}, got {name!r}; {hint}"
    used = [flag for argument, (flag, _) in _FLAGS.items() if asked.get(argument)]
    if not used or _has_fitting(asked_of, asked):
        return None
    return f"No node fits all of {', '.join(used)}; give fewer of them."


def _names(pipeline: Pipeline) -> dict[str, set[str]]:
    return {
        "nodes": {node.name for node in pipeline.nodes},
        "tags": {tag for node in pipeline.nodes for tag in node.tags},
        "data sets": pipeline.datasets(),
    }


def _pipeline_with(name: str, kind: str, pipelines: Mapping[str, Pipeline]) -> str:
    holders = [key for key, pipeline in pipelines.items() if name in _names(pipeline)[kind]]
    return f"add `--pipelines={holders[0]}`, which has it." if holders else ""


def _hint(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    few = len(known) <= _FEW
    return f"known are {_some(sorted(known))}." if few else "`make viz` shows them all."


def _some(names: Iterable[str]) -> str:
    return ", ".join(name for name in names if name != "__default__") or "the whole study"


def _has_fitting(pipeline: Pipeline, asked: Mapping[str, Any]) -> bool:
    try:
        pipeline.filter(**{name: asked.get(name) for name in _FLAGS})
    except ValueError:
        return False
    return True
