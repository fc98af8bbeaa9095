"""The sheet of the worst errors shows those errors, the worst first."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from cosmop.classifiers.image_classifier import ImageClassifier
from cosmop.classifiers.options import ImageClassifierOptions
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.people.binary_network import seeded
from cosmop.pipelines.evaluation.explaining import heat_map_sheet

Make = Callable[..., ImageSet]
FORM = GeneratedForm(32, 32)
LEVELS = [10, 60, 110, 160, 210]


@pytest.fixture
def classifier() -> ImageClassifier:
    options = ImageClassifierOptions(
        backbone="resnet_small", pretrained="none", image_size=(32, 32)
    )
    with torch.inference_mode(False):
        return seeded(ImageClassifier, options, 0).eval()


@pytest.fixture
def greys(make_set: Make) -> ImageSet:
    images = [np.full((32, 32, 3), level, np.uint8) for level in LEVELS]
    return make_set(images, [False, False, False, True, True])


def scored(images: ImageSet, scores: list[float]) -> pd.DataFrame:
    return images.manifest[["image_id", "is_positive"]].assign(
        set="test",
        image_classifier_score=scores,
        image_classifier_accepts=[score >= 0.5 for score in scores],
    )


def test_wrong_answers_come_worst_first_and_right_ones_not_at_all(
    greys: ImageSet, classifier: ImageClassifier
) -> None:
    sheet = heat_map_sheet(scored(greys, [0.6, 0.9, 0.1, 0.8, 0.3]), greys, FORM, classifier)
    pixels = np.asarray(sheet)

    shown = {level for level in LEVELS if (pixels == level).all(2).any()}
    assert {60, 10, 210} <= shown
    assert 160 not in shown
    worst, second = (np.argwhere((pixels == level).all(2))[:, 1].min() for level in (60, 10))
    assert worst < second


def test_a_classifier_without_errors_gives_an_empty_sheet(
    greys: ImageSet, classifier: ImageClassifier
) -> None:
    sheet = heat_map_sheet(scored(greys, [0.1, 0.1, 0.1, 0.9, 0.9]), greys, FORM, classifier)

    assert len(np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)) == 1
