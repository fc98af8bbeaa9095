"""Nodes of the annotation pipeline."""

import logging
from typing import Any

import pandas as pd

from cosmop.classifiers.options import FeatureOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.image_set import ImageSet
from cosmop.labels.exports import ImportOptions
from cosmop.labels.schema import LabelSchema
from cosmop.labels.splits import SplitOptions
from cosmop.labels.suggestion_options import SuggestionOptions
from cosmop.labels.tasks import TaskOptions

logger = logging.getLogger(__name__)


def suggest_labels(
    people_images: ImageSet,
    labels_so_far: list[dict[str, Any]],
    annotation_log_so_far: WorkFolder,
    image_hashes: pd.DataFrame,
    person_filter: Any,
    feature_cache: WorkFolder,
    schema: LabelSchema,
    options: SuggestionOptions,
    feature_options: FeatureOptions,
    split: SplitOptions,
) -> pd.DataFrame:
    """Learn from the labels there are what to suggest for each image; nothing without labels."""
    from cosmop.labels import suggestions
    from cosmop.pipelines.annotation import suggesting

    manifest = people_images.manifest
    labels = suggesting.resolved_labels(labels_so_far, annotation_log_so_far, manifest, schema)
    images = people_images if len(labels) else people_images.select([])
    features = suggesting.features_of(images, person_filter, feature_cache, feature_options)
    with_groups = suggesting.grouped(images.manifest, image_hashes, split.group_radius_bits)
    return suggestions.suggest(features, with_groups, labels, schema, options)


def make_label_tasks(
    people_images: ImageSet,
    person_scores: pd.DataFrame,
    label_suggestions: pd.DataFrame,
    schema: LabelSchema,
    options: TaskOptions,
) -> dict[str, Any]:
    """Write the tasks for the people who label, in Label Studio's format."""
    from cosmop.labels import tasks

    manifest = people_images.manifest
    return tasks.make_label_tasks(manifest, schema, options, person_scores, label_suggestions)


def import_labels(
    label_export: list[dict[str, Any]],
    annotation_log: WorkFolder,
    label_tasks: dict[str, Any],
    people_images: ImageSet,
    raw_images: ImageSet,
    schema: LabelSchema,
    options: ImportOptions,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read the labels back; a record that cannot be used is a row with its reason."""
    from cosmop.labels import agreement, answers, exports

    images, folder = people_images.manifest, annotation_log.path
    read = answers.gather_answers(label_export, folder, images, schema, raw_images.manifest)
    exports.check_problem_share(read, len(images), schema, options)
    answers.check_there_are_answers(read, len(images))
    answered = read.annotations["image_id"].nunique()
    logger.info("%d of %d label tasks are answered", answered, len(label_tasks["tasks"]))
    kappas = agreement.agreement_by_criterion(read.annotations, schema)
    disagreements = agreement.list_disagreements(read.annotations, schema)
    return read.annotations, read.problems, kappas, disagreements


def label_images(
    people_images: ImageSet, annotations: pd.DataFrame, schema: LabelSchema
) -> ImageSet:
    """Resolve the annotators' answers to one label per image; unlabelled images drop out."""
    from cosmop.labels import agreement

    resolved = agreement.resolve_annotations(annotations, schema)
    labelled = people_images.select(resolved["image_id"])
    return ImageSet(labelled.manifest.merge(resolved, on="image_id"), labelled.store)


def find_label_issues(
    labelled_images: ImageSet,
    image_hashes: pd.DataFrame,
    person_filter: Any,
    feature_cache: WorkFolder,
    schema: LabelSchema,
    options: SuggestionOptions,
    feature_options: FeatureOptions,
    split: SplitOptions,
) -> pd.DataFrame:
    """Rank the labels by how doubtful they are, for people to look at again; none is changed."""
    from cosmop.labels import issues
    from cosmop.pipelines.annotation import suggesting

    manifest = labelled_images.manifest
    features = suggesting.features_of(
        labelled_images, person_filter, feature_cache, feature_options
    )
    labels = suggesting.grouped(manifest, image_hashes, split.group_radius_bits)
    return issues.find_label_issues(features, labels, schema, options)


def measure_labelling(
    annotations: pd.DataFrame,
    label_agreement: pd.DataFrame,
    label_disagreements: pd.DataFrame,
    label_issues: pd.DataFrame,
    label_suggestions: pd.DataFrame,
    schema: LabelSchema,
) -> dict[str, Any]:
    """Put the labelling into figures."""
    from cosmop.labels import label_metrics

    agreed, disputed = label_agreement, label_disagreements
    return label_metrics.summarise_labels(
        annotations, agreed, disputed, label_issues, label_suggestions, schema
    )


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
