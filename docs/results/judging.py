"""All judges on CIFAR horses and on photographs with people, on the features of one network."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from horses import SEED, Part
from numpy.typing import NDArray
from PIL import Image
from sklearn.model_selection import StratifiedKFold
from stylegan2 import ResNet56, features

from cosmop.classifiers.augmentation_study import (
    StudyArmsOptions,
    StudyImages,
    StudyPart,
    fine_tuning_trainer,
    run_augmentation_study,
)
from cosmop.classifiers.detectors import DetectorOptions, fit_detectors
from cosmop.classifiers.image_classifier import (
    ImageClassifierOptions,
    TrainingData,
    predict,
    train_image_classifier,
)
from cosmop.classifiers.one_class import (
    OneClassOptions,
    fit_one_class,
    one_class_report,
    score_one_class,
)
from cosmop.imaging.decoding import decode_rgb
from cosmop.imaging.phash import low_frequencies, phash_from_dct
from cosmop.metrics.closeness import Pictures
from cosmop.metrics.judgement import judge_scores
from cosmop.metrics.judging import measure_distances
from cosmop.metrics.memorisation import measure_memorisation
from cosmop.metrics.memorisation_options import MemorisationOptions
from cosmop.metrics.options import DistanceOptions
from cosmop.metrics.thumbnails import thumbnails_of
from cosmop.stylegan2.sampling import sample_images

CLASSIFIER = ImageClassifierOptions(
    backbone="resnet_small",
    pretrained="none",
    image_size=(32, 32),
    steps=300,
    batch_size=64,
    learning_rate=2e-3,
    evaluate_every_steps=50,
    seed=SEED,
)
ARMS = StudyArmsOptions(seeds=5, seed=SEED)
FOLDS = 5
_HELD_OUT_SHARE = 0.125  # of a fold's training positives: they set the thresholds


def pooled(network: ResNet56, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return 64 features of uint8 images [N, 32, 32, 3]."""
    return features(network, _tensor(images))


@torch.inference_mode()
def mapped(network: ResNet56, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the last map of features, flattened, [N, 8 * 8 * 64]."""
    return torch.cat(
        [network.feature_map(part).flatten(1) for part in _tensor(images).split(200)]
    ).numpy()


def _tensor(images: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2) / 127.5 - 1


def judge_horses(
    network: ResNet56, split: dict[str, Part], synthetic: NDArray[np.uint8]
) -> dict[str, Any]:
    """Return the one-class table, acceptance and the classifier's figures."""
    train, held_out, test = (split[name] for name in ("train", "validation", "test"))
    shown = {"test": test.images, "synthetic": synthetic}
    scores, report = _one_class(network, train, held_out, shown)
    model = train_image_classifier(
        TrainingData(train.images, train.labels),
        TrainingData(held_out.images, held_out.labels),
        CLASSIFIER,
    ).model
    for name, images in shown.items():
        p = predict(model, images)
        scores[name] |= {"image_classifier_score": p, "image_classifier_accepts": p >= 0.5}
    labels = {"test": test.labels, "synthetic": np.ones(len(synthetic), bool)}
    table = pd.concat(
        pd.DataFrame(scores[name]).assign(set=name, is_positive=labels[name]) for name in shown
    )
    return {**judge_scores(table.reset_index(drop=True)), "one_class": report}


def _one_class(
    network: ResNet56, train: Part, held_out: Part, shown: dict[str, NDArray[np.uint8]]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return scores and verdicts by set, and the study's model's report."""
    positive = train.images[train.labels]
    its_map = mapped(network, positive)
    svm = fit_one_class(its_map, OneClassOptions())
    report = one_class_report(svm, its_map, mapped(network, held_out.images[held_out.labels]))
    fitted = fit_detectors(
        pooled(network, positive),
        pooled(network, train.images[~train.labels]),
        pooled(network, held_out.images[held_out.labels]),
        DetectorOptions(seed=SEED),
    )
    scores: dict[str, dict[str, Any]] = {}
    for name, images in shown.items():
        svm_scores = score_one_class(svm, mapped(network, images))
        scores[name] = {"one_class_svm_score": svm_scores, "one_class_svm_accepts": svm_scores >= 0}
        vectors = pooled(network, images)
        for judge, detector in fitted.items():
            values = detector.score(vectors)
            scores[name] |= {
                f"{judge}_score": values,
                f"{judge}_accepts": values >= detector.threshold,
            }
    return scores, report


def distances_of(
    network: ResNet56, checksum: str, split: dict[str, Part], synthetic: NDArray[np.uint8]
) -> dict[str, Any]:
    """Return ``distances.json`` of the synthetic horses."""
    real = {
        name: pooled(network, part.images[part.labels])
        for name, part in split.items()
        if name != "validation"
    }
    return measure_distances(
        real["train"],
        real["test"],
        pooled(network, synthetic),
        extractor={"name": "resnet56_cifar10", "checksum": checksum, "dimensions": 64},
        options=DistanceOptions(seed=SEED),
    )


def copies_of(
    network: ResNet56, checksum: str, split: dict[str, Part], synthetic: NDArray[np.uint8]
) -> dict[str, Any]:
    """Return ``memorisation.json``; the test horses are the control."""
    train, test = (split[name] for name in ("train", "test"))
    horses, unseen = train.images[train.labels], test.images[test.labels]
    ids = list(train.names[train.labels])
    mirrored = horses[:, :, ::-1]
    return measure_memorisation(
        Pictures(ids, pooled(network, horses), thumbnails_of(horses), _hashes(horses)),
        Pictures(ids, pooled(network, mirrored), hashes=_hashes(mirrored)),
        _unnamed(network, unseen, "test"),
        _unnamed(network, synthetic, "synthetic"),
        options=MemorisationOptions(seed=SEED),
        extractor={"name": "resnet56_cifar10", "checksum": checksum},
    )


def _unnamed(network: ResNet56, images: NDArray[np.uint8], name: str) -> Pictures:
    ids = [f"{name} {number}" for number in range(len(images))]
    return Pictures(ids, pooled(network, images), thumbnails_of(images), _hashes(images))


def _hashes(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    greys = (np.asarray(Image.fromarray(image).convert("L")) for image in images)
    return np.array([phash_from_dct(low_frequencies(grey)) for grey in greys], dtype=np.uint64)


def study_horses(
    split: dict[str, Part], synthetic: NDArray[np.uint8], work: Path
) -> dict[str, Any]:
    """Return ``augmentation_study.json`` of the horses."""
    train, held_out, test = (
        StudyPart(part.images, part.labels, part.names)
        for part in (split["train"], split["validation"], split["test"])
    )
    data = StudyImages(train, held_out, test, synthetic)
    return run_augmentation_study(data, ARMS, fine_tuning_trainer(CLASSIFIER), work / "arms")


def judge_photographs(network: ResNet56, data: Path) -> dict[str, Any]:
    """Return the one-class table for people on real photographs, cross-validated."""
    labels = pd.read_csv(data / "photos" / "objects1000" / "labels_people.csv")
    labels = labels[labels["people"].isin(["people", "none"])]
    is_people = (labels["people"] == "people").to_numpy()
    images = np.stack([_small(data / "photos" / "objects1000" / name) for name in labels["file"]])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    tables = []
    for rows, test_rows in folds.split(images, is_people):
        is_held_out = np.random.default_rng(SEED).random(len(rows)) < _HELD_OUT_SHARE
        train = _part(images, is_people, rows[~is_held_out])
        held_out = _part(images, is_people, rows[is_held_out])
        scores, _ = _one_class(network, train, held_out, {"test": images[test_rows]})
        tables.append(
            pd.DataFrame(scores["test"]).assign(set="test", is_positive=is_people[test_rows])
        )
    return judge_scores(pd.concat(tables, ignore_index=True))


def _part(images: NDArray[np.uint8], labels: NDArray[np.bool_], rows: NDArray[np.int64]) -> Part:
    return Part(images[rows], labels[rows], rows.astype(str))


def _small(path: Path) -> NDArray[np.uint8]:
    image = decode_rgb(path.read_bytes())
    return np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC, reducing_gap=3.0))


def synthetic_horses(generator: Any, count: int) -> NDArray[np.uint8]:
    """Return generated images of seeds 0, 1, …, uint8 [count, 32, 32, 3]."""
    return np.concatenate(list(sample_images(generator, range(count), batch_size=200)))
