"""Wiring of the annotation pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.annotation.nodes import (
    import_labels,
    label_images,
    make_label_tasks,
    record_split,
    split_images,
)


def create_pipeline() -> Pipeline:
    """Return ``people_images → labelled_images → training, validation and test images``."""
    return Pipeline(
        [
            Node(
                make_label_tasks,
                [
                    "people_images",
                    "person_scores",
                    "params:annotation.schema",
                    "params:annotation.tasks",
                ],
                "label_tasks",
                name="make_label_tasks",
            ),
            Node(
                import_labels,
                ["label_export", "label_tasks", "people_images", "params:annotation.schema"],
                ["annotations", "label_problems"],
                name="import_labels",
            ),
            Node(
                label_images,
                ["people_images", "annotations", "params:annotation.schema"],
                "labelled_images",
                name="label_images",
            ),
            Node(
                split_images,
                ["labelled_images", "image_hashes", "params:annotation.split"],
                ["training_images", "validation_images", "test_images"],
                name="split_images",
            ),
            Node(
                record_split,
                ["training_images", "validation_images", "test_images", "split_history"],
                "split_manifest",
                name="record_split",
            ),
        ],
        tags="annotation",
    )
