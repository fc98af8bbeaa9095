"""Words for people: what each judge, distance and measure of a study is called."""

from dataclasses import dataclass

from cosmop.reports.estimates import title_of
from cosmop.reports.facts import StudyFacts

_JUDGES = {
    "one_class_svm": "One-class SVM (as in the study)",
    "knn": "Nearest neighbours",
    "mahalanobis": "Mahalanobis distance",
    "pca_residual": "PCA residual",
    "isolation_forest": "Isolation forest",
    "nystroem_svm": "One-class SVM (Nyström)",
    "logistic_regression": "Logistic regression",
    "image_classifier": "Image classifier",
}
_DISTANCES = {
    "fid": "FID",
    "kid": "KID",
    "fd_person_filter": "Fréchet distance, person-filter features",
    "kd_person_filter": "kernel distance, person-filter features",
}
_KINDS = {"fd": "Fréchet distance", "kd": "kernel distance"}


@dataclass(frozen=True)
class Measure:
    """A measure of how generated images differ from real ones.

    Attributes:
        title: Its name.
        meaning: What it says, and which end is good; one sentence.
        is_share: Whether it lies between 0 and 1.
    """

    title: str
    meaning: str
    is_share: bool = False


MEASURES = {
    "told_apart": Measure(
        "Pixel test",
        "How surely a linear model that sees only coarse colours and fine structure tells "
        "synthetic from real images it has not seen (AUROC): 0.5 is a coin, 1 is always.",
        is_share=True,
    ),
    "kernel_distance": Measure(
        "Kernel distance",
        "How far apart the two clouds of images lie; 0 when they are alike, without bias at any "
        "number of images.",
    ),
    "mind": Measure(
        "MIND",
        "How far the images would have to move, squared, averaged over random directions; it "
        "notices a wrong spread. Lower is better.",
    ),
    "recall": Measure(
        "Recall",
        "Share of real images that lie where synthetic ones are found: the variety.",
        is_share=True,
    ),
    "coverage": Measure(
        "Coverage",
        "Share of real images with a synthetic one among their near neighbours.",
        is_share=True,
    ),
    "precision": Measure(
        "Precision",
        "Share of synthetic images that lie where real ones are found.",
        is_share=True,
    ),
    "density": Measure(
        "Density",
        "How thickly real images surround the synthetic ones; about 1 for real images.",
    ),
    "distance": Measure(
        "Fréchet distance",
        "For comparison with papers only. It depends on the number of images, and copying or "
        "shrinking the training set improves it.",
    ),
}
"""In the order of the page: what a reader should go by comes first."""


def judge_name(key: str) -> str:
    """Name a judge; an unknown one is shown under its key."""
    return _JUDGES.get(key, title_of(key))


def named_distance(key: str) -> str:
    """Name a distance by its features: ``"fd_resnet50"`` is a Fréchet distance, never a FID."""
    if key in _DISTANCES:
        return _DISTANCES[key]
    kind, _, extractor = key.partition("_")
    if kind in _KINDS and extractor:
        return f"{_KINDS[kind]}, {extractor.replace('_', ' ')} features"
    return key or "Fréchet distance"


def training_distance_name(facts: StudyFacts) -> str:
    """Name the distance that training was watched by."""
    key = facts.training_distances.get("name", "")
    if not key and "name" in facts.curve and len(facts.curve):
        key = facts.curve["name"].iloc[0]
    return named_distance(str(key))


def measure_name(facts: StudyFacts, measure: str) -> str:
    """Name one measure of `StudyFacts.distances`, with its features where the name tells them."""
    keys = {"distance": "name", "kernel_distance": "kernel_name"}
    key = facts.distances.get(keys.get(measure, ""), "")
    name = named_distance(str(key)) if key else ""
    known = MEASURES[measure].title if measure in MEASURES else title_of(measure)
    return name[:1].upper() + name[1:] if name else known
