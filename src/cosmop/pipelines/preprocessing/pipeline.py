"""Wiring of the preprocessing pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.preprocessing.nodes import (
    group_duplicates,
    hash_images,
    keep_best_copies,
    keep_people,
    score_people,
)


def create_pipeline() -> Pipeline:
    """Return ``raw_images → unique_images → people_images``."""
    return Pipeline(
        [
            Node(
                hash_images,
                ["raw_images", "params:preprocessing.hashing"],
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
                keep_best_copies,
                ["raw_images", "duplicate_groups"],
                "unique_images",
                name="keep_best_copies",
            ),
            Node(
                score_people,
                ["unique_images", "person_filter", "params:preprocessing.scoring"],
                "person_scores",
                name="score_people",
            ),
            Node(
                keep_people,
                ["unique_images", "person_scores", "params:preprocessing.people"],
                "people_images",
                name="keep_people",
            ),
        ],
        tags="preprocessing",
    )
