"""Nodes of the person_filter pipeline."""

from pathlib import Path
from typing import Any

import pandas as pd

from cosmop.imaging.decoding import DecodingLimits
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.people.options import PersonFilterOptions, TrainingOptions


def collect_person_filter_images(
    people_folder: Path, no_people_folder: Path, image_store: ImageStore, limits: DecodingLimits
) -> ImageSet:
    """Take the two folders of labelled images into the store."""
    from cosmop.imaging.folder_set import image_set_from_folders

    folders = {True: people_folder, False: no_people_folder}
    return image_set_from_folders(folders, image_store, limits, label="is_person")


def train_person_filter(
    person_filter_images: ImageSet, network: PersonFilterOptions, training: TrainingOptions
) -> tuple[Any, pd.DataFrame, dict[str, Any]]:
    """Train the filter and measure it on images it has not seen."""
    from cosmop.people import training as people_training

    trained = people_training.train_person_filter(person_filter_images, network, training)
    return trained.model, trained.history, trained.metrics
