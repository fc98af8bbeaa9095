"""Hand image sets on: as files that other programs read, with a card."""

from cosmop.pipelines.export.pipeline import create_pipeline

__all__ = ["create_pipeline"]
