"""Forget posts that were withdrawn, and pictures that somebody asked to have deleted."""

from cosmop.pipelines.compliance.pipeline import create_pipeline

__all__ = ["create_pipeline"]
