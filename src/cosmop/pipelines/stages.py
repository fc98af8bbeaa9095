"""Stages of the study: groups of nodes that kedro-viz folds into one box each."""

from kedro.pipeline import Node, Pipeline


class StageNode(Node):
    """A node in a namespace that groups and does not rename.

    Kedro puts the namespace before the names of its nodes, and so into all that people type and
    read: ``kedro run --from-nodes=annotation.import_labels``. Here names stay short, kedro-viz
    still folds the stage, and ``kedro run --namespaces=annotation`` still runs it.
    """

    @property
    def name(self) -> str:
        """The name without the stage."""
        return self.short_name


def stage(name: str, pipeline: Pipeline) -> Pipeline:
    """Return `pipeline` with its nodes grouped under `name`; its data sets keep their names."""
    return Pipeline(
        [
            StageNode(
                node.func,
                node._inputs,
                node._outputs,
                name=node.name,
                tags=node.tags,
                confirms=node._confirms,
                namespace=name,
                preview_fn=node._preview_fn,
            )
            for node in pipeline.nodes
        ]
    )
