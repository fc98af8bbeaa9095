"""Judge the synthetic images by classifiers and by distances."""

from cosmop.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
