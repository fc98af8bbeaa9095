"""Judges of images: features, the one-class model, the fine-tuned network."""
