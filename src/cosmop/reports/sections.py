"""The first part of the page: from found images to labels, as values for the templates."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from markupsafe import Markup

from cosmop.imaging.image_set import ImageSet
from cosmop.reports.estimates import MISSING, format_cell, title_of
from cosmop.reports.facts import StudyFacts, rows_of, truths
from cosmop.reports.figures import Bar, bar_chart
from cosmop.reports.page_tables import Table
from cosmop.reports.thumbnails import ReportOptions, Sheet, Tile, contact_sheet, tile_of

_STRIP_IMAGES = 10


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


def flags(facts: StudyFacts) -> Markup:
    """Draw how many images each flag was raised over, the commonest first."""
    counts = {
        str(name).removeprefix("is_").replace("_", " "): int(truths(column).sum())
        for name, column in facts.flags.items()
        if str(name).startswith("is_")
    }
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    bars = [Bar(name, count, colour="b") for name, count in ordered if count]
    return bar_chart(bars) if bars else Markup("")


def curation(facts: StudyFacts) -> Table | None:
    """Count by whom images were taken out, or kept against the rule."""
    rows = [
        [str(who), *(f"{int((kept == wanted).sum()):,}" for wanted in (True, False))]
        for who, kept in _decisions(facts)
    ]
    return Table(["decided by", "kept", "left out"], rows, frozenset({1, 2})) if rows else None


def _decisions(facts: StudyFacts) -> list[tuple[str, "pd.Series[bool]"]]:
    if not rows_of(facts.curation, "is_kept", "decided_by"):
        return []
    groups = facts.curation.groupby("decided_by", sort=True)["is_kept"]
    return [(str(who), truths(kept)) for who, kept in groups]


def licences(facts: StudyFacts) -> Table | None:
    """Count the images of each real stage by what their pages say of their licence."""
    counts = {
        title_of(name): images.manifest["licence"].fillna("").astype(str).value_counts()
        for name, images in facts.stages.items()
        if "licence" in images.manifest
    }
    if not counts:
        return None
    table = pd.DataFrame(counts).fillna(0).astype(int)
    table = table.sort_values(list(table.columns), ascending=False, kind="stable")
    rows = [
        [str(words) or "the page says nothing", *(f"{int(count):,}" for count in cells)]
        for words, cells in zip(table.index, table.to_numpy(), strict=True)
    ]
    columns = ["licence, as the page gives it", *(f"{name} images" for name in table.columns)]
    return Table(columns, rows, frozenset(range(1, len(columns))))


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


def leak_checks(facts: StudyFacts) -> list[tuple[bool, str]]:
    """Return for each check whether it passed, and its sentence."""
    checks = facts.leaks.get("checks", facts.leaks)
    return [
        (bool(check.get("ok")), str(check["sentence"]))
        for check in checks.values()
        if isinstance(check, Mapping) and "sentence" in check
    ]
