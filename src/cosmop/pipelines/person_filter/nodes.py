"""Nodes of the person_filter pipeline."""

from pathlib import Path
from typing import Any

import pandas as pd

from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.decoding import DecodingLimits
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.people.options import PersonFilterOptions, TrainingOptions
from cosmop.people.sources.options import SourceLeakOptions, SourcesOptions


def collect_person_filter_images(
    people_folder: Path,
    no_people_folder: Path,
    image_store: ImageStore,
    limits: DecodingLimits,
    sources: SourcesOptions,
) -> tuple[ImageSet, pd.DataFrame]:
    """Take both sources of images into the store, and say what is missing or damaged."""
    from cosmop.people.sources.gathering import collect_person_images

    folders = {True: people_folder, False: no_people_folder}
    return collect_person_images(folders, image_store, limits, sources)


def measure_person_source_leak(
    person_filter_images: ImageSet, options: SourceLeakOptions
) -> dict[str, Any]:
    """Measure how well files and thumbnails alone tell images with people from others."""
    from cosmop.people.sources.leak import measure_source_leak

    return measure_source_leak(person_filter_images, options)


def train_person_filter(
    person_filter_images: ImageSet,
    person_source_leak: dict[str, Any],
    person_filter_work: WorkFolder,
    network: PersonFilterOptions,
    training: TrainingOptions,
) -> tuple[Any, pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Train the filter, measure it on images it has not seen, and put the leak test beside that."""
    from cosmop.people import training as people_training

    trained = people_training.train_person_filter(
        person_filter_images, network, training, workspace=person_filter_work.path
    )
    metrics = trained.metrics | {"source_leak": person_source_leak}
    return trained.model, trained.history, trained.held_out, trained.curve, metrics
