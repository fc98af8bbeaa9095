"""Drawn scenes with ground truth, the gallery that serves them, and a simulated annotator."""
