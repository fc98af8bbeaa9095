"""The report: one self-contained HTML page of a whole study."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cosmop.reports import judgement, remarks, sections, training
from cosmop.reports.estimates import flatten_metrics, format_cell, title_of
from cosmop.reports.facts import StudyFacts
from cosmop.reports.figures import forest_plot
from cosmop.reports.thumbnails import ReportOptions

__all__ = ["ReportOptions", "StudyFacts", "render_report"]

_TEMPLATES = Path(__file__).parent / "templates"


def render_report(facts: StudyFacts, options: ReportOptions | None = None) -> str:
    """Write the page: HTML that needs no network, no script and no other file to be read.

    Args:
        facts: What is known; missing pieces become a quiet "not run".
        options: How many pictures, and how large.

    Returns:
        A complete HTML document. All text from `facts` is escaped.
    """
    options = options or ReportOptions()
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    view = _collection(facts, options) | _results(facts, options) | _appendix(facts)
    return environment.get_template("report.html").render(facts=facts, **view)


def _collection(facts: StudyFacts, options: ReportOptions) -> dict[str, object]:
    return {
        "strips": sections.before_and_after(facts, options),
        "headlines": sections.headlines(facts),
        "funnel": sections.funnel(facts),
        "failures": sections.failures(facts),
        "sheets": sections.sheets(facts, options),
        "duplicates": sections.metrics_table(facts.duplicates),
        "duplicate_sheets": sections.duplicate_sheets(facts, options),
        "people": sections.people(facts),
        "splits": sections.split_table(facts),
        "generation": training.generation(facts, options),
        "distance_remarks": remarks.distance_remarks(facts),
    }


def _results(facts: StudyFacts, options: ReportOptions) -> dict[str, object]:
    return {
        "classifiers": judgement.classifier_views(facts),
        "classifier_remarks": remarks.classifier_remarks(facts),
        "comparison_of_training": judgement.synthetic_comparison(facts),
        "gains": judgement.gain_plot(facts),
        "gain_remarks": remarks.gain_remarks(facts),
        "acceptance": judgement.acceptance_plots(facts),
        "acceptance_remarks": remarks.acceptance_remarks(facts),
        "histograms": judgement.score_histograms(facts),
        "galleries": judgement.galleries(facts, options),
        "comparison": judgement.comparison_table(facts),
        "original_curve": judgement.original_curve(),
        "uses_inception": judgement.uses_inception(facts),
    }


def _appendix(facts: StudyFacts) -> dict[str, object]:
    truth = dict(flatten_truth(facts))
    shares = {name: raw for name, raw in truth.items() if sections.is_share(raw)}
    return {
        "truth": forest_plot(sections.share_rows(shares), limits=(0, 1)),
        "truth_others": sections.metrics_table(
            {name: raw for name, raw in truth.items() if name not in shares}
        ),
        "provenance": sections.frame_table(facts.provenance),
        "parameters": _parameter_tables(facts),
        "extractor": {title_of(str(k)): format_cell(v) for k, v in facts.extractor.items()},
    }


def flatten_truth(facts: StudyFacts) -> list[tuple[str, object]]:
    """Return the figures against truth under one name each, ``duplicates · recall``."""
    return [(" · ".join(path), raw) for path, raw in flatten_metrics(facts.truth or {})]


def _parameter_tables(facts: StudyFacts) -> list[tuple[str, sections.Table]]:
    groups: dict[str, list[list[str]]] = {}
    for path, raw in flatten_metrics(facts.parameters):
        group, name = (path[0], ".".join(path[1:])) if len(path) > 1 else ("general", path[0])
        groups.setdefault(group, []).append([name, _parameter(raw)])
    return [
        (title_of(group), sections.Table(["parameter", "value"], rows))
        for group, rows in groups.items()
    ]


def _parameter(raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, float | int):
        return "none" if raw is None else str(raw)
    return f"{raw:g}" if isinstance(raw, float) else str(raw)
