"""Wiring of the export pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.export.nodes import export_labelled_set, export_synthetic_set

_OPTIONS = {
    "schema": "params:annotation.schema",
    "data_card": "params:reporting.data_card",
    "options": "params:export.files",
}
_SPLITS = ("training_images", "validation_images", "test_images")
_TOLD = (
    "synthetic_images",
    "split_manifest",
    "distance_curve",
    "distances",
    "memorisation",
    "leak_checks",
)


def create_pipeline() -> Pipeline:
    """Return ``image sets → folders for other people``."""
    return Pipeline(
        [
            Node(
                export_labelled_set,
                {name: name for name in _SPLITS} | _OPTIONS,
                "labelled_export",
                name="export_labelled_set",
                tags="labelled",
            ),
            Node(
                export_synthetic_set,
                {name: name for name in _TOLD} | _OPTIONS,
                "synthetic_export",
                name="export_synthetic_set",
                tags="synthetic",
            ),
        ],
        tags="export",
    )
