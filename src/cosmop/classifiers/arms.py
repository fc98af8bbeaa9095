"""The arms of the augmentation study: which images each classifier is trained on."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cosmop.classifiers.arms_options import StudyArmsOptions
from cosmop.classifiers.image_classifier import TrainingData
from cosmop.errors import InputError

Rows = NDArray[np.int64]

_WHO = "The augmentation study"


@dataclass(frozen=True)
class StudyPart(TrainingData):
    """One part of the real images, with who they are.

    Attributes:
        images: uint8 [N, H, W, 3], 0..255.
        labels: bool [N], true for the subject.
        image_ids: Names of the images, [N]; without them no overlap of parts can be noticed.
        groups: Which group each image belongs to, [N]; near copies share one. None: all differ.
    """

    image_ids: NDArray[Any] | None = None
    groups: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, given in (("image_ids", self.image_ids), ("groups", self.groups)):
            if given is not None and np.shape(given) != (len(self),):
                raise InputError(
                    f"{_WHO} needs one of {name} per image, got {np.shape(given)} for {len(self)} "
                    "images; take both from one table."
                )

    @property
    def group_names(self) -> NDArray[Any]:
        """The group of each image [N]; its own where none was given."""
        return np.arange(len(self)) if self.groups is None else np.asarray(self.groups)

    def digest(self) -> str:
        """Return the SHA-256 (hex) of pixels and labels in their order."""
        return digest_of(self.images, np.asarray(self.labels, dtype=bool))


@dataclass(frozen=True)
class StudyImages:
    """What a study trains on and is measured on; parts that share an image are refused.

    Attributes:
        training: Real images; arms take from these.
        validation: Real images that no arm trains on; they choose the training step.
        test: Real images that nothing else has seen.
        synthetic: uint8 [M, H, W, 3] from a generator of the subject that was trained on images of
            `training` alone.
    """

    training: StudyPart
    validation: StudyPart
    test: StudyPart
    synthetic: NDArray[np.uint8]

    def __post_init__(self) -> None:
        self._check_pixels()
        self._check_classes()
        self._check_overlap()

    def _check_pixels(self) -> None:
        parts = {name: part.images for name, part in self._parts()}
        parts |= {"synthetic": self.synthetic}
        shapes = {name: list(images.shape[1:]) for name, images in parts.items()}
        wanted = shapes["training"]
        if any(shape != wanted for shape in shapes.values()) or self.synthetic.dtype != np.uint8:
            raise InputError(
                f"{_WHO} needs uint8 images of one size in all parts, got {shapes} and "
                f"{self.synthetic.dtype} synthetic ones; bring all to one size first."
            )

    def _check_classes(self) -> None:
        positive = int(self.test.labels.sum())
        if not 0 < positive < len(self.test) or len(self.validation) == 0:
            raise InputError(
                f"{_WHO} needs test images of both classes and 1 image to validate on, got "
                f"{positive} positive, {len(self.test) - positive} negative and "
                f"{len(self.validation)} to validate on; split the labelled images again."
            )

    def _check_overlap(self) -> None:
        seen: dict[Any, str] = {}
        for name, part in self._parts():
            for image_id in [] if part.image_ids is None else part.image_ids.tolist():
                other = seen.setdefault(image_id, name)
                if other != name:
                    raise InputError(
                        f"{_WHO} needs parts that share no image, got {image_id!r} in {other} and "
                        f"in {name}; split the images again before anything is trained."
                    )

    def _parts(self) -> Iterable[tuple[str, StudyPart]]:
        names = ("training", "validation", "test")
        return zip(names, (self.training, self.validation, self.test), strict=True)


@dataclass(frozen=True)
class Arm:
    """One way of training.

    Attributes:
        name: Key in documents and file names.
        label: For people.
        kind: What is done with the real images.
        ratio: Images added per real positive image.
    """

    name: str
    label: str
    kind: Literal["real", "classical", "oversampled", "synthetic", "synthetic_only"]
    ratio: float = 0.0

    @property
    def is_augmented(self) -> bool:
        """Whether images are changed at random in training."""
        return self.kind == "classical"


@dataclass(frozen=True)
class ArmRows:
    """Which images an arm takes.

    Attributes:
        real: Places in ``training``, first each once in their order, then repeats.
        synthetic: Places in ``synthetic``.
        repeated: How many of `real` are repeats.
    """

    real: Rows
    synthetic: Rows
    repeated: int = 0


def plan_arms(options: StudyArmsOptions) -> list[Arm]:
    """Return the arms in the order of the options, ratios ascending."""
    single = len(options.placebo_ratios) == 1
    arms = {
        "real": [Arm("real", "Real images", "real")],
        "classical": [Arm("classical", "Real, classical augmentation", "classical")],
        "oversampled": [_placebo(ratio, single=single) for ratio in sorted(options.placebo_ratios)],
        "synthetic": [
            Arm(
                f"synthetic_{ratio:g}",
                f"Real + {ratio:g} synthetic per positive",
                "synthetic",
                ratio,
            )
            for ratio in sorted(options.ratios)
        ],
        "synthetic_only": [
            Arm("synthetic_only", "Synthetic in place of real positives", "synthetic_only", 1.0)
        ],
    }
    return [arm for kind in options.arms for arm in arms[kind]]


def _placebo(ratio: float, *, single: bool) -> Arm:
    name = "oversampled" if single else f"oversampled_{ratio:g}"
    return Arm(name, f"Real, {ratio:g} repeats per positive (placebo)", "oversampled", ratio)


def subset_of(training: StudyPart, fraction: float, seed: int) -> Rows:
    """Return the places of a share of the training images, ascending.

    Whole groups in an order drawn from `seed`, the groups of mostly positive and of mostly negative
    images each to their share. A smaller fraction lies within every larger one.

    Raises:
        InputError: Fewer than 2 images of a class.
    """
    names, group_N = np.unique(training.group_names, return_inverse=True)
    sizes_G = np.bincount(group_N)
    is_positive_G = np.bincount(group_N, weights=training.labels) * 2 >= sizes_G
    drawn_G = np.random.default_rng(seed).permutation(len(names))
    taken_G = np.zeros(len(names), bool)
    for side in (is_positive_G, ~is_positive_G):
        order = drawn_G[side[drawn_G]]
        middle = np.cumsum(sizes_G[order]) - sizes_G[order] / 2
        taken_G[order] = middle <= fraction * sizes_G[order].sum()
    rows = np.flatnonzero(taken_G[group_N])
    _check_subset(training.labels[rows], fraction, len(training))
    return rows


def _check_subset(labels: NDArray[np.bool_], fraction: float, n: int) -> None:
    positive = int(labels.sum())
    if min(positive, len(labels) - positive) < 2:
        raise InputError(
            f"{_WHO} needs 2 images of each class at every fraction, got {positive} positive and "
            f"{len(labels) - positive} negative at {fraction:g} of {n} training images; leave out "
            "small fractions or label more images."
        )


def rows_of_arm(arm: Arm, real: Rows, data: StudyImages, seed: int) -> ArmRows:
    """Return which images an arm takes of the real subset `real` and of the synthetic images.

    Added images are ``round(ratio × positives of the subset)``; those of a smaller ratio are among
    those of a larger one. The synthetic-only arm keeps the real negatives and puts as many
    synthetic images in the place of the positives: the classification accuracy score (Ravuri &
    Vinyals 2019) of a generator that knows one class.

    Raises:
        InputError: Fewer synthetic images than the arm needs.
    """
    labels = data.training.labels[real]
    positives, none = real[labels], np.empty(0, np.int64)
    wanted = round(arm.ratio * len(positives))
    if arm.kind in ("real", "classical"):
        return ArmRows(real, none)
    if arm.kind == "oversampled":
        order = np.random.default_rng(seed).permutation(positives)
        return ArmRows(np.append(real, np.resize(order, wanted)), none, wanted)
    synthetic = _first_synthetic(arm, wanted, len(data.synthetic), seed)
    return ArmRows(real if arm.kind == "synthetic" else real[~labels], synthetic)


def _first_synthetic(arm: Arm, wanted: int, there: int, seed: int) -> Rows:
    if wanted > there:
        raise InputError(
            f"{_WHO} needs {wanted} synthetic images for its arm {arm.name!r}, got {there}; "
            "generate more or leave out large ratios."
        )
    return np.random.default_rng(seed).permutation(there)[:wanted]


def training_data(rows: ArmRows, data: StudyImages) -> TrainingData:
    """Return the images and labels of an arm: real ones first, added ones after them."""
    synthetic = data.synthetic[rows.synthetic]
    labels = np.append(data.training.labels[rows.real], np.ones(len(synthetic), bool))
    return TrainingData(np.concatenate([data.training.images[rows.real], synthetic]), labels)


def digest_of(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 (hex) of arrays: type, shape and content."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
