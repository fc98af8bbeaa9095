"""The second half of the page: classifiers, acceptance, galleries, and the original study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from cosmop.imaging.image_set import ImageSet
from cosmop.reports import original_study as original
from cosmop.reports.curves import LineLook, Series, histogram_overlay, line_chart
from cosmop.reports.estimates import as_estimate, format_estimate, format_number, title_of
from cosmop.reports.facts import (
    CLASSIFIERS,
    JUDGES,
    Metrics,
    StudyFacts,
    acceptance_of,
    distance_name,
    main_judge,
    rows_of,
    split_count,
    stage_count,
    truths,
)
from cosmop.reports.figures import Row, confusion_table, forest_plot
from cosmop.reports.sections import Sheet, Table, is_share, other_figures, share_rows
from cosmop.reports.thumbnails import ReportOptions, Tile, spread, tile_of

_SETS = {
    "synthetic": ("synthetic images", "b"),
    "real_positives": ("real positives", "a"),
    "real_negatives": ("real negatives", "c"),
}
_CELLS = (
    ("False positives", False, True, False),
    ("False negatives", True, False, True),
    ("True positives", True, True, True),
    ("True negatives", False, False, False),
)  # title, is positive, is accepted, lowest score first: the worst of each cell comes first


@dataclass(frozen=True)
class ClassifierView:
    """One classifier: its figures beside the original's, and both confusion matrices."""

    title: str
    forest: Markup
    others: Table | None
    confusion: Markup
    original: Markup


def classifier_views(facts: StudyFacts) -> list[ClassifierView]:
    """Show each classifier beside the original study's."""
    return [_classifier_view(name, metrics) for name, metrics in facts.classifiers.items()]


def _classifier_view(name: str, metrics: Metrics) -> ClassifierView:
    title = CLASSIFIERS.get(name, title_of(name))
    published = original.CLASSIFIERS.get(name, {})
    rows: list[Row] = []
    for row in share_rows(metrics):
        rows.append(row)
        theirs = as_estimate(published.get(row.label))
        if theirs is not None:
            rows.append(Row("", theirs, "original study", "b"))
    confusion, theirs_confusion = metrics.get("confusion"), published.get("confusion")
    return ClassifierView(
        title,
        forest_plot(rows, limits=(0, 1)),
        other_figures(metrics),
        confusion_table(confusion, "This study") if confusion else Markup(""),
        confusion_table(theirs_confusion, "Original study") if theirs_confusion else Markup(""),
    )


def synthetic_comparison(facts: StudyFacts) -> Markup:
    """Draw the same classifier trained without and with synthetic images, metric by metric."""
    without = facts.classifiers.get("image_classifier")
    with_synthetic = facts.classifiers.get("image_classifier_with_synthetic")
    if not without or not with_synthetic:
        return Markup("")
    rows = []
    for name, raw in without.items():
        before, after = as_estimate(raw), as_estimate(with_synthetic.get(name))
        if before is not None and after is not None and is_share(raw):
            rows += [
                Row(name.replace("_", " "), before, "real images only", "a"),
                Row("", after, "with synthetic", "b"),
            ]
    return forest_plot(rows, limits=(0, 1))


def gain_plot(facts: StudyFacts) -> Markup:
    """Draw the paired differences, with minus without synthetic images, around zero."""
    rows = [
        Row(name.replace("_", " "), estimate)
        for name, raw in facts.gains.items()
        if (estimate := as_estimate(raw)) is not None
    ]
    return forest_plot(rows, mark=0.0)


def acceptance_plots(facts: StudyFacts) -> list[tuple[str, Markup]]:
    """Draw the accepted share of synthetic images beside what each judge does with real ones."""
    plots = []
    for judge in facts.acceptance:
        shares = acceptance_of(facts, judge)
        rows = [
            Row(label, estimate, colour=colour)
            for name, (label, colour) in _SETS.items()
            if (estimate := as_estimate(shares.get(name))) is not None
        ]
        theirs = as_estimate(original.ACCEPTED)
        if judge == main_judge(facts) and theirs is not None:
            rows.append(Row("", theirs, "synthetic, original study", "d"))
        plots.append((JUDGES.get(judge, title_of(judge)), forest_plot(rows, limits=(0, 1))))
    return plots


def _judges(scores: pd.DataFrame) -> list[str]:
    if not rows_of(scores, "image_id", "set", "is_positive"):
        return []
    names = [
        str(name).removesuffix("_accepts") for name in scores if str(name).endswith("_accepts")
    ]
    return [name for name in names if f"{name}_score" in scores]


def score_histograms(facts: StudyFacts) -> list[Markup]:
    """Draw each judge's scores of real positives, real negatives and synthetic images."""
    charts = []
    for judge in _judges(facts.scores):
        scores = facts.scores[f"{judge}_score"].astype(float)
        is_test = facts.scores["set"] == "test"
        is_positive = truths(facts.scores["is_positive"])
        masks = {
            "real_negatives": is_test & ~is_positive,
            "real_positives": is_test & is_positive,
            "synthetic": facts.scores["set"] == "synthetic",
        }
        groups = [
            (_SETS[name][1], _SETS[name][0], scores[mask].tolist()) for name, mask in masks.items()
        ]
        title = f"{JUDGES.get(judge, title_of(judge))}: scores"
        charts.append(histogram_overlay(groups, title, threshold=_threshold(facts.scores, judge)))
    return [chart for chart in charts if chart]


def _threshold(scores: pd.DataFrame, judge: str) -> float | None:
    accepts = truths(scores[f"{judge}_accepts"])
    inside, outside = scores[f"{judge}_score"][accepts], scores[f"{judge}_score"][~accepts]
    if inside.empty or outside.empty or outside.max() > inside.min():
        return None
    return float(inside.min() + outside.max()) / 2


def galleries(facts: StudyFacts, options: ReportOptions) -> list[tuple[str, list[Sheet]]]:
    """Show for each judge the four cells of the confusion matrix, worst first; then synthetic."""
    images = facts.score_images
    if images is None or len(images) == 0:
        return []
    places = {image_id: index for index, image_id in enumerate(images.ids)}
    shown = []
    for judge in _judges(facts.scores):
        frame = facts.scores.rename(
            columns={f"{judge}_score": "score", f"{judge}_accepts": "accepts"}
        )
        frame = frame.assign(
            accepts=truths(frame["accepts"]),
            is_positive=truths(frame["is_positive"]),
        )
        sheets = [
            *_cells(frame, images, places, options),
            *_synthetic(frame, images, places, options),
        ]
        shown.append((JUDGES.get(judge, title_of(judge)), sheets))
    return shown


def _cells(
    frame: pd.DataFrame, images: ImageSet, places: Mapping[str, int], options: ReportOptions
) -> list[Sheet]:
    sheets = []
    for title, is_positive, is_accepted, lowest_first in _CELLS:
        is_here = (frame["is_positive"] == is_positive) & (frame["accepts"] == is_accepted)
        here = frame[is_here & (frame["set"] == "test")]
        here = here.sort_values("score", ascending=lowest_first, kind="stable")
        rows = here.head(options.gallery_images)
        sheets.append(Sheet(title, len(here), _score_tiles(rows, title, images, places, options)))
    return sheets


def _synthetic(
    frame: pd.DataFrame, images: ImageSet, places: Mapping[str, int], options: ReportOptions
) -> list[Sheet]:
    sheets = []
    for title, is_accepted in (("Synthetic, accepted", True), ("Synthetic, refused", False)):
        here = frame[(frame["set"] == "synthetic") & (frame["accepts"] == is_accepted)]
        here = here.sort_values("score", ascending=False, kind="stable")
        rows = here.iloc[spread(len(here), options.gallery_images)]
        tiles = _score_tiles(rows, title, images, places, options)
        if tiles:
            sheets.append(Sheet(title, len(here), tiles, "from the highest score to the lowest"))
    return sheets


def _score_tiles(
    rows: pd.DataFrame,
    title: str,
    images: ImageSet,
    places: Mapping[str, int],
    options: ReportOptions,
) -> list[Tile]:
    tiles = []
    for row in rows_of(rows, "image_id", "score"):
        if row["image_id"] in places:
            score = format_number(float(row["score"]))
            alt = f"{title}, image {row['image_id'][:8]}, score {score}"
            place = places[row["image_id"]]
            tiles.append(tile_of(images, place, options, alt=alt, caption=score))
    return tiles


def comparison_table(facts: StudyFacts) -> Table:
    """Lay out the original study's figures beside this study's, row by row."""
    rows: list[Sequence[str]] = [*_count_rows(facts), *_figure_rows(facts), *_distance_rows(facts)]
    judge = main_judge(facts)
    ours = acceptance_of(facts, judge).get("synthetic") if judge else None
    rows.append(
        ["synthetic images accepted", format_estimate(original.ACCEPTED), format_estimate(ours)]
    )
    return Table(["figure", "original study", "this study"], rows)


def _count_rows(facts: StudyFacts) -> list[list[str]]:
    counts = [
        ("images collected", original.COLLECTED, stage_count(facts, "downloaded", "found")),
        ("relevant, labelled", original.RELEVANT, stage_count(facts, "labelled")),
        ("of them positive", original.POSITIVE, stage_count(facts, "positive")),
    ]
    rows = [[name, format_number(theirs), format_number(ours)] for name, theirs, ours in counts]
    for split, (positive, negative) in (("train", original.TRAINING), ("test", original.TEST)):
        ours = " + ".join(
            format_number(split_count(facts, split, label)) for label in ("positive", "negative")
        )
        rows.append([f"{split}, positive + negative", f"{positive:,} + {negative:,}", ours])
    return rows


def _figure_rows(facts: StudyFacts) -> list[list[str]]:
    rows = [
        [
            "person filter accuracy",
            format_number(original.PERSON_FILTER_ACCURACY),
            format_estimate(facts.person_filter.get("accuracy")),
        ]
    ]
    for name, published in original.CLASSIFIERS.items():
        ours = facts.classifiers.get(name, {})
        rows += [
            [
                f"{CLASSIFIERS[name]}: {metric}",
                _published(published[metric]),
                format_estimate(ours.get(metric)),
            ]
            for metric in ("precision", "recall", "accuracy")
        ]
    return rows


def _published(raw: Mapping[str, float]) -> str:
    """Write a share as it was published, with two decimals, and what its counts imply."""
    return f"{raw['value']:.2f} [{raw['low']:.3f}, {raw['high']:.3f}] n={raw['n']}"


def _distance_rows(facts: StudyFacts) -> list[list[str]]:
    last = facts.curve["value"].iloc[-1] if rows_of(facts.curve, "kimg", "value") else None
    ours = (facts.distances.get("untrained"), facts.distances.get("best"), last)
    names = ("untrained", "best", "last")
    return [
        [
            f"distance, {name} generator",
            f"FID {fid:.2f} at {kimg:,.0f} kimg",
            format_estimate(mine),
        ]
        for name, (kimg, fid), mine in zip(names, original.FID_CURVE, ours, strict=True)
    ]


def original_curve() -> Markup:
    """Draw the original study's three published distances."""
    kimg, fid = zip(*original.FID_CURVE, strict=True)
    return line_chart(
        [Series("FID", kimg, fid, colour="b")],
        "Original study: FID",
        LineLook("thousand images shown (kimg)", marked_x=10_000.0),
    )


def uses_inception(facts: StudyFacts) -> bool:
    """Say whether our distance may be called FID, and so be compared as a number."""
    return distance_name(facts) == "FID"
