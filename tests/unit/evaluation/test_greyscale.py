"""A greyscale generator is judged against photographs in the greys that it was trained on.

Planted truth: the synthetic images are the test photographs as a greyscale network is shown them,
so nothing whatever may tell the two apart.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosmop.classifiers import one_class
from cosmop.classifiers.feature_table import FeatureTable
from cosmop.classifiers.image_classifier import ImageClassifier
from cosmop.classifiers.options import (
    DetectorOptions,
    FeatureOptions,
    ImageClassifierOptions,
    OneClassOptions,
)
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.phash import HashingOptions, hash_image_set
from cosmop.imaging.store import ImageStore
from cosmop.labels.splits import SplitOptions
from cosmop.metrics.frechet import frechet_from_features
from cosmop.metrics.memorisation_options import MemorisationOptions
from cosmop.people.binary_network import seeded
from cosmop.pipelines.evaluation.features import features_of_study, form_of
from cosmop.pipelines.evaluation.judging import judge_images, score_by_detectors
from cosmop.pipelines.evaluation.privacy import search_for_copies
from cosmop.pipelines.evaluation.questions import study_images
from cosmop.pipelines.generation.inputs import pixels_for
from cosmop.pipelines.generation.sampling import generate_image_set
from cosmop.stylegan2.export import encode_png
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions, SamplingOptions

Make = Callable[..., ImageSet]
Draw = Callable[[int], list[np.ndarray]]
FEATURES = FeatureOptions(
    kind="resnet_small", pretrained="none", image_size=(32, 32), device="cpu", batch_size=8
)
CLASSIFIER = ImageClassifierOptions(backbone="resnet_small", pretrained="none", image_size=(32, 32))


def network(channels: int) -> NetworkOptions:
    return NetworkOptions.model_validate(
        {
            "height": 24, "width": 16, "channel_base": 32, "channel_max": 4, "z_dim": 4,
            "w_dim": 4, "mapping_layers": 1, "image_channels": channels,
        }
    )  # fmt: skip


def reproduced(images: ImageSet, channels: int) -> ImageSet:
    """Return what a generator makes that gives back each training image to the bit."""
    rows = []
    for image_HWC in pixels_for(network(channels), images):
        image_id, path = images.store.add(encode_png(image_HWC), "png")
        rows.append({"image_id": image_id, "path": path, "height": 24, "width": 16})
    return ImageSet(pd.DataFrame(rows).assign(channels=channels, is_positive=True), images.store)


@pytest.fixture
def splits(make_set: Make, scenes: Draw) -> dict[str, ImageSet]:
    return {
        name: make_set(scenes(size), [place % 2 == 0 for place in range(size)])
        for name, size in (("train", 40), ("validation", 20), ("test", 40))
    }


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def synthetic(request: pytest.FixtureRequest, splits: dict[str, ImageSet]) -> ImageSet:
    test = splits["test"]
    return reproduced(test.where(test.manifest["is_positive"]), request.param)


def features(splits: dict[str, ImageSet], synthetic: ImageSet, tmp_path: Path) -> FeatureTable:
    work = WorkFolder(tmp_path / "cache", [])
    return features_of_study((*splits.values(), synthetic), None, work, FEATURES)  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 3])
def test_real_images_take_the_form_in_which_they_train(
    splits: dict[str, ImageSet], channels: int
) -> None:
    trained_on = pixels_for(network(channels), splits["train"])
    shown = splits["train"].array((24, 16), through=GeneratedForm(24, 16, channels))

    np.testing.assert_array_equal(shown, np.broadcast_to(trained_on, shown.shape))
    assert (np.ptp(shown, axis=3).max() == 0) == (channels == 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_generated_images_say_their_form(tmp_path: Path, channels: int) -> None:
    generator = Generator(network(channels))
    options = SamplingOptions(images=2, device="cpu")
    made = generate_image_set(generator, ImageStore(tmp_path), options)

    assert form_of(made) == GeneratedForm(24, 16, channels)


def test_a_set_that_does_not_say_its_channels_is_colour(splits: dict[str, ImageSet]) -> None:
    assert form_of(splits["test"]) == GeneratedForm(48, 64, 3)


def test_features_cannot_tell_a_perfect_generator_from_photographs(
    splits: dict[str, ImageSet], synthetic: ImageSet, tmp_path: Path
) -> None:
    table = features(splits, synthetic, tmp_path)
    real, generated = table.of("test", is_positive=True), table.of("synthetic")

    np.testing.assert_allclose(generated, real, rtol=1e-4, atol=1e-5)
    assert frechet_from_features(real, generated) == pytest.approx(0, abs=1e-4)


def test_as_colours_against_greys_the_same_generator_would_be_far(
    splits: dict[str, ImageSet], tmp_path: Path
) -> None:
    grey = reproduced(splits["test"], 1)
    silent = ImageSet(grey.manifest.drop(columns="channels"), grey.store)
    table = features(splits, silent, tmp_path)

    assert frechet_from_features(table.of("test"), table.of("synthetic")) > 1e-2


def test_every_judge_says_the_same_of_photograph_and_reproduction(
    splits: dict[str, ImageSet], synthetic: ImageSet, tmp_path: Path
) -> None:
    table = features(splits, synthetic, tmp_path)
    svm = one_class.fit_one_class(table.of("train", is_positive=True), OneClassOptions())
    detected, _ = score_by_detectors(table, DetectorOptions())
    classifier = seeded(ImageClassifier, CLASSIFIER, 0).eval()
    images = {"test": splits["test"], "synthetic": synthetic}

    scores = judge_images(images, table, detected, svm, classifier, "cpu")
    said = scores.loc[scores["is_positive"], [c for c in scores if c.endswith("_score")]]
    of_real, of_generated = said[: len(synthetic)], said[len(synthetic) :]
    assert said.shape == (40, 8)
    np.testing.assert_allclose(of_generated, of_real, rtol=1e-3, atol=1e-4)


def test_the_arms_train_on_the_very_pixels(
    splits: dict[str, ImageSet], synthetic: ImageSet
) -> None:
    hashes = pd.concat([hash_image_set(part, HashingOptions()) for part in splits.values()])
    data = study_images(splits, synthetic, hashes, CLASSIFIER, SplitOptions())

    np.testing.assert_array_equal(data.synthetic, data.test.images[data.test.labels])


def test_copies_in_grey_have_the_hashes_and_thumbnails_of_their_originals(
    splits: dict[str, ImageSet], make_set: Make, scenes: Draw, tmp_path: Path
) -> None:
    train = make_set(scenes(60), [True] * 60)
    sets = {
        "train": train,
        "validation": splits["validation"],
        "test": make_set(scenes(60), [True] * 60),
    }
    copies = reproduced(train, 1)
    work = WorkFolder(tmp_path / "cache", [])
    table = features_of_study(
        (*sets.values(), copies),
        None,
        work,
        FEATURES,
        mirrored=["train"],  # type: ignore[arg-type]
    )
    positives = {name: part.where(part.manifest["is_positive"]) for name, part in sets.items()}

    found = search_for_copies(table, positives, copies, MemorisationOptions())
    assert found["verdict"] == "copies found"
    assert found["thumbnails"]["flagged"]["value"] == 1
    assert found["phash_hits"]["value"] == 1
