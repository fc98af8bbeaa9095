"""The judges compute where they are told to."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cosmop.classifiers import one_class
from cosmop.classifiers.feature_table import FeatureTable
from cosmop.classifiers.image_classifier import ImageClassifier
from cosmop.classifiers.options import DetectorOptions, ImageClassifierOptions, OneClassOptions
from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.people.binary_network import seeded
from cosmop.pipelines.evaluation.judging import judge_images, score_by_detectors

Make = Callable[..., ImageSet]
Draw = Callable[[int], list[np.ndarray]]


def test_the_classifier_judges_on_the_device_it_is_given(make_set: Make, scenes: Draw) -> None:
    names = ("train", "validation", "test", "synthetic")
    sets = {name: make_set(scenes(20), [True] * 20) for name in names}
    rows = [
        part.manifest[["image_id", "is_positive"]].assign(set=name) for name, part in sets.items()
    ]
    vectors = np.concatenate([part.array((2, 3)).reshape(20, -1) for part in sets.values()])
    table = FeatureTable(pd.concat(rows, ignore_index=True), vectors.astype(np.float32), {})
    svm = one_class.fit_one_class(table.of("train"), OneClassOptions())
    detected, _ = score_by_detectors(table, DetectorOptions(detectors=("knn",)))
    design = ImageClassifierOptions(backbone="resnet_small", pretrained="none", image_size=(32, 32))
    classifier = seeded(ImageClassifier, design, 0).eval()
    judged = {name: sets[name] for name in ("test", "synthetic")}

    scores = judge_images(judged, table, detected, svm, classifier, "cpu")
    assert scores["image_classifier_score"].between(0, 1).all()
    with pytest.raises(InputError, match="got 'cuda:99'"):
        judge_images(judged, table, detected, svm, classifier, "cuda:99")
