"""Wiring of the person_filter pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.person_filter.nodes import collect_person_filter_images, train_person_filter


def create_pipeline() -> Pipeline:
    """Return ``folders with and without people → person_filter``."""
    return Pipeline(
        [
            Node(
                collect_person_filter_images,
                ["people_folder", "no_people_folder", "image_store", "params:person_filter.limits"],
                "person_filter_images",
                name="collect_person_filter_images",
            ),
            Node(
                train_person_filter,
                [
                    "person_filter_images",
                    "params:person_filter.network",
                    "params:person_filter.training",
                ],
                ["person_filter", "person_filter_history", "person_filter_metrics"],
                name="train_person_filter",
            ),
        ],
        tags="person_filter",
    )
