"""The report: one self-contained HTML page of a whole study."""

import pandas as pd

from cosmop.reports import (
    acceptance,
    arms,
    comparison,
    galleries,
    headlines,
    judge_curves,
    judges,
    labels,
    measures,
    page_tables,
    person_filter,
    privacy,
    remarks,
    sections,
    training,
)
from cosmop.reports.data_card import data_card
from cosmop.reports.estimates import flatten_metrics, format_cell, title_of
from cosmop.reports.facts import StudyFacts, rows_of
from cosmop.reports.figures import forest_plot
from cosmop.reports.page_templates import page_template
from cosmop.reports.thumbnails import ReportOptions

__all__ = ["ReportOptions", "StudyFacts", "render_report"]

_SOURCES = {
    "raw_images": "images as found",
    "labelled_images": "labelled images",
    "training_images": "training images",
    "test_images": "test images",
    "synthetic_images": "synthetic images",
    "person_filter": "model: person filter",
    "generator": "model: generator",
    "one_class_svm": "model: one-class SVM",
    "image_classifier": "model: classifier",
}


def render_report(facts: StudyFacts, options: ReportOptions | None = None) -> str:
    """Write the page: HTML that needs no network, no script and no other file to be read.

    Args:
        facts: What is known; missing pieces become a quiet "not run".
        options: How many pictures, and how large.

    Returns:
        A complete HTML document. All text from `facts` is escaped.
    """
    options = options or ReportOptions()
    parts = (_top(facts, options), _collection(facts, options), _distances(facts, options))
    more = (_judges(facts, options), _question(facts), _appendix(facts))
    view = {name: value for part in (*parts, *more) for name, value in part.items()}
    return page_template("report.html").render(facts=facts, **view)


def _top(facts: StudyFacts, options: ReportOptions) -> dict[str, object]:
    return {
        "headlines": headlines.headlines(facts),
        "figures": headlines.figures(facts),
        "strips": sections.before_and_after(facts, options),
        "conclusion": str(facts.augmentation_study.get("conclusion") or ""),
    }


def _collection(facts: StudyFacts, options: ReportOptions) -> dict[str, object]:
    return {
        "funnel": sections.funnel(facts),
        "failures": sections.failures(facts),
        "sheets": sections.sheets(facts, options),
        "duplicates": page_tables.metrics_table(facts.duplicates),
        "duplicate_sheets": sections.duplicate_sheets(facts, options),
        "duplicate_review": facts.duplicate_review,
        "flags": sections.flags(facts),
        "curation": sections.curation(facts),
        "people": person_filter.person_filter_view(
            facts.person_filter, facts.person_scores, facts.person_curve, facts.person_problems
        ),
        "labelling": labels.labelling(facts.labelling),
        "splits": sections.split_table(facts),
        "leak_checks": sections.leak_checks(facts),
        "generation": training.generation(facts, options),
        "training_remarks": remarks.training_remarks(facts),
    }


def _distances(facts: StudyFacts, options: ReportOptions) -> dict[str, object]:
    pairs, control = galleries.close_pairs(facts, options)
    return {
        "distance_remarks": measures.distance_remarks(facts),
        "headline_measures": measures.measure_views(facts, *measures.HEADLINE_MEASURES),
        "legacy_measures": measures.measure_views(facts, "distance"),
        "measure_tables": measures.measure_tables(facts),
        "copy_verdict": privacy.copy_verdict(facts.memorisation),
        "copy_plot": privacy.copy_plot(facts.memorisation),
        "copy_share": privacy.copy_plot(facts.memorisation, is_short=True),
        "copy_words": privacy.copy_words(facts.memorisation),
        "copy_table": privacy.copy_table(facts.memorisation),
        "close_pairs": pairs,
        "close_control": control,
    }


def _judges(facts: StudyFacts, options: ReportOptions) -> dict[str, object]:
    studied, others = judges.confusion_tables(facts)
    return {
        "judge_table": judges.judge_table(facts),
        "judge_remarks": judges.judge_remarks(facts),
        "published_remarks": judges.published_remarks(),
        "confusions": studied,
        "other_confusions": others,
        "judges": judge_curves.judge_views(facts),
        "variance": judges.variance_plot(facts),
        "one_class_remarks": judges.one_class_remarks(facts),
        "one_class_table": judges.one_class_table(facts),
        "detectors": judges.detector_table(facts),
        "galleries": galleries.galleries(facts, options),
        "criteria": galleries.criteria_of(facts.score_images),
        "heat_maps": galleries.heat_maps(facts, options),
    }


def _question(facts: StudyFacts) -> dict[str, object]:
    study = facts.augmentation_study
    return {
        "acceptance": acceptance.acceptance_views(facts),
        "published_acceptance": acceptance.published_remark(),
        "study_remarks": arms.study_remarks(study),
        "gain_plots": arms.gain_plots(study),
        "learning_curves": arms.learning_curves(study),
        "arms": arms.arms_table(study),
        "arm_comparisons": arms.comparisons_table(study),
    }


def _appendix(facts: StudyFacts) -> dict[str, object]:
    return _truth(facts) | {
        "comparison": comparison.comparison_table(facts),
        "original_curve": comparison.original_curve(),
        "uses_inception": comparison.uses_inception(facts),
        "card": data_card(facts),
        "licences": sections.licences(facts),
        "sources": page_tables.frame_table(_sources(facts.provenance)),
        "provenance": page_tables.frame_table(facts.provenance),
        "parameters": _parameter_tables(facts),
        "extractor": {title_of(str(k)): format_cell(v) for k, v in facts.extractor.items()},
    }


def _sources(provenance: pd.DataFrame) -> pd.DataFrame:
    """Return the versions of the models and of the images that the figures come from."""
    if not rows_of(provenance, "dataset", "version"):
        return pd.DataFrame()
    told = provenance[provenance["dataset"].isin(_SOURCES)]
    what = told["dataset"].map(lambda name: _SOURCES[str(name)])
    return pd.DataFrame({"what": what, "data set": told["dataset"], "version": told["version"]})


def _truth(facts: StudyFacts) -> dict[str, object]:
    truth = dict(flatten_truth(facts))
    shares = {name: raw for name, raw in truth.items() if page_tables.is_share(raw)}
    return {
        "truth": forest_plot(page_tables.share_rows(shares), limits=(0, 1)),
        "truth_others": page_tables.metrics_table(
            {name: raw for name, raw in truth.items() if name not in shares}
        ),
    }


def flatten_truth(facts: StudyFacts) -> list[tuple[str, object]]:
    """Return the figures against truth under one name each, ``duplicates · recall``."""
    return [(" · ".join(path), raw) for path, raw in flatten_metrics(facts.truth or {})]


def _parameter_tables(facts: StudyFacts) -> list[tuple[str, page_tables.Table]]:
    groups: dict[str, list[list[str]]] = {}
    for path, raw in flatten_metrics(facts.parameters):
        group, name = (path[0], ".".join(path[1:])) if len(path) > 1 else ("general", path[0])
        groups.setdefault(group, []).append([name, _parameter(raw)])
    return [
        (title_of(group), page_tables.Table(["parameter", "value"], rows))
        for group, rows in groups.items()
    ]


def _parameter(raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, float | int):
        return "none" if raw is None else str(raw)
    return f"{raw:g}" if isinstance(raw, float) else str(raw)
