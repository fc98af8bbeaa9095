"""The judges brought together with the images they judge."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from cosmop.classifiers import detectors, image_classifier, one_class
from cosmop.classifiers.feature_table import FeatureTable
from cosmop.classifiers.options import DetectorOptions, ImageClassifierOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.errors import InputError
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.pipelines.evaluation.features import form_of

JUDGED = ("test", "synthetic")
_BATCH = 256


def train_classifier(
    training: ImageSet,
    validation: ImageSet,
    through: GeneratedForm,
    person_filter: Any,
    work: WorkFolder,
    options: ImageClassifierOptions,
) -> tuple[Any, dict[str, Any]]:
    """Fine-tune the classifier on images in the form `through`; also say how it went."""

    def labelled(images: ImageSet) -> image_classifier.TrainingData:
        labels = images.manifest["is_positive"].to_numpy(dtype=bool)
        pixels = images.array(options.image_size, fit=options.fit, through=through)
        return image_classifier.TrainingData(pixels, labels)

    trained = image_classifier.train_image_classifier(
        labelled(training),
        labelled(validation),
        options,
        person_filter,
        workspace=work.path,
    )
    history = trained.history.astype(object).where(trained.history.notna(), None)
    log = {
        "n_train": len(training),
        "n_validation": len(validation),
        "seed": options.seed,
        "calibration": None if trained.calibration is None else asdict(trained.calibration),
        "history": history.to_dict("records"),
    }
    return trained.model, log


def score_by_detectors(
    features: FeatureTable, options: DetectorOptions
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit the detectors to the training images; return scores and verdicts, and what was fitted.

    The table has ``image_id``, ``set``, and for each detector ``<name>_score`` (higher is more
    positive) and ``<name>_accepts``.
    """
    fitted = detectors.fit_detectors(
        features.of("train", is_positive=True),
        features.of("train", is_positive=False),
        features.of("validation", is_positive=True),
        options,
    )
    parts = []
    for name in JUDGED:
        rows = features.rows.loc[features.rows["set"] == name, ["image_id", "set"]]
        vectors = features.of(name)
        columns: dict[str, Any] = {}
        for judge, detector in fitted.items():
            scores = detector.score(vectors)
            columns |= {f"{judge}_score": scores, f"{judge}_accepts": scores >= detector.threshold}
        parts.append(rows.reset_index(drop=True).assign(**columns))
    described = {
        name: {key: value for key, value in detector.describe().items() if key != "name"}
        for name, detector in fitted.items()
    }
    return pd.concat(parts, ignore_index=True), {
        "detectors": described,
        "detector_features": dict(features.extractor),
    }


def judge_images(
    images: Mapping[str, ImageSet],
    one_class_features: FeatureTable,
    detector_scores: pd.DataFrame,
    svm: Any,
    classifier: Any,
    device: str,
) -> pd.DataFrame:
    """Return one row per image with every judge's score and verdict.

    Columns: ``image_id``, ``set``, ``is_positive``, the criteria, and for each judge
    ``<judge>_score`` with ``<judge>_accepts``: the one-class SVM gives a signed distance and
    accepts from 0 on, detectors from their thresholds on, the classifier from a probability of 0.5.
    """
    parts, form = [], form_of(images["synthetic"])
    for name, image_set in images.items():
        require_same_images(image_set, one_class_features.ids_of(name), "the one-class features")
        svm_scores = one_class.score_one_class(svm, one_class_features.of(name))
        probabilities = _probabilities(classifier, image_set, form, device)
        detected = detector_scores[detector_scores["set"] == name].reset_index(drop=True)
        require_same_images(image_set, detected["image_id"].tolist(), "the detectors' scores")
        parts.append(
            _known(image_set, name).assign(
                one_class_svm_score=svm_scores,
                one_class_svm_accepts=svm_scores >= 0,
                **{column: detected[column] for column in detected.columns[2:]},
                image_classifier_score=probabilities,
                image_classifier_accepts=probabilities >= 0.5,
            )
        )
    return pd.concat(parts, ignore_index=True)


def require_same_images(images: ImageSet, ids: Sequence[str], what: str) -> None:
    """Refuse rows that were made of other images than those at hand, or in another order.

    Raises:
        InputError: They differ.
    """
    if list(ids) != images.ids:
        raise InputError(
            f"Judging {len(images)} images needs {what} of these very images, got {len(ids)} rows "
            "of others; run the nodes from `extract_features` on again."
        )


def _known(images: ImageSet, name: str) -> pd.DataFrame:
    """Return who the images are and what is known of them: labels and criteria."""
    criteria = images.manifest.select_dtypes(bool).columns
    columns = dict.fromkeys(["image_id", "is_positive", *criteria])
    return images.manifest[list(columns)].reset_index(drop=True).assign(set=name)


def with_people(scores: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Add ``people``, the number of people in each image, where somebody knows it."""
    if truth.empty:
        return scores
    people = truth.drop_duplicates("image_sha256").set_index("image_sha256")["number_of_people"]
    return scores.assign(people=scores["image_id"].map(people).astype("Float64"))


def _probabilities(network: Any, images: ImageSet, through: GeneratedForm, device: str) -> Any:
    design = network.design
    batches = images.batches(design.image_size, _BATCH, fit=design.fit, through=through)
    parts = [image_classifier.predict(network, batch, device=device) for batch in batches]
    return np.concatenate(parts)
