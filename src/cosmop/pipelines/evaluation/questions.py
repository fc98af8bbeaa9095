"""The images of the augmentation study, and its trainings told one by one."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cosmop.classifiers.arms_options import StudyArmsOptions
from cosmop.classifiers.augmentation_study import (
    StudyImages,
    StudyPart,
    fine_tuning_trainer,
    run_augmentation_study,
)
from cosmop.classifiers.options import ImageClassifierOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.image_set import ImageSet
from cosmop.labels.near_copies import group_near_copies
from cosmop.labels.splits import SplitOptions
from cosmop.pipelines.evaluation.features import size_of


def study_images(
    splits: Mapping[str, ImageSet],
    synthetic: ImageSet,
    hashes: pd.DataFrame,
    classifier: ImageClassifierOptions,
    split: SplitOptions,
) -> StudyImages:
    """Read the images at the generator's size and then at the classifier's.

    Otherwise a classifier could tell the synthetic positives by their blur, and learn that instead
    of the subject.
    """
    groups = group_near_copies(hashes, split.group_radius_bits).set_index("image_id")["group"]
    parts = {
        name: StudyPart(
            images.array(classifier.image_size, fit=classifier.fit, through=size_of(synthetic)),
            images.manifest["is_positive"].to_numpy(dtype=bool),
            images.manifest["image_id"].to_numpy(),
            groups.loc[images.manifest["image_id"]].to_numpy(),
        )
        for name, images in splits.items()
    }
    pixels = synthetic.array(classifier.image_size, fit=classifier.fit)
    return StudyImages(parts["train"], parts["validation"], parts["test"], pixels)


def answer(
    data: StudyImages,
    person_filter: Any,
    work: WorkFolder,
    options: StudyArmsOptions,
    classifier: ImageClassifierOptions,
) -> dict[str, Any]:
    """Run the study; trainings that the work folder holds already are not done again."""

    def tell(training: dict[str, Any]) -> None:
        name = f"{training['arm']} {training['fraction']:g} seed {training['seed']}"
        work.tell({"name": name, **training})

    trainer = fine_tuning_trainer(classifier, person_filter)
    return run_augmentation_study(data, options, trainer, work.path, on_arm=tell)
