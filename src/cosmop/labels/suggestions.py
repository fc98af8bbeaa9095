"""Suggestions: what a classifier trained on the labels so far would answer about each image."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from cosmop.labels.schema import LabelSchema
from cosmop.labels.suggestion_options import SuggestionOptions

__all__ = ["Probabilities", "SuggestionOptions", "fit_criterion", "prepare", "suggest"]

logger = logging.getLogger(__name__)

_Floats = NDArray[np.float64]
_Truths = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Probabilities:
    """What was learnt about one criterion.

    Attributes:
        out_of_fold: For each labelled image [N], by a model that saw neither it nor a look-alike.
        model: Fitted on all labelled images.
        inverse_penalty: The C that cross-validation chose.
    """

    out_of_fold: _Floats
    model: LogisticRegression
    inverse_penalty: float


def suggest(
    features_ND: NDArray[np.float32],
    images: pd.DataFrame,
    labels: pd.DataFrame,
    schema: LabelSchema,
    options: SuggestionOptions,
) -> pd.DataFrame:
    """Estimate for each image the probability that each criterion holds.

    Args:
        features_ND: float32 [N, D], a row per image.
        images: ``image_id`` and ``group`` (of look-alikes), in the order of `features_ND`.
        labels: ``image_id`` and one boolean column per criterion; one row per labelled image.
        schema: What is asked.
        options: See the class.

    Returns:
        ``image_id``, ``is_labelled``, and one column per criterion: 0 to 1, or NaN throughout where
        a class has too few labels. Those of labelled images are out of fold: the answer had no
        part in them. No rows when nothing is labelled.
    """
    rows = np.flatnonzero(images["image_id"].isin(labels["image_id"]))
    known = images[["image_id"]].iloc[rows].merge(labels, on="image_id")
    table = images[["image_id"]].assign(is_labelled=False, **dict.fromkeys(schema.criteria, np.nan))
    if len(rows) == 0:
        return table.iloc[:0]
    table.loc[table.index[rows], "is_labelled"] = True
    x_NK = prepare(features_ND, options)
    groups = images["group"].to_numpy()[rows]
    for name in schema.criteria:
        fitted = fit_criterion(x_NK[rows], known[name].to_numpy(dtype=bool), groups, options)
        if fitted is None:
            logger.info("No suggestions for %r: one of its classes has too few labels", name)
            continue
        logger.info("Suggestions for %r: C is %g", name, fitted.inverse_penalty)
        probability = fitted.model.predict_proba(x_NK)[:, 1]
        probability[rows] = fitted.out_of_fold
        table[name] = probability
    return table


def prepare(features_ND: NDArray[np.float32], options: SuggestionOptions) -> _Floats:
    """Standardise features and keep their first principal components, float64 [N, K]."""
    scaled = StandardScaler().fit_transform(features_ND.astype(np.float64))
    count = min(options.components, *scaled.shape)
    if len(scaled) > 1:
        with np.errstate(invalid="ignore"):  # of images that are all alike, the variance is 0 of 0
            scaled = PCA(count, random_state=options.seed).fit_transform(scaled)
    return np.asarray(scaled[:, :count], dtype=np.float64)


def fit_criterion(
    x_NK: _Floats, holds_N: _Truths, groups_N: NDArray[Any], options: SuggestionOptions
) -> Probabilities | None:
    """Fit a regularised logistic regression, and choose its penalty by grouped cross-validation.

    Args:
        x_NK: From `prepare`.
        holds_N: Whether the criterion holds.
        groups_N: Images of one group are never on both sides of a fold.
        options: See the class.

    Returns:
        None when fewer groups than ``min_per_class`` have an image of the one class or the other.
    """
    holding, other = _groups_by_class(holds_N, groups_N)
    fewest = min(len(holding), len(other))
    if fewest < options.min_per_class:
        return None
    fold_N = _deal_folds(holding, other, groups_N, min(options.folds, fewest), options.seed)
    tried = [
        (float(log_loss(holds_N, held_out, labels=[False, True])), penalty, held_out)
        for penalty, held_out in _cross_validate(x_NK, holds_N, fold_N, options)
    ]
    _, best, held_out = min(tried, key=lambda one: one[:2])
    return Probabilities(held_out, _fit(x_NK, holds_N, best), best)


def _groups_by_class(holds_N: _Truths, groups_N: NDArray[Any]) -> tuple[Any, Any]:
    """Return the groups in which the criterion holds for an image, and all others."""
    holding = np.unique(groups_N[holds_N])
    return holding, np.setdiff1d(np.unique(groups_N), holding)


def _deal_folds(
    holding: Any, other: Any, groups_N: NDArray[Any], folds: int, seed: int
) -> NDArray[np.int64]:
    """Deal the groups of each class out to the folds in turn; every fold has some of both."""
    rng = np.random.default_rng(seed)
    fold_of = {
        group: at % folds
        for groups in (holding, other)
        for at, group in enumerate(rng.permutation(groups))
    }
    return np.array([fold_of[group] for group in groups_N], dtype=np.int64)


def _cross_validate(
    x_NK: _Floats, holds_N: _Truths, fold_N: NDArray[np.int64], options: SuggestionOptions
) -> Iterator[tuple[float, _Floats]]:
    """Yield each penalty with the out-of-fold probabilities [N] it leads to."""
    for penalty in options.inverse_penalties:
        held_out = np.empty(len(holds_N))
        for fold in np.unique(fold_N):
            out = fold_N == fold
            model = _fit(x_NK[~out], holds_N[~out], penalty)
            held_out[out] = model.predict_proba(x_NK[out])[:, 1]
        yield penalty, held_out


def _fit(x_NK: _Floats, holds_N: _Truths, penalty: float) -> LogisticRegression:
    return LogisticRegression(C=penalty, max_iter=1000).fit(x_NK, holds_N)
