"""Detectors that hold up where the study's one-class model fails, on the same pooled features.

Five learn from positive images alone and say how usual a new image is; logistic regression also
sees negatives and is the baseline to beat. All are scikit-learn models with one rule for each that
turns them into a score, higher meaning more like the subject.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, SGDOneClassSVM
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from cosmop.classifiers.options import DetectorOptions
from cosmop.errors import InputError
from cosmop.metrics.checks import checked_features, require_variation

__all__ = ["DetectorOptions", "FittedDetector", "conformal_threshold", "fit_detectors"]

_LOG = logging.getLogger(__name__)
_MOST_DIMENSIONS = 8192  # a covariance of 512 MB; features of one network, pooled, have fewer
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FittedDetector:
    """A detector with its threshold.

    Attributes:
        name: One of `cosmop.classifiers.options.DETECTORS`.
        model: scikit-learn's fitted model or pipeline.
        threshold: Lowest score that is accepted; −inf if there are too few held-out positives.
        details: What was fitted, for JSON: counts of images and what the detector chose itself.
    """

    name: str
    model: Any
    threshold: float
    details: Mapping[str, Any]

    def score(self, features: ArrayLike) -> Floats:
        """Return the score of features [N, D], float64 [N]; higher is more like the subject.

        Raises:
            InputError: Features that are not finite or of another dimension.
        """
        x = checked_features(features, f"The detector {self.name}", least=1)
        if x.shape[1] != self.details["dimensions"]:
            raise InputError(
                f"The detector {self.name} needs {self.details['dimensions']} features per image "
                f"as in its training, got {x.shape[1]}; use the same extractor."
            )
        return np.asarray(_SCORES[self.name](self.model, x), dtype=np.float64)

    def describe(self) -> dict[str, Any]:
        """Return name, threshold (None for −inf) and details, ready for JSON."""
        threshold = self.threshold if np.isfinite(self.threshold) else None
        return {"name": self.name, "threshold": threshold, **self.details}


def fit_detectors(
    train_positive: ArrayLike,
    train_negative: ArrayLike | None,
    held_out_positive: ArrayLike,
    options: DetectorOptions,
) -> dict[str, FittedDetector]:
    """Fit the detectors of `options` on pooled features.

    Args:
        train_positive: Features [N, D] of positive training images, 3 ≤ N, 2 ≤ D ≤ 8192.
        train_negative: Features [M, D] of negative training images, for logistic regression alone;
            None or none at all leaves it out, and the log says so.
        held_out_positive: Features [H, D] of positives that no detector was trained on; they set
            the thresholds by `conformal_threshold` (logistic regression: probability 0.5).
        options: Which detectors, and how.

    Raises:
        InputError: Too few images, features that never vary or are not finite, different
            dimensions, features that are not pooled, or one single negative.
    """
    positive = _checked_training(train_positive)
    dimensions = positive.shape[1]
    held_out = _checked_like(held_out_positive, dimensions, "held-out positives", least=1)
    negative = np.empty((0, dimensions))
    if train_negative is not None and len(np.asarray(train_negative)):
        negative = _checked_like(train_negative, dimensions, "negatives", least=2)
    fitted: dict[str, FittedDetector] = {}
    for name in options.detectors:
        if name == "logistic_regression" and len(negative) == 0:
            _LOG.warning("Logistic regression is left out: it needs negatives, there are none.")
            continue
        fitted[name] = _fit_one(name, positive, negative, held_out, options)
    return fitted


def _fit_one(
    name: str, positive: Floats, negative: Floats, held_out: Floats, options: DetectorOptions
) -> FittedDetector:
    counts = {
        "dimensions": positive.shape[1],
        "n_train": len(positive),
        "n_held_out": len(held_out),
    }
    if name == "logistic_regression":
        model, found = _fit_logistic_regression(positive, negative, options)
        details = {**counts, "n_negatives": len(negative), "quantile": None, **found}
        return FittedDetector(name, model, 0.5, details)
    model, found = _FITS[name](positive, options)
    threshold = conformal_threshold(_SCORES[name](model, held_out), options.quantile)
    if threshold == -np.inf:
        _LOG.warning(
            "Detector %s accepts everything: a threshold that refuses %g of the positives needs at "
            "least %d held out, there are %d.",
            name,
            options.quantile,
            int(np.ceil(1 / options.quantile)) - 1,
            len(held_out),
        )
    return FittedDetector(name, model, threshold, {**counts, "quantile": options.quantile, **found})


def conformal_threshold(held_out_scores: ArrayLike, quantile: float) -> float:
    """Return the threshold t under which at most a share `quantile` of new positives falls.

    t is the ⌊quantile·(n + 1)⌋-th smallest of n held-out scores. If the new positive and the
    held-out ones are exchangeable, and no detector has seen them, the new score's rank among all
    n + 1 is uniform, so P(score < t) ≤ quantile for every n and every distribution: on average
    over held-out sets, not for each of them (split conformal prediction: Papadopoulos et al. 2002;
    Vovk, Gammerman & Shafer 2005; for outliers Bates et al. 2023).

    Args:
        held_out_scores: Scores of held-out positives, finite [n].
        quantile: Share of positives that may be refused, between 0 and 1.

    Returns:
        t, or −inf with fewer than 1/quantile − 1 scores: no finite threshold can promise it.

    Raises:
        InputError: No scores, scores that are not finite, or a quantile outside 0..1.
    """
    scores = np.sort(np.asarray(held_out_scores, dtype=np.float64).ravel())
    if len(scores) == 0 or not np.isfinite(scores).all() or not 0 < quantile < 1:
        raise InputError(
            "A threshold needs finite scores of held-out positives and a quantile between 0 and "
            f"1, got {len(scores)} scores and {quantile}; hold positives out."
        )
    rank = int(np.floor(quantile * (len(scores) + 1) * (1 + 1e-12)))  # 0.1 · 10 is 1, not 0.999…
    return float(scores[rank - 1]) if rank else -np.inf


Fit = tuple[Any, dict[str, Any]]


def _fit_knn(x: Floats, options: DetectorOptions) -> Fit:
    """Mean distance to the nearest training positives (DN2, Bergman et al. 2020)."""
    neighbours = min(options.neighbours, len(x))
    nearest = NearestNeighbors(n_neighbors=neighbours, metric=options.metric, algorithm="brute")
    model = Pipeline([("length", Normalizer()), ("nearest", nearest)]).fit(x)
    return model, {"neighbours": neighbours, "metric": options.metric}


def _score_knn(model: Any, x: Floats) -> Floats:
    distances, _ = model["nearest"].kneighbors(model["length"].transform(x))
    scores: Floats = -distances.mean(axis=1)
    return scores


def _fit_mahalanobis(x: Floats, _: DetectorOptions) -> Fit:
    """Distance in units of a shrunk covariance (Ledoit & Wolf 2004)."""
    model = LedoitWolf().fit(x)
    return model, {"shrinkage": float(model.shrinkage_)}


def _score_mahalanobis(model: Any, x: Floats) -> Floats:
    scores: Floats = -np.sqrt(np.maximum(model.mahalanobis(x), 0))
    return scores


def _fit_pca_residual(x: Floats, options: DetectorOptions) -> Fit:
    """Length of what the kept components leave (Jackson & Mudholkar 1979), at least one axis."""
    model = PCA(svd_solver="full").fit(x)
    shares = np.cumsum(model.explained_variance_ratio_)
    enough = int(np.searchsorted(shares, options.residual_variance_share, side="right")) + 1
    kept = min(enough, min(len(x) - 1, x.shape[1]) - 1)
    model = PCA(kept, svd_solver="full").fit(x)
    return model, {"components": kept}


def _score_pca_residual(model: Any, x: Floats) -> Floats:
    scores: Floats = -np.linalg.norm(x - model.inverse_transform(model.transform(x)), axis=1)
    return scores


def _fit_isolation_forest(x: Floats, options: DetectorOptions) -> Fit:
    """Depth at which random cuts isolate an image (Liu, Ting & Zhou 2008)."""
    forest = IsolationForest(n_estimators=options.trees, random_state=options.seed)
    return forest.fit(x), {"trees": options.trees, "seed": options.seed}


def _fit_nystroem_svm(x: Floats, options: DetectorOptions) -> Fit:
    """One-class SVM on a sampled kernel map (Williams & Seeger 2001), trained by SGD."""
    unit = Normalizer().transform(x)
    gamma = float(1 / (x.shape[1] * max(unit.var(), np.finfo(np.float64).tiny)))
    landmarks = min(options.landmarks, len(x))
    steps = [
        ("length", Normalizer()),
        ("kernel", Nystroem(gamma=gamma, n_components=landmarks, random_state=options.seed)),
        ("svm", SGDOneClassSVM(nu=options.nu, random_state=options.seed)),
    ]
    found = {"gamma": gamma, "landmarks": landmarks, "nu": options.nu, "seed": options.seed}
    return Pipeline(steps).fit(x), found


def _fit_logistic_regression(positive: Floats, negative: Floats, options: DetectorOptions) -> Fit:
    """Fit on standardised features; C has the lowest log loss in cross-validation on them."""
    x = np.concatenate([positive, negative])
    is_positive = np.repeat([1, 0], [len(positive), len(negative)])
    steps = [("scaler", StandardScaler()), ("regression", LogisticRegression(max_iter=5000))]
    folds = min(options.folds, len(positive), len(negative))
    search = GridSearchCV(
        Pipeline(steps),
        {"regression__C": list(options.inverse_penalties)},
        scoring="neg_log_loss",
        cv=StratifiedKFold(folds, shuffle=True, random_state=options.seed),
        error_score="raise",
    ).fit(x, is_positive)
    found = {"inverse_penalty": search.best_params_["regression__C"], "folds": folds}
    return search.best_estimator_, {**found, "seed": options.seed}


_FITS: dict[str, Callable[[Floats, DetectorOptions], Fit]] = {
    "knn": _fit_knn,
    "mahalanobis": _fit_mahalanobis,
    "pca_residual": _fit_pca_residual,
    "isolation_forest": _fit_isolation_forest,
    "nystroem_svm": _fit_nystroem_svm,
}
_SCORES: dict[str, Callable[[Any, Floats], Floats]] = {
    "knn": _score_knn,
    "mahalanobis": _score_mahalanobis,
    "pca_residual": _score_pca_residual,
    "isolation_forest": lambda model, x: model.score_samples(x),
    "nystroem_svm": lambda model, x: model.decision_function(x),
    "logistic_regression": lambda model, x: model.predict_proba(x)[:, 1],
}


def _checked_training(features: ArrayLike) -> Floats:
    x = checked_features(features, "Fitting detectors", least=3)
    if not 2 <= x.shape[1] <= _MOST_DIMENSIONS:
        raise InputError(
            f"Detectors need pooled features of 2 to {_MOST_DIMENSIONS} dimensions, got "
            f"{x.shape[1]}; set the extractor's pooling to `average`."
        )
    require_variation("Fitting detectors", len(x), np.ptp(x, axis=0))
    return x


def _checked_like(features: ArrayLike, dimensions: int, what: str, least: int) -> Floats:
    x = checked_features(features, f"Fitting detectors with {what}", least)
    if x.shape[1] != dimensions:
        raise InputError(
            f"Detectors need {what} with {dimensions} features per image as the training images, "
            f"got {x.shape[1]}; use the same extractor."
        )
    return x
