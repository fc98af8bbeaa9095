"""The judges brought together with the images they judge."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cosmop.classifiers import image_classifier, one_class
from cosmop.classifiers.feature_table import FeatureTable
from cosmop.classifiers.features import FeatureExtractor
from cosmop.classifiers.options import ImageClassifierOptions
from cosmop.imaging.image_set import ImageSet
from cosmop.metrics.classification import classification_metrics, mcnemar_exact
from cosmop.metrics.intervals import bootstrap, wilson

_REAL, _WITH_SYNTHETIC = "image_classifier", "image_classifier_with_synthetic"
_BATCH = 256
JUDGES = ("one_class_svm", _REAL, _WITH_SYNTHETIC)


def feature_table(sets: Mapping[str, ImageSet], extractor: FeatureExtractor) -> FeatureTable:
    """Extract the features of several image sets into one table."""
    rows = [
        images.manifest[["image_id", "is_positive"]].assign(set=name)
        for name, images in sets.items()
    ]
    vectors = [extractor.extract(images) for images in sets.values() if len(images)]
    described = {
        "name": extractor.name,
        "checksum": extractor.checksum,
        "dimensions": extractor.dimensions,
    }
    return FeatureTable(pd.concat(rows, ignore_index=True), np.concatenate(vectors), described)


def train_arm(
    training: Sequence[ImageSet],
    validation: ImageSet,
    person_filter: Any,
    options: ImageClassifierOptions,
) -> Any:
    """Train the classifier on the union of the training sets."""
    data = [_labelled_pixels(images, options) for images in training]
    joined = image_classifier.TrainingData(
        np.concatenate([pixels for pixels, _ in data]),
        np.concatenate([labels for _, labels in data]),
    )
    held_out = image_classifier.TrainingData(*_labelled_pixels(validation, options))
    trained = image_classifier.train_image_classifier(
        joined, held_out, options, person_filter=person_filter
    )
    return trained.model


def _labelled_pixels(images: ImageSet, options: ImageClassifierOptions) -> tuple[Any, Any]:
    labels = images.manifest["is_positive"].to_numpy(dtype=bool)
    return images.array(options.image_size, fit=options.fit), labels


def judge_images(
    images: Mapping[str, ImageSet],
    features: FeatureTable,
    svm: Any,
    classifiers: Mapping[str, Any],
) -> pd.DataFrame:
    """Return one row per image with every judge's score and verdict.

    Columns: ``image_id``, ``set``, ``is_positive``, and for each judge ``<judge>_score`` with
    ``<judge>_accepts``: the one-class SVM gives a signed distance and accepts from 0 on, the
    classifiers give a probability and accept from 0.5 on.
    """
    parts = []
    for name, image_set in images.items():
        rows = features.rows[features.rows["set"] == name].reset_index(drop=True)
        svm_scores = one_class.score_one_class(svm, features.of(name))
        columns = {"one_class_svm_score": svm_scores, "one_class_svm_accepts": svm_scores >= 0}
        for judge, network in classifiers.items():
            probabilities = _probabilities(network, image_set)
            columns |= {f"{judge}_score": probabilities, f"{judge}_accepts": probabilities >= 0.5}
        parts.append(rows.assign(**columns))
    return pd.concat(parts, ignore_index=True)


def _probabilities(network: Any, images: ImageSet) -> Any:
    design = network.design
    batches = images.batches(design.image_size, _BATCH, fit=design.fit)
    return np.concatenate([image_classifier.predict(network, batch) for batch in batches])


def classifier_metrics(scores: pd.DataFrame) -> dict[str, Any]:
    """Return each judge's figures on the test images, and what each accepts.

    ``judges`` holds precision, recall, accuracy and the confusion counts; ``acceptance`` the share
    of synthetic images accepted, beside the same judge's share of real positives and negatives;
    ``gain`` what the synthetic images changed in the classifier's accuracy, image by image.
    """
    test = scores[scores["set"] == "test"]
    labels = test["is_positive"].to_numpy(dtype=bool)
    accepted = {judge: test[f"{judge}_accepts"].to_numpy(dtype=bool) for judge in JUDGES}
    judges = {
        judge: classification_metrics(labels, accepted[judge], test[f"{judge}_score"].to_numpy())
        for judge in JUDGES
    }
    groups = {
        "synthetic": scores[scores["set"] == "synthetic"],
        "real_positives": test[labels],
        "real_negatives": test[~labels],
    }
    acceptance = {
        judge: {
            name: wilson(int(rows[f"{judge}_accepts"].sum()), len(rows))
            for name, rows in groups.items()
        }
        for judge in JUDGES
    }
    gain = _gain(labels, accepted[_REAL], accepted[_WITH_SYNTHETIC])
    return {"judges": judges, "acceptance": acceptance, "gain": gain}


def _gain(labels: Any, real: Any, with_synthetic: Any) -> dict[str, Any]:
    """Compare the two arms on the same test images: paired difference, and McNemar's exact test."""
    difference = (with_synthetic == labels).astype(float) - (real == labels).astype(float)
    accuracy = bootstrap(lambda values: float(values.mean()), [difference], resamples=1000)
    return {"accuracy": accuracy, "mcnemar": mcnemar_exact(labels, real, with_synthetic)}
