"""The study as one sentence of pipelines, in the order they are told."""

from kedro.pipeline import Pipeline

from cosmop.pipelines import (
    annotation,
    evaluation,
    generation,
    ingestion,
    person_filter,
    preprocessing,
    reporting,
)

_STORY = {
    "ingestion": ingestion,
    "person_filter": person_filter,
    "preprocessing": preprocessing,
    "annotation": annotation,
    "generation": generation,
    "evaluation": evaluation,
    "reporting": reporting,
}


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline by name; ``__default__`` is the whole study.

    All are registered even when one is asked for (their heavy imports lie inside the nodes), so
    that a run can say which pipeline makes what it lacks.
    """
    pipelines = {name: module.create_pipeline() for name, module in _STORY.items()}
    return pipelines | {"__default__": sum(pipelines.values(), Pipeline([]))}
