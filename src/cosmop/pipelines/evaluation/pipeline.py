"""Wiring of the evaluation pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.evaluation.nodes import (
    extract_features,
    measure_classifiers,
    measure_distances,
    score_images,
    train_image_classifier,
    train_image_classifier_with_synthetic,
    train_one_class_svm,
)


def create_pipeline() -> Pipeline:
    """Return ``synthetic_images → features → scores``."""
    return Pipeline(
        [
            Node(
                extract_features,
                [
                    "training_images",
                    "validation_images",
                    "test_images",
                    "synthetic_images",
                    "person_filter",
                    "params:evaluation.features",
                ],
                "features",
                name="extract_features",
            ),
            Node(
                train_one_class_svm,
                ["features", "params:evaluation.one_class"],
                ["one_class_svm", "one_class_metrics"],
                name="train_one_class_svm",
                tags="training",
            ),
            Node(
                train_image_classifier,
                [
                    "training_images",
                    "validation_images",
                    "person_filter",
                    "params:evaluation.classifier",
                ],
                "image_classifier",
                name="train_image_classifier",
                tags="training",
            ),
            Node(
                train_image_classifier_with_synthetic,
                [
                    "training_images",
                    "synthetic_images",
                    "validation_images",
                    "person_filter",
                    "params:evaluation.classifier",
                ],
                "image_classifier_with_synthetic",
                name="train_image_classifier_with_synthetic",
                tags="training",
            ),
            Node(
                score_images,
                [
                    "features",
                    "test_images",
                    "synthetic_images",
                    "one_class_svm",
                    "image_classifier",
                    "image_classifier_with_synthetic",
                ],
                "scores",
                name="score_images",
            ),
            Node(
                measure_classifiers,
                "scores",
                ["classifier_metrics", "confusion_plot"],
                name="measure_classifiers",
            ),
            Node(
                measure_distances,
                ["features", "params:evaluation.distances"],
                "distances",
                name="measure_distances",
            ),
        ],
        tags="evaluation",
    )
