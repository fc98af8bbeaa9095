"""The study as one sentence of pipelines, in the order they are told."""

from kedro.pipeline import Pipeline

from cosmop.pipelines import (
    annotation,
    compliance,
    evaluation,
    exploration,
    export,
    generation,
    ingestion,
    person_filter,
    preprocessing,
    reporting,
)
from cosmop.pipelines.stages import stage

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
    """Return every pipeline by name; ``__default__`` is the whole study, in stages.

    What is done with a finished study is left out of it, and runs when asked for by name.

    All are registered even when one is asked for (their heavy imports lie inside the nodes), so
    that a run can say which pipeline makes what it lacks.
    """
    story = {name: stage(name, module.create_pipeline()) for name, module in _STORY.items()}
    afterwards = {
        "compliance": compliance.create_pipeline(),
        "exploration": exploration.create_pipeline(),
        "export": export.create_pipeline(),
        "published_protocol": evaluation.create_published_protocol(),
    }
    return story | afterwards | {"__default__": sum(story.values(), Pipeline([]))}
