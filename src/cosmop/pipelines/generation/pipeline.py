"""Wiring of the generation pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.drawings import drawn
from cosmop.pipelines.generation.drawing import draw_networks
from cosmop.pipelines.generation.nodes import (
    generate_images,
    select_generator,
    tabulate_curve,
    train_stylegan2,
)


def create_pipeline() -> Pipeline:
    """Return ``training_images → stylegan2_snapshots → generator → synthetic_images``."""
    return Pipeline(
        [
            drawn(
                Node(
                    train_stylegan2,
                    [
                        "training_images",
                        "person_filter",
                        "training_workspace",
                        "params:generation.preset",
                        "params:generation.network",
                        "params:generation.training",
                        "params:generation.features",
                        "params:generation.judging",
                        "params:generation.control",
                    ],
                    ["stylegan2_snapshots", "generator_images"],
                    name="train_stylegan2",
                    tags="training",
                ),
                draw_networks,
            ),
            Node(
                tabulate_curve,
                "stylegan2_snapshots",
                ["distance_curve", "distance_curve_plot"],
                name="tabulate_curve",
            ),
            Node(
                select_generator,
                ["stylegan2_snapshots", "distance_curve"],
                ["generator", "generator_metrics"],
                name="select_generator",
            ),
            Node(
                generate_images,
                ["generator", "training_images", "image_store", "params:generation.sampling"],
                "synthetic_images",
                name="generate_images",
            ),
        ],
        tags="generation",
    )
