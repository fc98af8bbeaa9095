"""Labels that look wrong, by confident learning, for people to look at again."""

import logging
from typing import Any

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues as confident_learning
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray

from cosmop.labels.schema import LabelSchema
from cosmop.labels.suggestions import SuggestionOptions, fit_criterion, prepare

logger = logging.getLogger(__name__)

ISSUE_COLUMNS = ("image_id", "criterion", "given", "suggested", "quality", "is_issue", "rank")


def find_label_issues(
    features_ND: NDArray[np.float32],
    labels: pd.DataFrame,
    schema: LabelSchema,
    options: SuggestionOptions,
) -> pd.DataFrame:
    """Rank all labels by how much a classifier that never saw them doubts them.

    cleanlab decides which are suspected: confident learning (Northcutt et al. 2021, 1911.00068),
    pruned by noise rate; the quality is the out-of-fold probability of the label given.

    Args:
        features_ND: float32 [N, D], a row per labelled image.
        labels: ``image_id``, ``group`` (of look-alikes) and one boolean column per criterion, in
            the order of `features_ND`.
        schema: What was asked.
        options: Of the classifier.

    Returns:
        One row per image and criterion, the most doubtful first: ``image_id``, ``criterion``,
        ``given`` (bool), ``suggested`` (probability that the criterion holds), ``quality`` (0 to
        1), ``is_issue``, ``rank`` (from 1). A criterion with too few labels of a class has no rows.
    """
    x_NK = prepare(features_ND, options) if len(labels) else np.empty((0, 0))
    parts = [_issues_of(name, x_NK, labels, options) for name in schema.criteria]
    table = pd.concat([_no_issues(), *(part for part in parts if part is not None)])
    table = table.sort_values(["is_issue", "quality"], ascending=[False, True], kind="stable")
    return table.assign(rank=np.arange(1, len(table) + 1)).reset_index(drop=True)


def _issues_of(
    name: str, x_NK: NDArray[np.float64], labels: pd.DataFrame, options: SuggestionOptions
) -> pd.DataFrame | None:
    given = labels[name].to_numpy(dtype=bool)
    fitted = fit_criterion(x_NK, given, labels["group"].to_numpy(), options)
    if fitted is None:
        logger.info("Labels of %r are not checked: one of its classes has too few", name)
        return None
    quality, is_issue = judge_labels(given, fitted.out_of_fold)
    return pd.DataFrame(
        {
            "image_id": labels["image_id"].to_numpy(),
            "criterion": name,
            "given": given,
            "suggested": fitted.out_of_fold,
            "quality": quality,
            "is_issue": is_issue,
            "rank": 0,
        }
    )


def judge_labels(
    given_N: NDArray[np.bool_], probability_N: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the quality of each label (0 to 1) and whether cleanlab suspects it, both [N].

    Args:
        given_N: The labels.
        probability_N: Out-of-fold probabilities that they are true.
    """
    classes, both = given_N.astype(int), np.stack([1 - probability_N, probability_N], axis=1)
    quality = get_label_quality_scores(classes, both)
    return quality, confident_learning(classes, both, n_jobs=1)


def _no_issues() -> pd.DataFrame:
    kinds = ("str", "str", "bool", "float64", "float64", "bool", "int64")
    columns = zip(ISSUE_COLUMNS, kinds, strict=True)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns})
