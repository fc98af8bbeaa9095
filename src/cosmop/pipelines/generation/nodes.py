"""Nodes of the generation pipeline."""

from typing import Any

import pandas as pd

from cosmop.classifiers.options import FeatureOptions
from cosmop.datasets.snapshots import SnapshotSet, Workspaces
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.metrics.options import JudgingOptions
from cosmop.stylegan2.controller import ControlOptions
from cosmop.stylegan2.options import NetworkOptions, SamplingOptions, TrainingOptions


def train_stylegan2(
    training_images: ImageSet,
    person_filter: Any,
    training_workspace: Workspaces,
    preset: str,
    network: NetworkOptions,
    training: TrainingOptions,
    features: FeatureOptions,
    judging: JudgingOptions,
    control: ControlOptions,
) -> tuple[SnapshotSet, pd.DataFrame]:
    """Train on the positive training images, and note which they were.

    The same command resumes a run that was stopped.
    """
    from cosmop.classifiers.features import build_extractor
    from cosmop.metrics.judging import Judge
    from cosmop.pipelines.generation.inputs import label_rows, pixels_for
    from cosmop.pipelines.generation.training import train_with_judge
    from cosmop.stylegan2.launching import training_run
    from cosmop.stylegan2.presets import completed

    network, training = completed(preset, network, training)
    positives = training_images.where(training_images.manifest["is_positive"])
    pixels_NHWC = pixels_for(network, positives)
    labels = label_rows(positives.manifest, network.class_names)
    run = training_run(pixels_NHWC, network, training, labels)
    judge = Judge(build_extractor(features, person_filter), pixels_NHWC, judging, run.held_out)
    snapshots = train_with_judge(run, judge, training_workspace, control, labels)
    return snapshots, positives.manifest[["image_id", "is_positive"]]


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


def generate_images(
    generator: Any, training_images: ImageSet, image_store: ImageStore, options: SamplingOptions
) -> ImageSet:
    """Generate the synthetic set; each image can be made again from its seed and labels."""
    from cosmop.pipelines.generation.sampling import generate_image_set, labels_to_show

    labels = labels_to_show(training_images.manifest, generator.options.class_names, options)
    return generate_image_set(generator, image_store, options, labels)
