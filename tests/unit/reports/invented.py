"""Invented figures of the second half of a study, in the shapes that its stages write."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

JUDGES = (
    "one_class_svm",
    "knn",
    "mahalanobis",
    "pca_residual",
    "isolation_forest",
    "nystroem_svm",
    "logistic_regression",
    "image_classifier",
)
_AUROC = (0.46, 0.74, 0.66, 0.69, 0.55, 0.67, 0.86, 0.91)


def interval(value: float, n: int) -> dict[str, float]:
    """Return a share with a rough interval."""
    half = 1.96 * (max(value * (1 - value), 0.01) / n) ** 0.5
    return {"value": value, "low": max(0.0, value - half), "high": min(1.0, value + half), "n": n}


def judge(tp: int, fp: int, fn: int, tn: int, auroc: float | None = None) -> dict[str, Any]:
    """Return the figures of one judge from its confusion matrix."""
    n = tp + fp + fn + tn
    figures = {
        "accuracy": interval((tp + tn) / n, n),
        "precision": interval(tp / (tp + fp), tp + fp),
        "recall": interval(tp / (tp + fn), tp + fn),
        "prevalence": interval((tp + fn) / n, n),
        "confusion": {"tp": tp, "fp": fp, "fn": fn, "tn": tn},
    }
    if auroc is not None:
        half = {"low": max(0, auroc - 0.07), "high": min(1, auroc + 0.07), "n": n}
        figures |= {"auroc": {"value": auroc, **half}, "average_precision": interval(auroc, n)}
    return figures


def judges() -> dict[str, dict[str, Any]]:
    """Return eight judges, from upside down to good, on 43 positive and 47 negative images."""
    made = {}
    for name, auroc in zip(JUDGES, _AUROC, strict=True):
        tp, tn = round(43 * (0.35 + auroc / 2)), round(47 * (auroc - 0.05))
        made[name] = judge(tp, 47 - tn, 43 - tp, tn, auroc)
    return made


def measure(
    value: float, floor: float, same: float, *, is_beyond: bool, spread: float
) -> dict[str, Any]:
    """Return one measure beside its floor."""

    def around(middle: float, n: int) -> dict[str, float]:
        return {"value": middle, "low": middle - spread, "high": middle + spread, "n": n}

    return {
        **around(value, 43),
        "n_real": 43,
        "n_generated": 400,
        "floor": around(floor, 21),
        "at_floor_n": around(same, 21),
        "is_beyond_floor": is_beyond,
    }


def distances() -> dict[str, Any]:
    """Return all measures, some beyond their floor and some not."""
    measures = {
        "kernel_distance": measure(0.041, 0.001, 0.043, is_beyond=True, spread=0.006),
        "mind": measure(12.1, 8.3, 12.9, is_beyond=True, spread=1.5),
        "recall": measure(0.38, 0.71, 0.33, is_beyond=True, spread=0.08),
        "coverage": measure(0.82, 0.88, 0.79, is_beyond=False, spread=0.09),
        "precision": measure(0.66, 0.73, 0.62, is_beyond=False, spread=0.1),
        "density": measure(0.91, 1.02, 0.88, is_beyond=False, spread=0.2),
        "distance": measure(36.8, 24.1, 47.0, is_beyond=True, spread=4.0),
    }
    return {
        "name": "fd_person_filter",
        "kernel_name": "kd_person_filter",
        "extractor": {"name": "person_filter"},
        "seed": 0,
        "to_test": measures,
        "to_training": measures
        | {"kernel_distance": measure(0.021, 0.001, 0.022, is_beyond=True, spread=0.004)},
    }


def curves(auroc: float) -> dict[str, list[dict[str, float]]]:
    """Return smooth curves with bands."""
    x = np.linspace(0, 1, 51)
    power = (1 - auroc) / auroc
    roc, precision = x**power, 0.48 + (auroc - 0.48) * (1 - x**3)

    def points(names: tuple[str, str], y: np.ndarray) -> list[dict[str, float]]:
        return [
            {names[0]: a, names[1]: b, "low": max(0, b - 0.08), "high": min(1, b + 0.08)}
            for a, b in zip(x.tolist(), y.tolist(), strict=True)
        ]

    return {
        "precision_recall": points(("recall", "precision"), precision),
        "roc": points(("false_positive_rate", "recall"), roc),
    }


def all_curves() -> dict[str, Any]:
    """Return the curves of every judge."""
    return {name: curves(auroc) for name, auroc in zip(JUDGES, _AUROC, strict=True)}


def calibration() -> dict[str, Any]:
    """Return a reliability diagram of the two judges that state probabilities."""
    bins = [
        {"low": k / 5, "high": (k + 1) / 5, "mean": k / 5 + 0.1, "share": interval(share, 18)}
        for k, share in enumerate((0.06, 0.22, 0.55, 0.66, 0.95))
    ]
    one = {"brier": interval(0.12, 90), "expected_error": interval(0.05, 90), "bins": bins}
    return {"logistic_regression": one, "image_classifier": one}


def by_group() -> dict[str, Any]:
    """Return recall and accuracy by criterion and by number of people."""
    groups = [
        {"group": name, "recall": recall, "accuracy": interval(0.8, n), "n": n}
        for name, recall, n in (
            ("yes", interval(0.9, 20), 30),
            ("no", None, 60),
        )
    ]
    return {"image_classifier": {"carrying_a_bag": groups, "people": groups}}


def acceptance() -> dict[str, Any]:
    """Return accepted shares of a blind judge and of a good one."""
    real = ("real_positives", "real_negatives")
    return {
        "one_class_svm": {
            "synthetic": interval(0.6, 400),
            **dict(zip(real, (interval(0.7, 43), interval(0.6, 47)), strict=True)),
            "corrected": {"reason": "one_class_svm is not shown to be better than chance."},
        },
        "image_classifier": {
            "synthetic": interval(0.71, 400),
            **dict(zip(real, (interval(0.81, 43), interval(0.19, 47)), strict=True)),
            "corrected": {"value": 0.84, "low": 0.62, "high": 1.07, "n": 400},
        },
    }


ONE_CLASS: Mapping[str, Any] = {
    "components": 128,
    "variance_share_training": 0.93,
    "variance_share_held_out": 0.11,
    "accepted_share_training": 0.5,
    "accepted_share_held_out": 0.71,
    "n_training": 160,
    "n_held_out": 43,
    "warning": "PCA keeps 0.93 of the variance of its training images and 0.11 of new positives'.",
    "detectors": {
        "knn": {"threshold": 0.31, "quantile": 0.1, "n_train": 160, "n_held_out": 20, "k": [5]},
        "mahalanobis": {"threshold": 41.0, "quantile": 0.1, "n_train": 160, "n_held_out": 20},
    },
}

_ARMS = {
    "real": "real images alone",
    "classical": "real, classical augmentation",
    "oversampled": "real, oversampled (placebo)",
    "synthetic_0.5": "real + 0.5 × synthetic",
    "synthetic_1": "real + 1 × synthetic",
    "synthetic_2": "real + 2 × synthetic",
    "synthetic_only": "synthetic positives only",
}


def comparison(
    arm: str, gain: float, *, against: str = "real", fraction: float = 1.0, half: float = 0.02
) -> dict[str, Any]:
    """Return one comparison, by default with real images alone; significant beyond `half`."""
    kind = "synthetic" if arm.startswith("synthetic_") and arm != "synthetic_only" else arm
    return {
        "arm": arm,
        "kind": kind,
        "against": against,
        "fraction": fraction,
        "gain": {"value": gain, "low": gain - half, "high": gain + half, "n": 866},
        "p_value": 0.0002 if abs(gain) > half else 0.21,
        "p_adjusted": 0.0012 if abs(gain) > half else 0.84,
        "fixed": 40,
        "broken": 21,
        "is_significant": abs(gain) > half,
    }


def study(gains: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Return a whole augmentation study with the wanted gains at the full data."""
    at_full = {
        "classical": 0.031,
        "oversampled": 0.002,
        "synthetic_0.5": 0.008,
        "synthetic_1": 0.012,
        "synthetic_2": -0.004,
        "synthetic_only": -0.09,
    } | dict(gains or {})
    fractions: Sequence[float] = (0.25, 0.5, 1.0)
    arms = [
        {
            "name": name,
            "label": label,
            "fraction": fraction,
            "n_real": round(350 * fraction),
            "n_synthetic": 160 if "synthetic" in name else 0,
            "accuracy": interval(0.72 + 0.1 * fraction + at_full.get(name, 0.0), 866),
            "balanced_accuracy": interval(0.7 + 0.1 * fraction, 866),
            "auroc": interval(0.8 + 0.1 * fraction, 866),
            "per_seed": [{"seed": 0, "accuracy": 0.8, "auroc": 0.9}],
        }
        for fraction in fractions
        for name, label in _ARMS.items()
    ]
    return {
        "seeds": [0, 1, 2, 3, 4],
        "steps": 600,
        "n_test": 866,
        "arms": arms,
        "comparisons": [
            comparison(name, gain, fraction=fraction)
            for fraction in fractions
            for name, gain in at_full.items()
        ],
        "smallest_detectable_gain": {"value": 0.025, "power": 0.8, "alpha": 0.05},
        "conclusion": "No gain from synthetic images is shown; one below 0.025 would be missed.",
    }


def memorisation(synthetic: Sequence[str], training: Sequence[str]) -> dict[str, Any]:
    """Return a memorisation report over these images; one pair is mirrored."""
    closest = [
        {
            "image_id": image_id,
            "nearest_id": training[2 * index],
            "second_id": training[2 * index + 1],
            "ratio": 0.41 + 0.02 * index,
            "distance": 1.0,
            "is_mirrored": index == 1,
            "phash_distance": 11 + index,
        }
        for index, image_id in enumerate(synthetic[:20])
    ]
    control = [pair | {"image_id": training[-1 - i]} for i, pair in enumerate(closest[:5])]
    return {
        "extractor": {"name": "person_filter"},
        "seed": 0,
        "threshold": 0.38,
        "null_share": 0.01,
        "flagged": {"value": 0.015, "low": 0.007, "high": 0.032, "n": 400},
        "flagged_held_out": {"value": 0.0, "low": 0.0, "high": 0.08, "n": 43},
        "found": {"value": 0.0225, "low": 0.012, "high": 0.042, "n": 400},
        "found_held_out": {"value": 0.023, "low": 0.004, "high": 0.12, "n": 43},
        "thumbnails": None,
        "auth_pct": 61.2,
        "auth_pct_held_out": 70.1,
        "c_t": -4.2,
        "phash_hits": {"value": 0.0, "low": 0.0, "high": 0.01, "n": 400},
        "mirrored": 1,
        "verdict": "no sign of copying",
        "reason": "The flagged share is no larger than that of held-out real images.",
        "closest": closest,
        "closest_held_out": control,
    }


LEAKS: Mapping[str, Any] = {
    "disjoint": {"ok": True, "n": 0, "sentence": "No image is in two splits.", "examples": []},
    "near_copies": {
        "ok": False,
        "n": 1,
        "sentence": "1 near-copy of a test image is in training <b>.",
        "examples": ["ab"],
    },
}
