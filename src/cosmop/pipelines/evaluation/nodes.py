"""Nodes of the evaluation pipeline."""

from typing import Any

import pandas as pd

from cosmop.classifiers.feature_table import FeatureTable
from cosmop.classifiers.options import FeatureOptions, ImageClassifierOptions, OneClassOptions
from cosmop.imaging.image_set import ImageSet
from cosmop.metrics.options import DistanceOptions


def extract_features(
    training_images: ImageSet,
    validation_images: ImageSet,
    test_images: ImageSet,
    synthetic_images: ImageSet,
    person_filter: Any,
    options: FeatureOptions,
) -> FeatureTable:
    """Extract the features of every image that is judged, once."""
    from cosmop.classifiers.features import build_extractor
    from cosmop.pipelines.evaluation.judging import feature_table

    sets = {
        "train": training_images,
        "validation": validation_images,
        "test": test_images,
        "synthetic": synthetic_images.with_columns(is_positive=True),
    }
    return feature_table(sets, build_extractor(options, person_filter))


def train_one_class_svm(
    features: FeatureTable, options: OneClassOptions
) -> tuple[Any, dict[str, Any]]:
    """Fit scaler, PCA and one-class SVM to the positive training images."""
    from cosmop.classifiers import one_class

    positives = features.of("train", is_positive=True)
    model = one_class.fit_one_class(positives, options)
    held_out = features.of("validation", is_positive=True)
    return model, one_class.one_class_report(model, positives, held_out)


def train_image_classifier(
    training_images: ImageSet,
    validation_images: ImageSet,
    person_filter: Any,
    options: ImageClassifierOptions,
) -> Any:
    """Fine-tune the classifier on real images."""
    from cosmop.pipelines.evaluation.judging import train_arm

    return train_arm([training_images], validation_images, person_filter, options)


def train_image_classifier_with_synthetic(
    training_images: ImageSet,
    synthetic_images: ImageSet,
    validation_images: ImageSet,
    person_filter: Any,
    options: ImageClassifierOptions,
) -> Any:
    """Fine-tune the same classifier, with as many steps, on real and synthetic images."""
    from cosmop.pipelines.evaluation.judging import train_arm

    synthetic = synthetic_images.with_columns(is_positive=True)
    return train_arm([training_images, synthetic], validation_images, person_filter, options)


def score_images(
    features: FeatureTable,
    test_images: ImageSet,
    synthetic_images: ImageSet,
    one_class_svm: Any,
    image_classifier: Any,
    image_classifier_with_synthetic: Any,
) -> pd.DataFrame:
    """Let every judge score the test images and the synthetic images."""
    from cosmop.pipelines.evaluation.judging import judge_images

    images = {"test": test_images, "synthetic": synthetic_images}
    classifiers = {
        "image_classifier": image_classifier,
        "image_classifier_with_synthetic": image_classifier_with_synthetic,
    }
    return judge_images(images, features, one_class_svm, classifiers)


def measure_classifiers(scores: pd.DataFrame) -> tuple[dict[str, Any], Any]:
    """Compare the judges with the labels of the test images."""
    from cosmop.pipelines.evaluation.judging import classifier_metrics
    from cosmop.reports.figures import confusion_figure

    metrics = classifier_metrics(scores)
    confusion = metrics["judges"]["image_classifier"]["confusion"]
    return metrics, confusion_figure(confusion, "Image classifier on real test images")


def measure_distances(features: FeatureTable, options: DistanceOptions) -> dict[str, Any]:
    """Measure how far the synthetic images are from the real ones, beside the floor."""
    from cosmop.metrics.judging import measure_distances as measure

    return measure(
        features.of("train", is_positive=True),
        features.of("test", is_positive=True),
        features.of("synthetic"),
        extractor=features.extractor,
        options=options,
    )
