"""Real and synthetic images reach the arms by the same sizes, and trainings are told."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosmop.classifiers.arms_options import StudyArmsOptions
from cosmop.classifiers.options import ImageClassifierOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.phash import HashingOptions, hash_image_set
from cosmop.labels.splits import SplitOptions
from cosmop.pipelines.evaluation.questions import answer, study_images, within_reach

Make = Callable[..., ImageSet]
Draw = Callable[[int], list[np.ndarray]]
CLASSIFIER = ImageClassifierOptions(
    backbone="resnet_small",
    pretrained="none",
    image_size=(32, 32),
    steps=2,
    batch_size=4,
    evaluate_every_steps=1,
)


def hashes_of(splits: dict[str, ImageSet]) -> Any:
    import pandas as pd

    return pd.concat([hash_image_set(images, HashingOptions()) for images in splits.values()])


@pytest.fixture
def splits(make_set: Make, scenes: Draw) -> dict[str, ImageSet]:
    return {
        name: make_set(scenes(size), [place % 2 == 0 for place in range(size)])
        for name, size in (("train", 8), ("validation", 4), ("test", 6))
    }


@pytest.fixture
def synthetic(make_set: Make, chance: np.random.Generator) -> ImageSet:
    images = chance.integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    return make_set(list(images), [True] * 8)


def test_real_images_are_no_sharper_than_synthetic_ones(
    splits: dict[str, ImageSet], synthetic: ImageSet, make_set: Make
) -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, 1::2] = 255  # finer than 16 pixels can show
    fine = splits | {"validation": make_set([stripes], [True])}

    data = study_images(fine, synthetic, hashes_of(fine), CLASSIFIER, SplitOptions())

    assert np.ptp(fine["validation"].array((64, 64))) == 255
    assert np.ptp(data.validation.images[0]) < 32
    assert data.test.image_ids.tolist() == splits["test"].ids  # type: ignore[union-attr]


def test_near_copies_are_one_group_mirror_images_too(
    splits: dict[str, ImageSet], synthetic: ImageSet, make_set: Make
) -> None:
    mirrored = splits["train"].array((48, 64))[0][:, ::-1]
    more = make_set([*splits["train"].array((48, 64)), mirrored], [*[True, False] * 4, True])
    changed = splits | {"train": more}

    data = study_images(changed, synthetic, hashes_of(changed), CLASSIFIER, SplitOptions())

    groups = data.training.group_names
    assert groups[0] == groups[-1]
    assert len(set(groups.tolist())) == 8


def test_each_training_is_told_once_and_kept(
    splits: dict[str, ImageSet], synthetic: ImageSet, tmp_path: Path
) -> None:
    data = study_images(splits, synthetic, hashes_of(splits), CLASSIFIER, SplitOptions())
    options = StudyArmsOptions(arms=("real", "synthetic"), ratios=(1.0,), fractions=(1.0,), seeds=2)
    told: list[dict[str, Any]] = []
    work = WorkFolder(tmp_path / "work", [told.append])

    first = answer(data, None, work, options, CLASSIFIER)
    again = answer(data, None, work, options, CLASSIFIER)

    assert [each["is_resumed"] for each in told] == [False] * 4 + [True] * 4
    assert len({each["name"] for each in told}) == 4
    assert first == again


def test_arms_without_enough_synthetic_images_are_left_out_and_named(
    splits: dict[str, ImageSet], synthetic: ImageSet
) -> None:
    data = study_images(splits, synthetic, hashes_of(splits), CLASSIFIER, SplitOptions())
    options = StudyArmsOptions()  # 4 positives and 8 synthetic images: ratio 2 and no more

    assert within_reach(options, data) == (options, [])

    more = options.model_copy(update={"ratios": (0.5, 2.5)})
    possible, (remark,) = within_reach(more, data)
    assert (possible.ratios, possible.arms) == ((0.5,), options.arms)
    assert "ratio 2.5" in remark

    few = replace(data, synthetic=data.synthetic[:1])
    possible, (remark,) = within_reach(options, few)
    assert possible.arms == ("real", "classical", "oversampled")
    assert "synthetic_only" in remark
