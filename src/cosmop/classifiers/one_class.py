"""The study's one-class model: StandardScaler → PCA → one-class SVM (Schölkopf et al. 2001)."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from cosmop.classifiers.dual_pca import fit_dual_pca, row_blocks
from cosmop.classifiers.options import OneClassOptions
from cosmop.errors import InputError
from cosmop.metrics.checks import require_variation

__all__ = [
    "OneClassOptions",
    "captured_variance_share",
    "fit_one_class",
    "one_class_report",
    "score_one_class",
]

_LOG = logging.getLogger(__name__)
_COLLAPSE = 0.5
Floats = NDArray[np.float64]
Features = NDArray[np.floating[Any]]


def fit_one_class(features: ArrayLike, options: OneClassOptions) -> Pipeline:
    """Fit the one-class model on the features [N, D] of positive images alone.

    The steps are called ``scaler``, ``pca`` and ``svm``. PCA is exact (`fit_dual_pca`):
    scikit-learn's ``auto`` picks a randomised solver here, 11 % off on the last component. float32
    features, memory maps too, are read block by block.

    Raises:
        InputError: Fewer than 2 images, features that are not finite, or that never vary.
    """
    x = _checked(features, least=2)
    svm = OneClassSVM(kernel=options.kernel, gamma=options.gamma, nu=options.nu)
    wanted = options.pca_components or options.pca_variance_share
    if wanted is None:
        return _fit_without_pca(x, svm, options)
    reduced = fit_dual_pca(x, wanted, standardise=options.standardise)
    steps: list[tuple[str, Any]] = [("pca", reduced.pca), ("svm", svm.fit(reduced.scores_NK))]
    return Pipeline(steps if reduced.scaler is None else [("scaler", reduced.scaler), *steps])


def _fit_without_pca(x: Features, svm: OneClassSVM, options: OneClassOptions) -> Pipeline:
    _require_finite(x)
    require_variation("The one-class model", len(x), np.ptp(x, axis=0))
    steps: list[tuple[str, Any]] = [("svm", svm)]
    return Pipeline([("scaler", StandardScaler()), *steps] if options.standardise else steps).fit(x)


def score_one_class(pipeline: Pipeline, features: ArrayLike) -> Floats:
    """Return the signed score of each image, float64 [N]: positive means "one of them".

    Raises:
        InputError: Features that are not finite or of another dimension.
    """
    parts = [pipeline.decision_function(rows) for rows in _rows_for(pipeline, features)]
    return np.concatenate(parts).astype(np.float64, copy=False)


def captured_variance_share(pipeline: Pipeline, features: ArrayLike) -> float:
    """Return which share of the squared distance from the training mean PCA keeps, 0..1.

    On its own training images this is PCA's explained variance; on held-out positives it shows
    whether that space means anything for a new image. With few images in many dimensions it does
    not (0.93 on training images, 0.05 to 0.12 on others): then novelty lies in what was dropped.

    Raises:
        InputError: Features that are not finite or of another dimension.
    """
    steps = pipeline.named_steps
    pca, kept, total = steps.get("pca"), 0.0, 0.0
    for rows in _rows_for(pipeline, features):
        if pca is None:
            continue
        z = steps["scaler"].transform(rows) if "scaler" in steps else rows
        centred = z - pca.mean_
        total += float(np.square(centred).sum(dtype=np.float64))
        kept += float(np.square(centred @ pca.components_.T).sum(dtype=np.float64))
    return kept / total if total > 0 else 1.0


def one_class_report(
    pipeline: Pipeline, training: ArrayLike, held_out_positives: ArrayLike
) -> dict[str, Any]:
    """Return components, variance shares and acceptance on training and held-out positives.

    Keys: components, variance_share_training, variance_share_held_out, accepted_share_training,
    accepted_share_held_out, n_training, n_held_out, and ``warning``: a sentence if PCA keeps less
    than half as large a share of the held-out positives' variance as of the training images',
    else None. Then a new image, whatever it shows, lands near the centre and is accepted.

    Raises:
        InputError: Features that are not finite or of another dimension.
    """
    pca = pipeline.named_steps.get("pca")
    report: dict[str, Any] = {
        "components": int(pca.n_components_ if pca is not None else pipeline.n_features_in_)
    }
    for name, features in (("training", training), ("held_out", held_out_positives)):
        scores = score_one_class(pipeline, features)
        report[f"variance_share_{name}"] = captured_variance_share(pipeline, features)
        report[f"accepted_share_{name}"] = float((scores >= 0).mean())
        report[f"n_{name}"] = len(scores)
    return report | {"warning": _warning(report)}


def _warning(report: dict[str, Any]) -> str | None:
    trained, held_out = report["variance_share_training"], report["variance_share_held_out"]
    if held_out >= _COLLAPSE * trained:
        return None
    sentence = (
        f"The {report['components']} components keep {trained:.0%} of the variance of the "
        f"{report['n_training']} training images but {held_out:.0%} of that of "
        f"{report['n_held_out']} held-out positives: new images of any kind land near the centre "
        "and are accepted, so do not trust this model; pool the features or use a detector that "
        "looks at what PCA drops."
    )
    _LOG.warning("One-class model: %s", sentence)
    return sentence


def _rows_for(pipeline: Pipeline, features: ArrayLike) -> Iterator[Features]:
    x = _checked(features, least=1)
    if x.shape[1] != pipeline.n_features_in_:
        raise InputError(
            f"The one-class model needs {pipeline.n_features_in_} features per image as in its "
            f"training, got {x.shape[1]}; use the same extractor."
        )
    for rows in row_blocks(x):
        _require_finite(x[rows])
        yield np.array(x[rows])


def _require_finite(x: Features) -> None:
    if not np.isfinite(x).all():
        raise InputError(
            f"The one-class model needs finite features, got NaN or infinity among {len(x)} "
            "images; extract the features again."
        )


def _checked(features: ArrayLike, least: int) -> Features:
    x = np.asarray(features)
    if x.ndim != 2 or len(x) < least or x.shape[1] == 0:
        raise InputError(
            f"The one-class model needs finite features of at least {least} images, got shape "
            f"{list(x.shape)}; label more positives or extract the features again."
        )
    return x if x.dtype == np.float32 else x.astype(np.float64, copy=False)
