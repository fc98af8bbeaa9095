"""Nodes of the annotation pipeline."""

import logging
from typing import Any

import pandas as pd

from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.image_set import ImageSet
from cosmop.labels.schema import LabelSchema
from cosmop.labels.splits import SplitOptions
from cosmop.labels.tasks import TaskOptions

logger = logging.getLogger(__name__)


def make_label_tasks(
    people_images: ImageSet, person_scores: pd.DataFrame, schema: LabelSchema, options: TaskOptions
) -> dict[str, Any]:
    """Write the tasks for the people who label, in Label Studio's format."""
    from cosmop.labels import tasks

    return tasks.make_label_tasks(people_images.manifest, schema, options, scores=person_scores)


def import_labels(
    label_export: list[dict[str, Any]],
    label_tasks: dict[str, Any],
    people_images: ImageSet,
    schema: LabelSchema,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the labels back; a record that cannot be used is a row with its reason."""
    from cosmop.labels import exports

    imported = exports.read_label_export(label_export, people_images.manifest, schema)
    answered = imported.annotations["image_id"].nunique()
    logger.info("%d of %d label tasks are answered", answered, len(label_tasks["tasks"]))
    return imported.annotations, imported.problems


def label_images(
    people_images: ImageSet, annotations: pd.DataFrame, schema: LabelSchema
) -> ImageSet:
    """Resolve the annotators' answers to one label per image; unlabelled images drop out."""
    from cosmop.labels import agreement

    resolved = agreement.resolve_annotations(annotations, schema)
    labelled = people_images.select(resolved["image_id"])
    return ImageSet(labelled.manifest.merge(resolved, on="image_id"), labelled.store)


def split_images(
    labelled_images: ImageSet, image_hashes: pd.DataFrame, options: SplitOptions
) -> tuple[ImageSet, ImageSet, ImageSet]:
    """Split by groups of look-alikes, so that no near-copy of a test image is trained on.

    Mirror images look alike, too.
    """
    from cosmop.labels import near_copies, splits

    groups = near_copies.group_near_copies(image_hashes, options.group_radius_bits)
    assigned = splits.assign_splits(labelled_images.manifest, groups, options)
    manifest = labelled_images.manifest.merge(assigned, on="image_id")
    images = ImageSet(manifest, labelled_images.store)
    train, validation, test = (
        images.where(images.manifest["split"] == name) for name in ("train", "validation", "test")
    )
    return train, validation, test


def record_split(
    training_images: ImageSet,
    validation_images: ImageSet,
    test_images: ImageSet,
    split_history: WorkFolder,
) -> dict[str, Any]:
    """Write down the split with its checksum, and say what changed in it since the last run."""
    from cosmop.labels import splits
    from cosmop.pipelines.annotation.history import note_split

    parts = (training_images, validation_images, test_images)
    manifest = splits.split_manifest(*(part.manifest for part in parts))
    return {**manifest, "change": note_split(split_history.path, manifest)}
