"""The images of the augmentation study, and its trainings told one by one."""

import logging
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
from cosmop.pipelines.evaluation.features import form_of

_LOG = logging.getLogger(__name__)


def study_images(
    splits: Mapping[str, ImageSet],
    synthetic: ImageSet,
    hashes: pd.DataFrame,
    classifier: ImageClassifierOptions,
    split: SplitOptions,
) -> StudyImages:
    """Read the images in the generator's form and then at the classifier's size.

    Otherwise a classifier could tell the synthetic positives by their blur or their greys, and
    learn that instead of the subject.
    """
    groups = group_near_copies(hashes, split.group_radius_bits).set_index("image_id")["group"]
    parts = {
        name: StudyPart(
            images.array(classifier.image_size, fit=classifier.fit, through=form_of(synthetic)),
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
        fraction = f"{training['fraction']:g}"  # a setting, not a figure
        name = f"{training['arm']} {fraction} seed {training['seed']}"
        work.tell({"name": name, **training, "fraction": fraction})

    possible, remarks = within_reach(options, data)
    trainer = fine_tuning_trainer(classifier, person_filter)
    study = run_augmentation_study(data, possible, trainer, work.path, on_arm=tell)
    return {**study, "remarks": [*remarks, *study["remarks"]]}


def within_reach(
    options: StudyArmsOptions, data: StudyImages
) -> tuple[StudyArmsOptions, list[str]]:
    """Leave out the arms that need more synthetic images than there are; say which.

    Hours of training lie before this study: too few images must not end it.
    """
    per_positive = len(data.synthetic) / max(1, int(data.training.labels.sum()))
    ratios = tuple(ratio for ratio in options.ratios if ratio <= per_positive)
    needs = {"synthetic": bool(ratios), "synthetic_only": per_positive >= 1}
    arms = tuple(arm for arm in options.arms if needs.get(arm, True))
    if arms == options.arms and ratios == options.ratios:
        return options, []
    left_out = [f"ratio {ratio:g}" for ratio in options.ratios if ratio not in ratios]
    left_out += [arm for arm in options.arms if arm not in arms]
    remark = (
        f"Left out for want of synthetic images ({len(data.synthetic)}, {per_positive:.2f} for "
        f"each real positive): {', '.join(left_out)}; raise generation.sampling.images."
    )
    _LOG.warning(remark)
    return options.model_copy(update={"arms": arms, "ratios": ratios or options.ratios}), [remark]
