"""What the report tells of a study: plain tables, mappings and image sets, no Kedro."""

from collections.abc import Iterable, Mapping, Sequence
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
        person_curve: Columns ``recall``, ``precision``, ``low``, ``high``.
        person_problems: What was wrong with the person filter's sources.
        flags: Columns ``image_id``, ``is_<flag>`` … of all images.
        curation: Columns ``is_kept``, ``decided_by``: who took how many images out.
        duplicate_review: Where the pages to check duplicates on lie, relative to the report.
        labelling: Of `cosmop.labels.label_metrics`: counts, shares, agreement.
        splits: Columns ``split``, ``label`` (positive, negative), ``images``.
        curve: Columns ``kimg``, ``attempt``, ``name``, ``value``, ``low``, ``high``,
            ``kernel_distance``, ``precision``, ``recall``, ``nearest_median``,
            ``nearest_unseen_median``, ``held_out_gap``, ``real_sign``, ``augmentation_strength``,
            ``generator_loss``, ``discriminator_loss``, ``is_abandoned``, ``is_best``; any may be
            missing but the first and ``value``.
        grids: ``(kimg, sample grid)`` over training, ascending.
        training_distances: Of training: ``name``, and ``untrained``, ``best``, ``floor`` (real
            against real) as estimates of one Fréchet distance.
        distances: Generated against real images: ``name``, ``kernel_name``, ``extractor``, and
            ``to_test`` and ``to_training``, each measure → value with interval, ``floor``,
            ``at_floor_n`` and ``is_beyond_floor``.
        classifiers: Judge → estimates and ``confusion``, in the order to be shown.
        baselines: ``always_negative`` and ``always_positive`` → estimates.
        acceptance: Judge → ``synthetic``, ``real_positives``, ``real_negatives`` as estimates of
            the accepted share, and ``corrected`` (an estimate, or why there is none as
            ``reason``).
        judge_curves: Judge → ``precision_recall`` and ``roc``, lists of points with bands.
        calibration: Judge → ``brier``, ``expected_error``, ``bins``; of probabilities only.
        by_group: Judge → column → groups with ``recall``, ``accuracy``, ``n``.
        one_class: Shares of variance and of acceptance on training and held-out positives,
            ``warning``, and ``detectors`` with their thresholds.
        scores: Columns ``image_id``, ``set`` (test, synthetic), ``is_positive``, and for each judge
            ``<judge>_score`` (higher is more positive) and ``<judge>_accepts``.
        score_images: The pictures of `scores`.
        error_heat_maps: A sheet of the worst errors, each above what the network looked at.
        augmentation_study: ``arms``, ``comparisons``, ``smallest_detectable_gain``,
            ``conclusion``; see `cosmop.reports.arms`.
        memorisation: ``verdict``, ``reason``, ``flagged``, ``flagged_held_out``, ``closest`` …
        memorisation_images: The pictures that ``closest`` and ``closest_held_out`` name.
        leaks: Check → ``ok``, ``n``, ``sentence``, ``examples``.
        split_hash: SHA-256 of the split manifest.
        test_split_note: What changed in the test split since the last run, one sentence.
        data_card: What only a person knows: ``images``, ``made_by``, ``licence`` as text and
            ``known_failures`` as sentences; what is missing is said from the other facts.
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
    person_curve: pd.DataFrame = field(default_factory=pd.DataFrame)
    person_problems: pd.DataFrame = field(default_factory=pd.DataFrame)
    flags: pd.DataFrame = field(default_factory=pd.DataFrame)
    curation: pd.DataFrame = field(default_factory=pd.DataFrame)
    duplicate_review: str = ""
    labelling: Metrics = field(default_factory=dict)
    splits: pd.DataFrame = field(default_factory=pd.DataFrame)
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)
    grids: Sequence[tuple[float, Image.Image]] = ()
    training_distances: Metrics = field(default_factory=dict)
    distances: Metrics = field(default_factory=dict)
    classifiers: Mapping[str, Metrics] = field(default_factory=dict)
    baselines: Metrics = field(default_factory=dict)
    acceptance: Metrics = field(default_factory=dict)
    judge_curves: Metrics = field(default_factory=dict)
    calibration: Metrics = field(default_factory=dict)
    by_group: Metrics = field(default_factory=dict)
    one_class: Metrics = field(default_factory=dict)
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    score_images: ImageSet | None = None
    error_heat_maps: Image.Image | None = None
    augmentation_study: Metrics = field(default_factory=dict)
    memorisation: Metrics = field(default_factory=dict)
    memorisation_images: ImageSet | None = None
    leaks: Metrics = field(default_factory=dict)
    split_hash: str = ""
    test_split_note: str = ""
    data_card: Metrics = field(default_factory=dict)
    truth: Metrics | None = None
    provenance: pd.DataFrame = field(default_factory=pd.DataFrame)
    parameters: Metrics = field(default_factory=dict)
    code_version: str = ""
    extractor: Metrics = field(default_factory=dict)
    notes: Sequence[str] = ()


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


def main_judge(names: Iterable[str]) -> str | None:
    """Return the judge to show first: the image classifier if there is one."""
    known = list(names)
    return "image_classifier" if "image_classifier" in known else next(iter(known), None)
