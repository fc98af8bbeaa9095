"""The original study's published figures beside this study's."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from cosmop.reports import original_study as original
from cosmop.reports.acceptance import acceptance_of
from cosmop.reports.curves import LineLook, Series, line_chart
from cosmop.reports.estimates import format_estimate, format_number
from cosmop.reports.facts import StudyFacts, main_judge, rows_of, split_count, stage_count
from cosmop.reports.names import judge_name, training_distance_name
from cosmop.reports.page_tables import Table


def comparison_table(facts: StudyFacts) -> Table:
    """Lay out the original study's figures beside this study's, row by row."""
    rows: list[Sequence[str]] = [*_count_rows(facts), *_figure_rows(facts), *_distance_rows(facts)]
    ours = acceptance_of(facts, main_judge(facts.acceptance)).get("synthetic")
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
                f"{judge_name(name).split(' (')[0]}: {metric}",
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
    names = ("untrained", "best", "last")
    ours = (*(facts.training_distances.get(name) for name in names[:2]), last)
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
    return training_distance_name(facts) == "FID"
