"""One label per image from several annotators, and how far they agree."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from cosmop.labels.schema import LabelSchema

Answers = np.ndarray[Any, Any]


def resolve_annotations(annotations: pd.DataFrame, schema: LabelSchema) -> pd.DataFrame:
    """Resolve each image's annotations to one label: per criterion the majority.

    Of one annotator only the latest answer about an image counts. A tie goes to the latest answer
    of all; without ``created_at`` the order of rows says what is later.

    Args:
        annotations: From `cosmop.labels.exports.read_label_export`.
        schema: What makes an image positive.

    Returns:
        One row per image, in order of first annotation: ``image_id``, the criteria (bool),
        ``is_positive``, ``annotators`` (count), ``agreement`` (share of the annotators' single
        answers that equal the resolved ones, 0 to 1).
    """
    criteria = list(schema.criteria)
    latest = _latest_answers(annotations)
    by_image = latest.groupby("image_id", sort=False)[criteria]
    share = by_image.mean()
    resolved = (share > 0.5) | ((share == 0.5) & by_image.last())
    agreement = share.where(resolved, 1 - share).mean(axis=1)
    table = resolved.astype(bool).assign(
        is_positive=_is_positive(resolved, schema),
        annotators=by_image.size().astype("int64"),
        agreement=agreement,
    )
    order = annotations["image_id"].drop_duplicates()
    return table.reindex(order.to_numpy()).rename_axis("image_id").reset_index()


def agreement_by_criterion(annotations: pd.DataFrame, schema: LabelSchema) -> pd.DataFrame:
    """Measure agreement on each criterion, and on being positive.

    Returns:
        Columns ``criterion``, ``images`` (with two annotators or more), ``agreeing_share`` (of
        pairs of answers, 0 to 1), ``cohen_kappa`` (mean over pairs of annotators that share images)
        and ``fleiss_kappa``; NaN where undefined.
    """
    latest = _latest_answers(annotations)
    latest = latest.assign(is_positive=_is_positive(latest[list(schema.criteria)], schema))
    rows = []
    for name in (*schema.criteria, "is_positive"):
        wide = latest.pivot(index="image_id", columns="annotator", values=name)
        yes = wide.eq(True).sum(axis=1).to_numpy()
        counts = np.stack([yes, wide.notna().sum(axis=1).to_numpy() - yes], axis=1)
        counts = counts[counts.sum(axis=1) >= 2]
        raters = counts.sum(axis=1)
        agreeing, pairs = (counts * (counts - 1)).sum(), (raters * (raters - 1)).sum()
        rows.append(
            {
                "criterion": name,
                "images": len(counts),
                "agreeing_share": float(agreeing / pairs) if pairs else np.nan,
                "cohen_kappa": _mean_cohen_kappa(wide),
                "fleiss_kappa": fleiss_kappa(counts),
            }
        )
    return pd.DataFrame(rows)


def list_disagreements(annotations: pd.DataFrame, schema: LabelSchema) -> pd.DataFrame:
    """List on which criterion of which image the annotators disagree.

    Returns:
        In order of first annotation: ``image_id``, ``criterion``, ``answers`` (who said what, as
        text) and ``annotators`` (how many answered).
    """
    latest = _latest_answers(annotations)
    order = annotations["image_id"].drop_duplicates()
    by_image = {str(image_id): rows for image_id, rows in latest.groupby("image_id")}
    found = [
        (image_id, name, _who_said_what(by_image[image_id], name), len(by_image[image_id]))
        for image_id in order
        for name in schema.criteria
        if by_image[image_id][name].nunique() > 1
    ]
    table = pd.DataFrame(found, columns=["image_id", "criterion", "answers", "annotators"])
    return table.astype({"annotators": "int64"})


def _who_said_what(answers: pd.DataFrame, criterion: str) -> str:
    said = zip(answers["annotator"], answers[criterion], strict=True)
    return ", ".join(f"{annotator}: {'yes' if holds else 'no'}" for annotator, holds in said)


def cohen_kappa(first: Answers, second: Answers) -> float:
    """Agreement of two annotators beyond chance (Cohen, 1960).

    Args:
        first: Answers [N] of one annotator, of any kind that compares.
        second: Answers [N] of the other about the same images.

    Returns:
        At most 1; 0 is chance. NaN without answers, or when both always gave one same answer.
    """
    if len(first) == 0:
        return float("nan")
    categories = np.unique(np.concatenate([first, second]))
    observed = float(np.mean(first == second))
    expected = sum(float(np.mean(first == c) * np.mean(second == c)) for c in categories)
    return float("nan") if len(categories) == 1 else (observed - expected) / (1 - expected)


def fleiss_kappa(counts: Answers) -> float:
    """Agreement of many annotators beyond chance (Fleiss, 1971, equations 1 to 8).

    Images may have different numbers of answers: agreement is then the mean over images, chance the
    share of each category among all answers.

    Args:
        counts: How many annotators put image i in category j [N, categories]; two answers or more
            per image.

    Returns:
        At most 1; 0 is chance. NaN without images, or when all answers are the same.
    """
    counts = np.asarray(counts, dtype=np.float64)
    if len(counts) == 0:
        return float("nan")
    raters = counts.sum(axis=1)
    share = counts.sum(axis=0) / counts.sum()
    observed = np.mean((counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1)))
    expected = np.sum(share**2)
    return float("nan") if expected == 1 else float((observed - expected) / (1 - expected))


def _is_positive(answers: pd.DataFrame, schema: LabelSchema) -> "pd.Series[bool]":
    return answers.any(axis=1) if schema.positive_when == "any" else answers.all(axis=1)


def _latest_answers(annotations: pd.DataFrame) -> pd.DataFrame:
    """Keep one row per image and annotator, sorted from the earliest to the latest."""
    when = pd.to_datetime(annotations["created_at"], errors="coerce", utc=True, format="ISO8601")
    in_time = annotations.iloc[np.argsort(when.fillna(_LONG_AGO).to_numpy(), kind="stable")]
    return in_time.drop_duplicates(["image_id", "annotator"], keep="last")


_LONG_AGO = pd.Timestamp(0, tz="UTC")


def _mean_cohen_kappa(wide: pd.DataFrame) -> float:
    kappas = []
    for first, second in combinations(wide.columns, 2):
        both = wide[[first, second]].dropna()
        kappas.append(
            cohen_kappa(both[first].to_numpy(dtype=bool), both[second].to_numpy(dtype=bool))
        )
    defined = [kappa for kappa in kappas if not np.isnan(kappa)]
    return float(np.mean(defined)) if defined else float("nan")
