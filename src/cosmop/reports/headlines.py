"""The top of the page: what a visitor takes home."""

from dataclasses import dataclass

from cosmop.reports.arms import headline_answer
from cosmop.reports.estimates import as_estimate, format_interval, format_value
from cosmop.reports.facts import StudyFacts, stage_count
from cosmop.reports.measures import HEADLINE_MEASURES, measures_against
from cosmop.reports.names import MEASURES
from cosmop.reports.privacy import copy_share_words


@dataclass(frozen=True)
class Headline:
    """One large number of the hero; `value` is empty when its stage did not run."""

    label: str
    value: str
    detail: str
    more: str = ""


def headlines(facts: StudyFacts) -> list[Headline]:
    """Choose the six findings: four measures with their floors, copies, and the question."""
    share, verdict = copy_share_words(facts)
    found = headline_answer(facts)
    return [
        *(_measure_headline(facts, key) for key in HEADLINE_MEASURES),
        Headline("Copy share", share, verdict),
        Headline(
            "Do synthetic images help a classifier?",
            found.words if found else "",
            found.detail if found else "",
        ),
    ]


def _measure_headline(facts: StudyFacts, key: str) -> Headline:
    real, measures = measures_against(facts)
    title = MEASURES[key].title
    measure = measures.get(key)
    estimate = as_estimate(measure)
    if measure is None or estimate is None:
        return Headline(title, "", "")
    floor, same = as_estimate(measure.get("floor")), as_estimate(measure.get("at_floor_n"))
    n = "" if estimate.n is None else f"n={estimate.n:,}"
    more = ""
    if floor is not None and same is not None:
        count = "at the same n" if same.n is None else f"at n={same.n:,}"
        side = "beyond" if measure.get("is_beyond_floor") else "not beyond"
        more = f"{side} the floor: {format_value(same)} against {format_value(floor)} {count}"
    return Headline(
        f"{title}, against {real}",
        format_value(estimate),
        f"{format_interval(estimate)} {n}".strip(),
        more,
    )


def figures(facts: StudyFacts) -> list[Headline]:
    """Choose the smaller figures of the collection and the classifier."""
    found, labelled = stage_count(facts, "found"), stage_count(facts, "labelled")
    downloaded, unique = stage_count(facts, "downloaded"), stage_count(facts, "unique")
    removed = None if downloaded is None or unique is None else downloaded - unique
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
    ]


def _share_note(part: int | None, whole: int | None) -> str:
    return f"{part / whole:.1%} of {whole:,}" if part is not None and whole else ""


def _estimate_headline(label: str, raw: object) -> Headline:
    estimate = as_estimate(raw)
    if estimate is None:
        return Headline(label, "", "")
    n = "" if estimate.n is None else f"n={estimate.n:,}"
    return Headline(label, format_value(estimate), f"{format_interval(estimate)} {n}".strip())
