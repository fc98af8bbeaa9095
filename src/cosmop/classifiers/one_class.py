"""The study's one-class model: StandardScaler → PCA → one-class SVM (Schölkopf et al. 2001)."""

import logging
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from cosmop.classifiers.options import OneClassOptions
from cosmop.errors import InputError

__all__ = [
    "OneClassOptions",
    "captured_variance_share",
    "fit_one_class",
    "one_class_report",
    "score_one_class",
]

_LOG = logging.getLogger(__name__)
Floats = NDArray[np.float64]


def fit_one_class(features: ArrayLike, options: OneClassOptions) -> Pipeline:
    """Fit the one-class model on the features [N, D] of positive images alone.

    The steps are called ``scaler``, ``pca`` and ``svm``. PCA takes scikit-learn's exact solver:
    its ``auto`` picks a randomised one here, 11 % off on the last component.

    Raises:
        InputError: Fewer than 2 images, features that are not finite, or that never vary.
    """
    x = _checked(features, least=2)
    if not (x.std(axis=0) > 0).any():
        raise InputError(
            f"The one-class model needs features that vary, got {len(x)} identical images; add "
            "other images or use another extractor."
        )
    steps: list[tuple[str, Any]] = []
    if options.standardise:
        steps.append(("scaler", StandardScaler()))
    components = _components(x, options)
    if components is not None:
        steps.append(("pca", PCA(components, svd_solver="full")))
    svm = OneClassSVM(kernel=options.kernel, gamma=options.gamma, nu=options.nu)
    return Pipeline([*steps, ("svm", svm)]).fit(x)


def _components(x: Floats, options: OneClassOptions) -> int | float | None:
    if options.pca_components is None:
        return options.pca_variance_share
    possible = min(len(x) - 1, x.shape[1])
    if options.pca_components > possible:
        _LOG.warning(
            "One-class model: %d components asked for, %d images in %d dimensions have %d.",
            options.pca_components,
            *x.shape,
            possible,
        )
    return int(min(options.pca_components, possible))


def score_one_class(pipeline: Pipeline, features: ArrayLike) -> Floats:
    """Return the signed score of each image [N]: positive means "one of them".

    Raises:
        InputError: Features that are not finite or of another dimension.
    """
    scores: Floats = pipeline.decision_function(_checked_for(pipeline, features))
    return scores


def captured_variance_share(pipeline: Pipeline, features: ArrayLike) -> float:
    """Return which share of the squared distance from the training mean PCA keeps, 0..1.

    On its own training images this is PCA's explained variance; on held-out positives it shows
    whether that space means anything for a new image. With few images in many dimensions it does
    not (0.93 on training images, 0.05 to 0.12 on others): then novelty lies in what was dropped.

    Raises:
        InputError: Features that are not finite or of another dimension.
    """
    x = _checked_for(pipeline, features)
    if "scaler" in pipeline.named_steps:
        x = pipeline.named_steps["scaler"].transform(x)
    pca = pipeline.named_steps.get("pca")
    if pca is None:
        return 1.0
    centred = x - pca.mean_
    kept = centred @ pca.components_.T
    total = float(np.square(centred).sum())
    return float(np.square(kept).sum()) / total if total > 0 else 1.0


def one_class_report(
    pipeline: Pipeline, training: ArrayLike, held_out_positives: ArrayLike
) -> dict[str, float]:
    """Return components, variance shares and acceptance on training and held-out positives.

    Keys: components, variance_share_training, variance_share_held_out, accepted_share_training,
    accepted_share_held_out, n_training, n_held_out. If the second variance share is far below the
    first, the model cannot be trusted.
    """
    pca = pipeline.named_steps.get("pca")
    report: dict[str, float] = {
        "components": int(pca.n_components_ if pca is not None else pipeline.n_features_in_)
    }
    for name, features in (("training", training), ("held_out", held_out_positives)):
        scores = score_one_class(pipeline, features)
        report[f"variance_share_{name}"] = captured_variance_share(pipeline, features)
        report[f"accepted_share_{name}"] = float((scores >= 0).mean())
        report[f"n_{name}"] = len(scores)
    return report


def _checked_for(pipeline: Pipeline, features: ArrayLike) -> Floats:
    x = _checked(features, least=1)
    if x.shape[1] != pipeline.n_features_in_:
        raise InputError(
            f"The one-class model needs {pipeline.n_features_in_} features per image as in its "
            f"training, got {x.shape[1]}; use the same extractor."
        )
    return x


def _checked(features: ArrayLike, least: int) -> Floats:
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or len(x) < least or not np.isfinite(x).all():
        raise InputError(
            f"The one-class model needs finite features of at least {least} images, got shape "
            f"{list(x.shape)}; label more positives or extract the features again."
        )
    return x
