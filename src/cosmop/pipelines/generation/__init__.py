"""Train StyleGAN2 on the positive training images and generate the synthetic set."""

from cosmop.pipelines.generation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
