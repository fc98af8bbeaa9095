"""Find images on search pages, in posts and in folders, and fetch them safely."""

from cosmop.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
