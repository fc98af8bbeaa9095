"""Remove duplicates and images without people; evidence apart from decisions."""

from cosmop.pipelines.preprocessing.pipeline import create_pipeline

__all__ = ["create_pipeline"]
