"""Wiring of the evaluation pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.evaluation.nodes import (
    check_leaks,
    explain_errors,
    extract_distance_features,
    extract_features,
    extract_one_class_features,
    measure_classifiers,
    measure_distances,
    measure_memorisation,
    measure_published_fid,
    score_images,
    score_with_detectors,
    study_augmentation,
    train_image_classifier,
    train_one_class_svm,
)

_ALL_SETS = ["training_images", "validation_images", "test_images", "synthetic_images"]
_EXTRACTION = [*_ALL_SETS, "person_filter", "feature_cache"]


def create_pipeline() -> Pipeline:
    """Return ``synthetic_images → features → scores``, and what follows from them."""
    parts = [_features(), _distances(), _judges(), _question()]
    return Pipeline(sum(parts, Pipeline([])), tags="evaluation")


def create_published_protocol() -> Pipeline:
    """Return the protocol of published figures, asked for by name: it generates 50,000 images."""
    return Pipeline(
        [
            Node(
                measure_published_fid,
                [
                    "generator",
                    "training_images",
                    "person_filter",
                    "params:evaluation.distance_features",
                    "params:generation.sampling",
                ],
                "published_fid",
                name="measure_published_fid",
            )
        ],
        tags="published_protocol",
    )


def _features() -> Pipeline:
    return Pipeline(
        [
            Node(
                extract_features,
                [*_EXTRACTION, "params:evaluation.features"],
                "features",
                name="extract_features",
            ),
            Node(
                extract_one_class_features,
                [*_EXTRACTION, "params:evaluation.one_class_features"],
                "one_class_features",
                name="extract_one_class_features",
            ),
            Node(
                extract_distance_features,
                [*_EXTRACTION, "params:evaluation.distance_features"],
                "distance_features",
                name="extract_distance_features",
            ),
        ]
    )


def _distances() -> Pipeline:
    return Pipeline(
        [
            Node(
                measure_distances,
                [
                    "distance_features",
                    "training_images",
                    "test_images",
                    "synthetic_images",
                    "params:evaluation.distances",
                ],
                "distances",
                name="measure_distances",
            ),
            Node(
                measure_memorisation,
                ["features", *_ALL_SETS, "params:evaluation.memorisation"],
                "memorisation",
                name="measure_memorisation",
            ),
            Node(
                check_leaks,
                [
                    "training_images",
                    "validation_images",
                    "test_images",
                    "image_hashes",
                    "generator_images",
                    "classifier_images",
                    "person_filter_images",
                    "params:annotation.split",
                ],
                "leak_checks",
                name="check_leaks",
            ),
        ]
    )


def _judges() -> Pipeline:
    return Pipeline(
        [
            Node(
                train_one_class_svm,
                ["one_class_features", "params:evaluation.one_class"],
                ["one_class_svm", "one_class_metrics"],
                name="train_one_class_svm",
                tags="training",
            ),
            Node(
                score_with_detectors,
                ["features", "params:evaluation.detectors"],
                ["detector_scores", "detector_metrics"],
                name="score_with_detectors",
                tags="training",
            ),
            Node(
                train_image_classifier,
                [
                    "training_images",
                    "validation_images",
                    "synthetic_images",
                    "person_filter",
                    "classifier_work",
                    "params:evaluation.classifier",
                ],
                ["image_classifier", "image_classifier_metrics", "classifier_images"],
                name="train_image_classifier",
                tags="training",
            ),
            Node(
                score_images,
                [
                    "test_images",
                    "synthetic_images",
                    "one_class_features",
                    "detector_scores",
                    "one_class_svm",
                    "image_classifier",
                    "scene_truth",
                    "params:evaluation.classifier",
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
                explain_errors,
                ["scores", "test_images", "synthetic_images", "image_classifier"],
                "error_heat_maps",
                name="explain_errors",
            ),
        ]
    )


def _question() -> Pipeline:
    return Pipeline(
        [
            Node(
                study_augmentation,
                [
                    *_ALL_SETS,
                    "image_hashes",
                    "person_filter",
                    "augmentation_work",
                    "params:evaluation.augmentation",
                    "params:evaluation.augmentation_classifier",
                    "params:annotation.split",
                ],
                "augmentation_study",
                name="study_augmentation",
                tags="training",
            )
        ]
    )
