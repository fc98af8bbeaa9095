"""Runners that do only what has changed, or only say what they would do.

``kedro run --runner cosmop.runners.IncrementalRunner`` and ``… cosmop.runners.DryRunner``.
"""

from collections.abc import Mapping
from typing import Any

import click
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from cosmop.node_records import (
    changes,
    is_kept,
    is_pinned,
    last_record,
    record_now,
)

Reasons = dict[str, list[str]]


class IncrementalRunner(SequentialRunner):
    """Runs a node if its code, its parameters or what it reads changed, or an output is missing.

    What has not changed is not run: its newest output stands for it, or the version that
    ``--load-versions`` names. What a node was is written down when it has run, by whatever runner
    (`cosmop.hooks.NodeRecords`); so after a crash, nodes that had finished are not run again.
    """

    def run(
        self,
        pipeline: Pipeline,
        catalog: Any,
        hook_manager: Any = None,
        run_id: str | None = None,
        only_missing_outputs: bool = False,
    ) -> dict[str, Any]:
        """Run what has to run; see `AbstractRunner.run`."""
        reasons = why_to_run(pipeline, catalog)
        _tell(pipeline, reasons, "run")
        chosen = pipeline.filter(node_names=list(reasons)) if reasons else Pipeline([])
        super().run(chosen, catalog, hook_manager, run_id, only_missing_outputs)
        return {name: catalog[name] for name in pipeline.outputs()}


class DryRunner(SequentialRunner):
    """Runs nothing: prints which nodes `IncrementalRunner` would run, and why."""

    def run(
        self,
        pipeline: Pipeline,
        catalog: Any,
        hook_manager: Any = None,  # noqa: ARG002  Kedro hands them to every runner
        run_id: str | None = None,  # noqa: ARG002
        only_missing_outputs: bool = False,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Print the plan and return no outputs."""
        _tell(pipeline, why_to_run(pipeline, catalog), "would run")
        return {}


def why_to_run(pipeline: Pipeline, catalog: DataCatalog) -> Reasons:
    """Return the nodes that have to run, in order, each with its reasons."""
    reasons: Reasons = {}
    while True:
        for node in pipeline.nodes:
            found = _reasons_of(node, pipeline, catalog, reasons)
            if found:
                reasons[node.name] = found
        lacking = _makers_of_what_is_not_kept(pipeline, catalog, reasons)
        if not lacking:
            order = [node.name for node in pipeline.nodes]
            return {name: reasons[name] for name in sorted(reasons, key=order.index)}
        reasons |= lacking


def _reasons_of(
    node: Node, pipeline: Pipeline, catalog: DataCatalog, reasons: Reasons
) -> list[str]:
    if node.outputs and all(is_pinned(catalog, name) for name in node.outputs):
        return []
    if node.name in reasons:
        return reasons[node.name]
    upstream = {
        name: maker.name
        for maker in pipeline.nodes
        if maker.name in reasons
        for name in maker.outputs
        if name in node.inputs and not is_pinned(catalog, name)
    }
    if upstream:
        return [f"{name} is made anew" for name in sorted(upstream)]
    before = last_record(node, catalog)
    if before is None:
        return ["it has no record of having run here"]
    now = record_now(node, catalog)
    return changes(before, now) + _unusable(node, catalog, before.written, now.written)


def _unusable(
    node: Node, catalog: DataCatalog, before: Mapping[str, str], now: Mapping[str, str]
) -> list[str]:
    """Say which outputs are not those that the node wrote when it last ran."""
    own = [name for name in node.outputs if is_kept(catalog, name) and not is_pinned(catalog, name)]
    lost = [name for name in own if not catalog.exists(name)]
    foreign = [name for name in own if name not in lost and before.get(name) != now.get(name)]
    return [f"output {name} is missing" for name in lost] + [
        f"output {name} is of another run" for name in foreign
    ]


def _makers_of_what_is_not_kept(
    pipeline: Pipeline, catalog: DataCatalog, reasons: Reasons
) -> Reasons:
    """Return the nodes whose outputs live in memory only and are needed by a node that runs."""
    needed = {name for node in pipeline.nodes if node.name in reasons for name in node.inputs}
    return {
        node.name: [f"{sorted(lost)[0]} is not kept from run to run"]
        for node in pipeline.nodes
        if node.name not in reasons
        and (lost := {name for name in needed & set(node.outputs) if not is_kept(catalog, name)})
    }


def _tell(pipeline: Pipeline, reasons: Reasons, verb: str) -> None:
    count = len(pipeline.nodes)
    if not reasons:
        click.echo(f"Nothing has changed: none of {count} nodes {verb}.")
        return
    click.echo(f"{len(reasons)} of {count} nodes {verb}:")
    width = max(map(len, reasons))
    for name, why in reasons.items():
        click.echo(f"  {name:{width}}  {'; '.join(why)}")
