"""Wiring of the compliance pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.compliance.nodes import check_posts, withdraw_images


def create_pipeline() -> Pipeline:
    """Return ``withdrawn_posts → withdrawn_images``."""
    return Pipeline(
        [
            Node(
                check_posts,
                ["search_work", "params:compliance.posts", "x_api_token", "host_addresses"],
                "withdrawn_posts",
                name="check_posts",
            ),
            Node(
                withdraw_images,
                [
                    "withdrawn_posts",
                    "removal_requests",
                    "every_image_candidates",
                    "every_download_log",
                    "image_store",
                    "download_work",
                ],
                "withdrawn_images",
                name="withdraw_images",
            ),
        ],
        tags="compliance",
    )
