"""Judge the synthetic images by classifiers and by distances."""

from cosmop.pipelines.evaluation.pipeline import create_pipeline, create_published_protocol

__all__ = ["create_pipeline", "create_published_protocol"]
