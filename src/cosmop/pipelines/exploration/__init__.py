"""Look at a trained generator, look for a photograph in it, and hand its images on."""

from cosmop.pipelines.exploration.pipeline import create_pipeline

__all__ = ["create_pipeline"]
