"""The first half of the page: from found images to labels, as values for the templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from cosmop.imaging.image_set import ImageSet
from cosmop.reports.curves import histogram_overlay
from cosmop.reports.estimates import (
    MISSING,
    as_estimate,
    flatten_metrics,
    format_cell,
    format_interval,
    format_number,
    title_of,
)
from cosmop.reports.facts import (
    Metrics,
    StudyFacts,
    acceptance_of,
    distance_name,
    main_judge,
    rows_of,
    stage_count,
    truths,
)
from cosmop.reports.figures import Bar, Row, bar_chart, confusion_table, forest_plot
from cosmop.reports.thumbnails import ReportOptions, Tile, contact_sheet, tile_of

_STRIP_IMAGES = 10


@dataclass(frozen=True)
class Headline:
    """One large number of the hero; `value` is empty when its stage did not run."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True)
class Sheet:
    """A titled set of tiles: a contact sheet, a group of duplicates, a gallery cell."""

    title: str
    count: int
    tiles: Sequence[Tile]
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table for the page: texts, and the numbers of the right-aligned columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()


def headlines(facts: StudyFacts) -> list[Headline]:
    """Choose the six numbers that a visitor takes home."""
    found, labelled = stage_count(facts, "found"), stage_count(facts, "labelled")
    downloaded, unique = stage_count(facts, "downloaded"), stage_count(facts, "unique")
    removed = None if downloaded is None or unique is None else downloaded - unique
    judge = main_judge(facts)
    accepted = acceptance_of(facts, judge).get("synthetic") if judge else None
    classifier = facts.classifiers.get("image_classifier", {})
    return [
        Headline(
            "images found → labelled",
            f"{found:,} → {labelled:,}" if found is not None and labelled is not None else "",
            _share_note(labelled, found),
        ),
        Headline(
            "duplicates removed",
            "" if removed is None else f"{removed:,}",
            _share_note(removed, downloaded),
        ),
        _estimate_headline("person filter accuracy", facts.person_filter.get("accuracy")),
        _estimate_headline("classifier accuracy, real test set", classifier.get("accuracy")),
        _distance_headline(facts),
        _estimate_headline("synthetic images accepted", accepted),
    ]


def _share_note(part: int | None, whole: int | None) -> str:
    return f"{part / whole:.1%} of {whole:,}" if part is not None and whole else ""


def _estimate_headline(label: str, raw: object) -> Headline:
    estimate = as_estimate(raw)
    if estimate is None:
        return Headline(label, "", "")
    n = "" if estimate.n is None else f"n={estimate.n:,}"
    return Headline(
        label, format_number(estimate.value), f"{format_interval(estimate)} {n}".strip()
    )


def _distance_headline(facts: StudyFacts) -> Headline:
    label = f"{distance_name(facts)}: untrained → best"
    untrained = as_estimate(facts.distances.get("untrained"))
    best = as_estimate(facts.distances.get("best"))
    if untrained is None or best is None:
        return Headline(label, "", "")
    floor = as_estimate(facts.distances.get("floor"))
    detail = "" if floor is None else f"real ↔ real {format_number(floor.value)}"
    return Headline(
        label, f"{format_number(untrained.value)} → {format_number(best.value)}", detail
    )


def funnel(facts: StudyFacts) -> Markup:
    """Draw what is left after each stage, with the share kept of the stage before."""
    rows = rows_of(facts.funnel, "label", "images")
    bars = []
    for index, row in enumerate(rows):
        before = rows[index - 1]["images"] if index else 0
        kept = f"{row['images'] / before:.0%} kept" if before else ""
        note = format_cell(row.get("note"))
        words = " · ".join(word for word in (kept, note) if word and word != MISSING)
        bars.append(Bar(str(row["label"]), int(row["images"]), words))
    return bar_chart(bars) if bars else Markup("")


def failures(facts: StudyFacts) -> Markup:
    """Draw the reasons for failed downloads, the commonest first."""
    rows = sorted(rows_of(facts.failures, "reason", "images"), key=lambda row: -row["images"])
    bars = [Bar(str(row["reason"]), int(row["images"]), colour="b") for row in rows]
    return bar_chart(bars) if bars else Markup("")


def sheets(facts: StudyFacts, options: ReportOptions) -> list[Sheet]:
    """Make one contact sheet per stage."""
    return [
        Sheet(title_of(name), len(images), contact_sheet(images, title_of(name), options))
        for name, images in facts.stages.items()
        if len(images)
    ]


def before_and_after(facts: StudyFacts, options: ReportOptions) -> list[Sheet]:
    """Show a few images of the synthetic stage below a few of the stage before it."""
    names = list(facts.stages)
    place = next((i for i, name in enumerate(names) if name.startswith("synthetic")), 0)
    if place == 0:
        return []
    few = options.model_copy(update={"sheet_images": _STRIP_IMAGES})
    return [
        Sheet(title, len(images), contact_sheet(images, title, few))
        for title, images in (
            ("real", facts.stages[names[place - 1]]),
            ("synthetic", facts.stages[names[place]]),
        )
    ]


def duplicate_sheets(facts: StudyFacts, options: ReportOptions) -> list[Sheet]:
    """Show the largest groups of duplicates, the kept copy first."""
    frame = facts.duplicate_groups
    if not rows_of(frame, "image_id", "group", "is_kept"):
        return []
    sizes = frame["group"].value_counts(sort=False)
    large = sizes[sizes > 1].sort_values(ascending=False, kind="stable")
    groups = []
    for group in large.index[: options.duplicate_groups]:
        members = frame[frame["group"] == group].sort_values(
            "is_kept", ascending=False, kind="stable"
        )
        tiles = _group_tiles(facts, members.head(options.gallery_images), options)
        groups.append(Sheet(f"group of {len(members)}", len(members), tiles))
    return [sheet for sheet in groups if sheet.tiles]


def _group_tiles(facts: StudyFacts, members: pd.DataFrame, options: ReportOptions) -> list[Tile]:
    tiles = []
    for row in rows_of(members, "image_id", "is_kept"):
        place = _find(facts.stages, str(row["image_id"]))
        if place is not None:
            verdict = "kept" if row["is_kept"] else "removed"
            images, index = place
            alt = f"duplicate {row['image_id'][:8]}, {verdict}"
            tiles.append(tile_of(images, index, options, alt=alt, caption=verdict))
    return tiles


def _find(stages: Mapping[str, ImageSet], image_id: str) -> tuple[ImageSet, int] | None:
    for images in stages.values():
        places = np.flatnonzero(images.manifest["image_id"].to_numpy() == image_id)
        if len(places):
            return images, int(places[0])
    return None


def people(facts: StudyFacts) -> dict[str, Any]:
    """Draw the person filter's figures, its confusion matrix and its scores."""
    confusion = facts.person_filter.get("confusion")
    scores = facts.person_scores
    histogram = Markup("")
    if rows_of(scores, "score", "is_kept"):
        kept = truths(scores["is_kept"])
        groups = [
            ("a", "kept", scores["score"][kept].tolist()),
            ("b", "set aside", scores["score"][~kept].tolist()),
        ]
        histogram = histogram_overlay(groups, "Person scores")
    return {
        "forest": forest_plot(share_rows(facts.person_filter), limits=(0, 1)),
        "confusion": confusion_table(confusion, "Person filter, test images") if confusion else "",
        "histogram": histogram,
        "others": other_figures(facts.person_filter),
    }


def is_share(raw: object) -> bool:
    """Say whether `raw` is an estimate with an interval that fits an axis from 0 to 1."""
    estimate = as_estimate(raw)
    return estimate is not None and estimate.low is not None and 0 <= estimate.value <= 1


def share_rows(metrics: Metrics, colour: str = "a", note: str = "") -> list[Row]:
    """Return forest rows for the shares among `metrics` (accuracy, precision, recall …)."""
    return [
        Row(" · ".join(path).replace("_", " "), estimate, note, colour)
        for path, raw in flatten_metrics(metrics)
        if is_share(raw) and (estimate := as_estimate(raw)) is not None
    ]


def other_figures(metrics: Metrics) -> Table | None:
    """Lay out what `share_rows` leaves: other numbers and texts, without the confusion matrix."""
    return metrics_table(
        {
            " · ".join(path): raw
            for path, raw in flatten_metrics(metrics)
            if not is_share(raw) and "confusion" not in path
        }
    )


def split_table(facts: StudyFacts) -> Table | None:
    """Lay out images by split and label, with totals."""
    if not rows_of(facts.splits, "split", "label", "images"):
        return None
    counts = facts.splits.pivot_table(
        index="split", columns="label", values="images", aggfunc="sum", fill_value=0, sort=False
    )
    counts["all"] = counts.sum(axis="columns")
    counts.loc["all"] = counts.sum()
    rows = [
        [str(split), *(f"{int(count):,}" for count in cells)]
        for split, cells in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    return Table(["split", *map(str, counts.columns)], rows, frozenset(range(1, len(rows[0]))))


def metrics_table(metrics: Metrics) -> Table | None:
    """Lay out nested metrics as figure, value, interval and n."""
    rows = []
    for path, raw in flatten_metrics(metrics):
        estimate = as_estimate(raw)
        name = " · ".join(path).replace("_", " ")
        if estimate is None:
            rows.append([name, format_cell(raw), "", ""])
        else:
            n = "" if estimate.n is None else f"{estimate.n:,}"
            rows.append([name, format_number(estimate.value), format_interval(estimate), n])
    columns = ["figure", "value", "95 % interval", "n"]
    used = [i for i in range(4) if i < 2 or any(row[i] for row in rows)]
    kept = [[row[i] for i in used] for row in rows]
    right = frozenset(range(1, len(used)))
    return Table([columns[i] for i in used], kept, right) if rows else None


def frame_table(frame: pd.DataFrame) -> Table | None:
    """Lay out a whole data frame."""
    rows = rows_of(frame)
    if not rows:
        return None
    right = {i for i, kind in enumerate(frame.dtypes) if pd.api.types.is_numeric_dtype(kind)}
    columns = [str(name).replace("_", " ") for name in frame.columns]
    cells = [[format_cell(cell) for cell in row.values()] for row in rows]
    return Table(columns, cells, frozenset(right))
