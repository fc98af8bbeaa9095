"""Wiring of the person_filter pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.drawings import drawn
from cosmop.pipelines.person_filter.drawing import draw_person_filter
from cosmop.pipelines.person_filter.nodes import (
    collect_person_filter_images,
    measure_person_source_leak,
    train_person_filter,
)


def create_pipeline() -> Pipeline:
    """Return ``images with and without people → person_filter``."""
    return Pipeline(
        [
            Node(
                collect_person_filter_images,
                [
                    "people_folder",
                    "no_people_folder",
                    "image_store",
                    "params:person_filter.limits",
                    "params:person_filter.sources",
                ],
                ["person_filter_images", "person_filter_problems"],
                name="collect_person_filter_images",
            ),
            Node(
                measure_person_source_leak,
                ["person_filter_images", "params:person_filter.source_leak"],
                "person_source_leak",
                name="measure_person_source_leak",
            ),
            drawn(
                Node(
                    train_person_filter,
                    [
                        "person_filter_images",
                        "person_source_leak",
                        "person_filter_work",
                        "params:person_filter.network",
                        "params:person_filter.training",
                    ],
                    [
                        "person_filter",
                        "person_filter_history",
                        "person_filter_held_out",
                        "person_filter_curve",
                        "person_filter_metrics",
                    ],
                    name="train_person_filter",
                ),
                draw_person_filter,
            ),
        ],
        tags="person_filter",
    )
