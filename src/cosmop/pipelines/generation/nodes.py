"""Nodes of the generation pipeline."""

from typing import Any

import pandas as pd

from cosmop.classifiers.options import FeatureOptions
from cosmop.datasets.snapshots import SnapshotSet, Workspaces
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.metrics.options import JudgingOptions
from cosmop.stylegan2.options import NetworkOptions, SamplingOptions, TrainingOptions


def train_stylegan2(
    training_images: ImageSet,
    person_filter: Any,
    training_workspace: Workspaces,
    network: NetworkOptions,
    training: TrainingOptions,
    features: FeatureOptions,
    judging: JudgingOptions,
) -> SnapshotSet:
    """Train on the positive training images; the same command resumes a run that was stopped."""
    from cosmop.classifiers.features import build_extractor
    from cosmop.metrics.judging import Judge
    from cosmop.pipelines.generation.training import train_with_judge
    from cosmop.stylegan2.trainer import TrainingRun

    positives = training_images.where(training_images.manifest["is_positive"])
    pixels_NHWC = positives.array((network.height, network.width), fit="stretch")
    judge = Judge(build_extractor(features, person_filter), pixels_NHWC, judging)
    run = TrainingRun(pixels_NHWC, network, training)
    return train_with_judge(run, judge, training_workspace)


def tabulate_curve(stylegan2_snapshots: SnapshotSet) -> tuple[pd.DataFrame, Any]:
    """Tabulate and plot what was measured at each snapshot."""
    from cosmop.pipelines.generation.training import curve_of
    from cosmop.reports.figures import distance_curve_figure

    curve = curve_of(stylegan2_snapshots)
    return curve, distance_curve_figure(curve)


def select_generator(
    stylegan2_snapshots: SnapshotSet, distance_curve: pd.DataFrame
) -> tuple[Any, dict[str, Any]]:
    """Take the snapshot with the smallest distance to the training images."""
    best = int(distance_curve["is_best"].to_numpy().argmax())
    measured = [snapshot.statistics for snapshot in stylegan2_snapshots]
    metrics = {"best": measured[best], "untrained": measured[0]}
    return stylegan2_snapshots[best].generator(), metrics


def generate_images(generator: Any, image_store: ImageStore, options: SamplingOptions) -> ImageSet:
    """Generate the synthetic set; each image can be made again from its seed."""
    from cosmop.pipelines.generation.sampling import generate_image_set

    return generate_image_set(generator, image_store, options)
