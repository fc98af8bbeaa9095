"""Tell the whole study on one page."""

from cosmop.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
