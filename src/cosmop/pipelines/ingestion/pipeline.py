"""Wiring of the ingestion pipeline."""

from kedro.pipeline import Node, Pipeline

from cosmop.pipelines.ingestion.nodes import build_queries, download_images, search_images


def create_pipeline() -> Pipeline:
    """Return ``search_queries → image_candidates → raw_images``."""
    return Pipeline(
        [
            Node(build_queries, "params:ingestion.queries", "search_queries", name="build_queries"),
            Node(
                search_images,
                [
                    "search_queries",
                    "params:ingestion.search",
                    "params:providers",
                    "x_api_token",
                    "provider_keys",
                    "host_addresses",
                    "search_work",
                ],
                ["image_candidates", "search_log"],
                name="search_images",
            ),
            Node(
                download_images,
                [
                    "image_candidates",
                    "image_store",
                    "params:ingestion.download",
                    "host_addresses",
                    "download_work",
                ],
                ["raw_images", "download_log", "raw_hashes", "download_statistics"],
                name="download_images",
            ),
        ],
        tags="ingestion",
    )
