"""The labelling in figures: how many answers, how far people agree, what looks wrong."""

from typing import Any

import numpy as np
import pandas as pd

from cosmop.labels.agreement import resolve_annotations
from cosmop.labels.schema import LabelSchema
from cosmop.metrics.intervals import Interval, wilson


def summarise_labels(
    annotations: pd.DataFrame,
    agreement: pd.DataFrame,
    disagreements: pd.DataFrame,
    issues: pd.DataFrame,
    suggestions: pd.DataFrame,
    schema: LabelSchema,
) -> dict[str, Any]:
    """Put the labelling into figures.

    Args:
        annotations: Of `cosmop.labels.answers.gather_answers`, at least one.
        agreement: Of `cosmop.labels.agreement.agreement_by_criterion`.
        disagreements: Of `cosmop.labels.agreement.list_disagreements`.
        issues: Of `cosmop.labels.issues.find_label_issues`.
        suggestions: Of `cosmop.labels.suggestions.suggest`.
        schema: What was asked.

    Returns:
        ``answers``, ``images``, ``annotators``, ``seconds_per_answer`` (median, None where
        unknown), ``positive`` (interval), ``criteria`` (by name: ``holds`` and, where anything was
        suggested, ``equal_to_suggestion``, intervals), ``equal_to_suggestion`` (interval over all
        images with a suggestion for every criterion, or None), ``agreement`` (by criterion;
        numbers or None), ``disagreements``, ``suspected_labels`` and ``suspected_images``.
    """
    resolved = resolve_annotations(annotations, schema)
    equal = _equal_answers(resolved, suggestions, schema)
    seconds = annotations["lead_time_s"].median()
    suspected = issues.loc[issues["is_issue"].astype(bool), "image_id"]
    return {
        "answers": len(annotations),
        "images": len(resolved),
        "annotators": int(annotations["annotator"].nunique()),
        "seconds_per_answer": None if np.isnan(seconds) else float(seconds),
        "positive": _share(resolved["is_positive"]),
        "criteria": {name: _criterion(resolved[name], equal[name]) for name in schema.criteria},
        "equal_to_suggestion": _share(equal.dropna().all(axis=1)),
        "agreement": _by_criterion(agreement),
        "disagreements": len(disagreements),
        "suspected_labels": len(suspected),
        "suspected_images": int(suspected.nunique()),
    }


def _equal_answers(
    resolved: pd.DataFrame, suggestions: pd.DataFrame, schema: LabelSchema
) -> pd.DataFrame:
    """Return per labelled image and criterion whether the answer is the suggested one, or NaN."""
    names = list(schema.criteria)
    suggested = suggestions.reindex(columns=["image_id", *names]).set_index("image_id")
    suggested = suggested.reindex(resolved["image_id"]).astype(float)
    answers = resolved.set_index("image_id")[names]
    return ((suggested >= 0.5) == answers).astype(float).where(suggested.notna())


def _criterion(holds: "pd.Series[bool]", equal: "pd.Series[float]") -> dict[str, Any]:
    share = _share(equal.dropna())
    return {"holds": _share(holds)} | ({"equal_to_suggestion": share} if share else {})


def _share(truths: "pd.Series[Any]") -> Interval | None:
    return wilson(int(truths.sum()), len(truths)) if len(truths) else None


def _by_criterion(agreement: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    return {
        str(row.pop("criterion")): {
            str(name): None if pd.isna(value) else value for name, value in row.items()
        }
        for row in agreement.to_dict("records")
    }
