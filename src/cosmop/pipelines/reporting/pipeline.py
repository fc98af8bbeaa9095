"""Wiring of the reporting pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.reporting.nodes import (
    compare_with_truth,
    summarise_funnel,
    summarise_study,
    write_data_cards,
    write_model_cards,
    write_report,
)

_SHOWN = (
    "run_record",
    "study_funnel",
    "truth_metrics",
    "download_log",
    "raw_images",
    "duplicate_groups",
    "duplicate_review",
    "image_flags",
    "curation_choices",
    "unique_images",
    "person_scores",
    "person_filter_metrics",
    "person_filter_curve",
    "person_filter_problems",
    "people_images",
    "labelled_images",
    "label_metrics",
    "training_images",
    "validation_images",
    "test_images",
    "split_manifest",
    "stylegan2_snapshots",
    "distance_curve",
    "generator_metrics",
    "synthetic_images",
    "distances",
    "memorisation",
    "leak_checks",
    "scores",
    "classifier_metrics",
    "one_class_metrics",
    "detector_metrics",
    "error_heat_maps",
    "augmentation_study",
)
_MEASURED = (
    "run_record",
    "person_filter_metrics",
    "generator_metrics",
    "distances",
    "memorisation",
    "one_class_metrics",
    "classifier_metrics",
)


def create_pipeline() -> Pipeline:
    """Return ``everything → study_report``, and the cards of models and sets."""
    return Pipeline(
        [
            Node(
                summarise_funnel,
                [
                    "image_candidates",
                    "raw_images",
                    "unique_images",
                    "people_images",
                    "labelled_images",
                ],
                "study_funnel",
                name="summarise_funnel",
            ),
            Node(
                compare_with_truth,
                [
                    "scene_truth",
                    "download_log",
                    "duplicate_groups",
                    "people_images",
                    "labelled_images",
                ],
                "truth_metrics",
                name="compare_with_truth",
            ),
            Node(
                summarise_study,
                [
                    "study_funnel",
                    "person_filter_metrics",
                    "generator_metrics",
                    "classifier_metrics",
                    "distances",
                    "memorisation",
                    "augmentation_study",
                    "truth_metrics",
                ],
                "study_metrics",
                name="summarise_study",
            ),
            Node(
                write_report,
                {"options": "params:reporting.report", "data_card": "params:reporting.data_card"}
                | {name: name for name in _SHOWN},
                "study_report",
                name="write_report",
            ),
            Node(
                write_model_cards,
                {name: name for name in _MEASURED},
                "model_cards",
                name="write_model_cards",
            ),
            Node(
                write_data_cards,
                {"data_card": "params:reporting.data_card"} | {name: name for name in _SHOWN},
                "data_cards",
                name="write_data_cards",
            ),
        ],
        tags="reporting",
    )
