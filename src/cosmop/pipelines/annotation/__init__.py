"""Send tasks to people, take their labels back, and split before anything is trained."""

from cosmop.pipelines.annotation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
