"""What the report tells of a study: plain tables, mappings and image sets, no Kedro."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from PIL import Image

from cosmop.imaging.image_set import ImageSet

Metrics = Mapping[str, Any]
"""``{name: {"value", "low", "high", "n"} | number | text | nested}``, as JSON files hold it."""


@dataclass(frozen=True)
class StudyFacts:
    """Everything the page shows; whatever is empty or None becomes a quiet "not run".

    Attributes:
        title: Heading of the page.
        subtitle: One sentence below it.
        made_at: When the report was made, as text.
        environment: Configuration environment, such as ``base``.
        funnel: Columns ``stage`` (found, downloaded, unique, with_people, labelled, positive),
            ``label``, ``images``, ``note``; in order.
        stages: Stage name → images for its contact sheet, in order.
        failures: Columns ``reason``, ``images``.
        duplicates: Counts, such as images, groups, removed; plus ``radius_bits``.
        duplicate_groups: Columns ``image_id``, ``group``, ``is_kept``; pictures are looked up in
            the first stage that has them.
        person_filter: ``accuracy`` and others as estimates, ``confusion`` as ``tp fp fn tn``.
        person_scores: Columns ``image_id``, ``score``, ``is_kept``.
        splits: Columns ``split``, ``label`` (positive, negative), ``images``.
        curve: Columns ``kimg``, ``attempt``, ``name``, ``value``, ``low``, ``high``,
            ``kernel_distance``, ``precision``, ``recall``, ``nearest_median``,
            ``nearest_unseen_median``, ``held_out_gap``, ``real_sign``, ``augmentation_strength``,
            ``generator_loss``, ``discriminator_loss``, ``is_abandoned``, ``is_best``; any may be
            missing but the first and ``value``.
        grids: ``(kimg, sample grid)`` over training, ascending.
        distances: ``untrained``, ``best``, ``floor`` (real against real) as estimates of one
            distance; other names (``kid``, ``precision`` …) are listed beside.
        classifiers: ``one_class_svm``, ``image_classifier``, ``image_classifier_with_synthetic`` →
            estimates and ``confusion``.
        gains: Paired differences, with minus without synthetic images, as estimates.
        acceptance: Judge → ``synthetic``, ``real_positives``, ``real_negatives`` as estimates of
            the accepted share (or the estimate for synthetic images alone).
        scores: Columns ``image_id``, ``set`` (test, synthetic), ``is_positive``, and for each judge
            ``<judge>_score`` (higher is more positive) and ``<judge>_accepts``.
        score_images: The pictures of `scores`.
        truth: Measured against drawn truth; None in a real study.
        provenance: Columns ``dataset``, ``version``, ``path``, ``produced_by``.
        parameters: Nested parameters of the run.
        code_version: Git revision, or package version.
        extractor: ``name``, ``checksum``, ``dimensions`` of the feature network.
        notes: Sentences for the limits section, from this run.
    """

    title: str
    subtitle: str = ""
    made_at: str = ""
    environment: str = ""
    funnel: pd.DataFrame = field(default_factory=pd.DataFrame)
    stages: Mapping[str, ImageSet] = field(default_factory=dict)
    failures: pd.DataFrame = field(default_factory=pd.DataFrame)
    duplicates: Metrics = field(default_factory=dict)
    duplicate_groups: pd.DataFrame = field(default_factory=pd.DataFrame)
    person_filter: Metrics = field(default_factory=dict)
    person_scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    splits: pd.DataFrame = field(default_factory=pd.DataFrame)
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)
    grids: Sequence[tuple[float, Image.Image]] = ()
    distances: Metrics = field(default_factory=dict)
    classifiers: Mapping[str, Metrics] = field(default_factory=dict)
    gains: Metrics = field(default_factory=dict)
    acceptance: Metrics = field(default_factory=dict)
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    score_images: ImageSet | None = None
    truth: Metrics | None = None
    provenance: pd.DataFrame = field(default_factory=pd.DataFrame)
    parameters: Metrics = field(default_factory=dict)
    code_version: str = ""
    extractor: Metrics = field(default_factory=dict)
    notes: Sequence[str] = ()


DISTANCES = {"untrained": "untrained generator", "best": "best snapshot", "floor": "real ↔ real"}
"""The distances that share one axis; every other name is a different measure."""

CLASSIFIERS = {
    "one_class_svm": "One-class SVM",
    "image_classifier": "Image classifier",
    "image_classifier_with_synthetic": "Image classifier, with synthetic images",
}
"""Names for people; an unknown classifier is shown under its key."""

JUDGES = {"svm": "One-class SVM", "cnn": "Image classifier", **CLASSIFIERS}
"""Names for people of those who accept or refuse images."""


def rows_of(frame: pd.DataFrame, *needed: str) -> list[dict[str, Any]]:
    """Return the rows that have every needed value, as dicts; none when a column is missing."""
    if frame.empty or not set(needed) <= set(frame.columns):
        return []
    rows = frame.dropna(subset=list(needed)).to_dict("records")
    return [{str(key): cell for key, cell in row.items()} for row in rows]


def truths(column: "pd.Series[Any]") -> "pd.Series[bool]":
    """Return a column of yes, no and unknown as booleans; unknown is no."""
    return column.astype("boolean").fillna(value=False).astype(bool)


def stage_count(facts: StudyFacts, *stages: str) -> int | None:
    """Return the images of the first of `stages` that the funnel knows."""
    counts = {row["stage"]: row["images"] for row in rows_of(facts.funnel, "stage", "images")}
    return next((int(counts[stage]) for stage in stages if stage in counts), None)


def split_count(facts: StudyFacts, split: str, label: str) -> int | None:
    """Return the images of one split and label, None when the split table lacks them."""
    cells = [
        int(row["images"])
        for row in rows_of(facts.splits, "split", "label", "images")
        if row["split"] == split and row["label"] == label
    ]
    return sum(cells) if cells else None


def acceptance_of(facts: StudyFacts, judge: str) -> Mapping[str, Any]:
    """Return the accepted shares of one judge as a mapping by set of images."""
    raw = facts.acceptance.get(judge)
    if isinstance(raw, Mapping) and "value" not in raw:
        return raw
    return {} if raw is None else {"synthetic": raw}


def main_judge(facts: StudyFacts) -> str | None:
    """Return the judge for the headline: the image classifier if there is one."""
    names = list(facts.acceptance)
    return next((name for name in ("image_classifier", "cnn") if name in names), None) or (
        names[0] if names else None
    )


_DISTANCE_NAMES = {"fid": "FID", "fd_person_filter": "Fréchet distance, person-filter features"}


def distance_name(facts: StudyFacts) -> str:
    """Name the distance for people, after the curve or ``distances["name"]``."""
    key = facts.distances.get("name", "")
    if not key and "name" in facts.curve and len(facts.curve):
        key = facts.curve["name"].iloc[0]
    return _DISTANCE_NAMES.get(str(key), str(key)) or "Fréchet distance"
