"""Wiring of the annotation pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.annotation.nodes import (
    find_label_issues,
    import_labels,
    label_images,
    make_label_tasks,
    measure_labelling,
    record_split,
    split_images,
    suggest_labels,
)

_LEARNING = [
    "image_hashes",
    "person_filter",
    "feature_cache",
    "params:annotation.schema",
    "params:annotation.suggestions",
    "params:annotation.suggestion_features",
    "params:annotation.split",
]


def create_pipeline() -> Pipeline:
    """Return ``people_images → labelled_images → training, validation and test images``."""
    return Pipeline([*_asking(), *_checking(), *_splitting()], tags="annotation")


def _asking() -> list[Node]:
    return [
        Node(
            suggest_labels,
            ["people_images", "labels_so_far", "annotation_log_so_far", *_LEARNING],
            "label_suggestions",
            name="suggest_labels",
        ),
        Node(
            make_label_tasks,
            [
                "people_images",
                "person_scores",
                "label_suggestions",
                "params:annotation.schema",
                "params:annotation.tasks",
            ],
            "label_tasks",
            name="make_label_tasks",
        ),
        Node(
            import_labels,
            [
                "label_export",
                "annotation_log",
                "label_tasks",
                "people_images",
                "raw_images",
                "params:annotation.schema",
                "params:annotation.import",
            ],
            ["annotations", "label_problems", "label_agreement", "label_disagreements"],
            name="import_labels",
        ),
        Node(
            label_images,
            ["people_images", "annotations", "params:annotation.schema"],
            "labelled_images",
            name="label_images",
        ),
    ]


def _checking() -> list[Node]:
    return [
        Node(
            find_label_issues,
            ["labelled_images", *_LEARNING],
            "label_issues",
            name="find_label_issues",
        ),
        Node(
            measure_labelling,
            [
                "annotations",
                "label_agreement",
                "label_disagreements",
                "label_issues",
                "label_suggestions",
                "params:annotation.schema",
            ],
            "label_metrics",
            name="measure_labelling",
        ),
    ]


def _splitting() -> list[Node]:
    return [
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
    ]
