"""Nodes of the evaluation pipeline."""

from typing import Any

import pandas as pd
from PIL import Image

from cosmop.classifiers.arms_options import StudyArmsOptions
from cosmop.classifiers.feature_table import FeatureTable
from cosmop.classifiers.options import (
    DetectorOptions,
    FeatureOptions,
    ImageClassifierOptions,
    OneClassOptions,
)
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.image_set import ImageSet
from cosmop.labels.splits import SplitOptions
from cosmop.metrics.memorisation_options import MemorisationOptions
from cosmop.metrics.options import DistanceOptions
from cosmop.stylegan2.options import SamplingOptions


def extract_features(
    training_images: ImageSet,
    validation_images: ImageSet,
    test_images: ImageSet,
    synthetic_images: ImageSet,
    person_filter: Any,
    feature_cache: WorkFolder,
    options: FeatureOptions,
) -> FeatureTable:
    """Extract pooled features for the detectors and the search for copies."""
    from cosmop.pipelines.evaluation.features import features_of_study

    images = (training_images, validation_images, test_images, synthetic_images)
    return features_of_study(images, person_filter, feature_cache, options, mirrored=["train"])


def extract_one_class_features(
    training_images: ImageSet,
    validation_images: ImageSet,
    test_images: ImageSet,
    synthetic_images: ImageSet,
    person_filter: Any,
    feature_cache: WorkFolder,
    options: FeatureOptions,
) -> FeatureTable:
    """Extract the features of the study's one-class model: the whole map, not its mean."""
    from cosmop.pipelines.evaluation.features import features_of_study

    images = (training_images, validation_images, test_images, synthetic_images)
    return features_of_study(images, person_filter, feature_cache, options)


def extract_distance_features(
    training_images: ImageSet,
    validation_images: ImageSet,
    test_images: ImageSet,
    synthetic_images: ImageSet,
    person_filter: Any,
    feature_cache: WorkFolder,
    options: FeatureOptions,
) -> FeatureTable:
    """Extract the features between which distances are measured."""
    from cosmop.pipelines.evaluation.features import features_of_study

    images = (training_images, validation_images, test_images, synthetic_images)
    return features_of_study(images, person_filter, feature_cache, options)


def measure_distances(
    distance_features: FeatureTable,
    training_images: ImageSet,
    test_images: ImageSet,
    synthetic_images: ImageSet,
    options: DistanceOptions,
) -> dict[str, Any]:
    """Measure how far the synthetic images are from the real ones, beside the floor."""
    from cosmop.pipelines.evaluation.distances import distances_of_study

    images = (training_images, test_images, synthetic_images)
    return distances_of_study(distance_features, images, options)


def measure_memorisation(
    features: FeatureTable,
    training_images: ImageSet,
    validation_images: ImageSet,
    test_images: ImageSet,
    synthetic_images: ImageSet,
    options: MemorisationOptions,
) -> dict[str, Any]:
    """Search the synthetic images for copies of training images."""
    from cosmop.pipelines.evaluation.privacy import search_for_copies

    sets = {"train": training_images, "validation": validation_images, "test": test_images}
    positives = {name: part.where(part.manifest["is_positive"]) for name, part in sets.items()}
    return search_for_copies(features, positives, synthetic_images, options)


def check_leaks(
    training_images: ImageSet,
    validation_images: ImageSet,
    test_images: ImageSet,
    image_hashes: pd.DataFrame,
    generator_images: pd.DataFrame,
    classifier_images: pd.DataFrame,
    person_filter_images: ImageSet,
    options: SplitOptions,
) -> dict[str, Any]:
    """Check that nothing was trained on test images, or on what looks like one."""
    from cosmop.pipelines.evaluation.privacy import look_for_leaks

    splits = {"train": training_images, "validation": validation_images, "test": test_images}
    used = {"generator": generator_images, "classifier": classifier_images}
    return look_for_leaks(splits, image_hashes, used, person_filter_images.ids, options)


def train_one_class_svm(
    one_class_features: FeatureTable, options: OneClassOptions
) -> tuple[Any, dict[str, Any]]:
    """Fit scaler, PCA and one-class SVM to the positive training images."""
    from cosmop.classifiers import one_class

    positives = one_class_features.of("train", is_positive=True)
    model = one_class.fit_one_class(positives, options)
    held_out = one_class_features.of("validation", is_positive=True)
    report = one_class.one_class_report(model, positives, held_out)
    return model, {**report, "features": dict(one_class_features.extractor)}


def score_with_detectors(
    features: FeatureTable, options: DetectorOptions
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit what works with few images, and let it score the test and the synthetic images."""
    from cosmop.pipelines.evaluation.judging import score_by_detectors

    return score_by_detectors(features, options)


def train_image_classifier(
    training_images: ImageSet,
    validation_images: ImageSet,
    synthetic_images: ImageSet,
    person_filter: Any,
    classifier_work: WorkFolder,
    options: ImageClassifierOptions,
) -> tuple[Any, dict[str, Any], pd.DataFrame]:
    """Fine-tune the classifier on real images, and note which they were."""
    from cosmop.pipelines.evaluation.features import form_of
    from cosmop.pipelines.evaluation.judging import train_classifier

    form = form_of(synthetic_images)
    model, log = train_classifier(
        training_images, validation_images, form, person_filter, classifier_work, options
    )
    return model, log, training_images.manifest[["image_id", "is_positive"]]


def score_images(
    test_images: ImageSet,
    synthetic_images: ImageSet,
    one_class_features: FeatureTable,
    detector_scores: pd.DataFrame,
    one_class_svm: Any,
    image_classifier: Any,
    scene_truth: pd.DataFrame,
    classifier: ImageClassifierOptions,
) -> pd.DataFrame:
    """Let every judge score the test images and the synthetic images."""
    from cosmop.pipelines.evaluation.judging import judge_images, with_people

    images = {"test": test_images, "synthetic": synthetic_images.with_columns(is_positive=True)}
    scores = judge_images(
        images,
        one_class_features,
        detector_scores,
        one_class_svm,
        image_classifier,
        classifier.device,
    )
    return with_people(scores, scene_truth)


def measure_classifiers(scores: pd.DataFrame) -> tuple[dict[str, Any], Any]:
    """Compare the judges with the labels of the test images."""
    from cosmop.metrics.judgement import judge_scores
    from cosmop.reports.figures import confusion_figure

    metrics = judge_scores(scores)
    confusion = metrics["judges"]["image_classifier"]["confusion"]
    return metrics, confusion_figure(confusion, "Image classifier on real test images")


def explain_errors(
    scores: pd.DataFrame, test_images: ImageSet, synthetic_images: ImageSet, image_classifier: Any
) -> Image.Image:
    """Draw the classifier's worst errors with what it looked at."""
    from cosmop.pipelines.evaluation.explaining import heat_map_sheet
    from cosmop.pipelines.evaluation.features import form_of

    return heat_map_sheet(scores, test_images, form_of(synthetic_images), image_classifier)


def study_augmentation(
    training_images: ImageSet,
    validation_images: ImageSet,
    test_images: ImageSet,
    synthetic_images: ImageSet,
    image_hashes: pd.DataFrame,
    person_filter: Any,
    augmentation_work: WorkFolder,
    options: StudyArmsOptions,
    classifier: ImageClassifierOptions,
    split: SplitOptions,
) -> dict[str, Any]:
    """Train the same classifier on several mixtures: do the synthetic images help?"""
    from cosmop.pipelines.evaluation.questions import answer, study_images

    splits = {"train": training_images, "validation": validation_images, "test": test_images}
    data = study_images(splits, synthetic_images, image_hashes, classifier, split)
    return answer(data, person_filter, augmentation_work, options, classifier)


def measure_published_fid(
    generator: Any,
    training_images: ImageSet,
    person_filter: Any,
    features: FeatureOptions,
    sampling: SamplingOptions,
) -> dict[str, Any]:
    """Measure as published figures were: all training images against 50,000 generated ones."""
    from cosmop.pipelines.evaluation.published import measure_fid50k_full

    positives = training_images.where(training_images.manifest["is_positive"])
    return measure_fid50k_full(generator, positives, person_filter, features, sampling)
