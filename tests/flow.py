"""The flow of all pipelines as text, a line for each wire; ``python -m tests.flow`` accepts it."""

import sys
from collections.abc import Iterator

from kedro.inspection import get_project_snapshot
from kedro.inspection.models import NodeSnapshot, PipelineSnapshot

from tests.project import PROJECT

GOLDEN = PROJECT / "tests" / "architecture" / "flow.txt"


def flow_text() -> str:
    """Return every pipeline with its nodes by name: tags, what each reads (<) and writes (>)."""
    pipelines = get_project_snapshot(PROJECT, env="base").pipelines
    return "\n".join(line for pipeline in pipelines for line in _pipeline(pipeline)) + "\n"


def _pipeline(pipeline: PipelineSnapshot) -> Iterator[str]:
    yield f"pipeline {pipeline.name}"
    for node in sorted(pipeline.nodes, key=lambda node: node.name):
        yield from [f"  {node.name}"] if pipeline.name == "__default__" else _node(node)


def _node(node: NodeSnapshot) -> Iterator[str]:
    stage = f" in {node.namespace}" if node.namespace else ""
    yield f"  {node.name}{stage} [{', '.join(sorted(node.tags))}]"
    yield from (f"    < {name}" for name in node.inputs)
    yield from (f"    > {name}" for name in node.outputs)


if __name__ == "__main__":
    GOLDEN.write_text(flow_text(), encoding="utf-8")
    sys.stdout.write(f"{GOLDEN.relative_to(PROJECT)} is as the flow is now; review its git diff.\n")
