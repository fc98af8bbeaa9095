"""Wiring of the exploration pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.exploration.nodes import (
    draw_style_mixing,
    draw_truncation,
    export_synthetic_images,
    film_interpolation,
    project_photograph,
)


def create_pipeline() -> Pipeline:
    """Return ``generator → sheets, video, projection`` and ``synthetic_images → files``."""
    return Pipeline(
        [
            Node(
                draw_style_mixing,
                ["generator", "params:exploration.mixing"],
                "style_mixing_sheet",
                name="draw_style_mixing",
            ),
            Node(
                draw_truncation,
                ["generator", "params:exploration.truncation"],
                "truncation_sheet",
                name="draw_truncation",
            ),
            Node(
                film_interpolation,
                ["generator", "params:exploration.interpolation"],
                "latent_video",
                name="film_interpolation",
            ),
            Node(
                project_photograph,
                [
                    "generator",
                    "training_images",
                    "params:exploration.photograph",
                    "params:exploration.projection",
                ],
                ["projected_image", "projected_latents", "projection_curve"],
                name="project_photograph",
            ),
            Node(
                export_synthetic_images,
                ["generator", "synthetic_images"],
                "exported_images",
                name="export_synthetic_images",
            ),
        ],
        tags="exploration",
    )
