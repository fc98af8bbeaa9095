"""Wiring of the preprocessing pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.preprocessing.nodes import (
    choose_images,
    flag_images,
    group_duplicates,
    hash_images,
    keep_best_copies,
    keep_people,
    review_duplicates,
    score_people,
)


def create_pipeline() -> Pipeline:
    """Return ``raw_images → unique_images → people_images``."""
    return Pipeline(
        [
            Node(
                hash_images,
                ["raw_images", "raw_hashes", "params:preprocessing.hashing"],
                "image_hashes",
                name="hash_images",
            ),
            Node(
                group_duplicates,
                ["image_hashes", "raw_images", "params:preprocessing.duplicates"],
                "duplicate_groups",
                name="group_duplicates",
            ),
            Node(
                flag_images,
                ["raw_images", "image_hashes", "params:preprocessing.flags"],
                "image_flags",
                name="flag_images",
            ),
            Node(
                choose_images,
                [
                    "duplicate_groups",
                    "image_flags",
                    "curation_decisions",
                    "params:preprocessing.curation",
                ],
                "curation_choices",
                name="choose_images",
            ),
            Node(
                keep_best_copies,
                ["raw_images", "curation_choices"],
                "unique_images",
                name="keep_best_copies",
            ),
            Node(
                score_people,
                ["unique_images", "person_filter", "params:preprocessing.scoring"],
                ["person_scores", "person_boxes"],
                name="score_people",
            ),
            Node(
                keep_people,
                ["unique_images", "person_scores", "params:preprocessing.people"],
                "people_images",
                name="keep_people",
            ),
            Node(
                review_duplicates,
                ["raw_images", "duplicate_groups", "image_hashes", "params:preprocessing.review"],
                "duplicate_review",
                name="review_duplicates",
            ),
        ],
        tags="preprocessing",
    )
