"""Train the ResNeXt classifier that tells images with people from images without."""

from cosmop.pipelines.person_filter.pipeline import create_pipeline

__all__ = ["create_pipeline"]
