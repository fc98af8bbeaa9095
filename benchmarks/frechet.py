"""Seconds per Fréchet distance at 2,048 dimensions, beside three peers in the same run.

python benchmarks/frechet.py [--json] [--quick] [--case 2276x1357] [--rounds 3]

Ours is timed from the features, the check of their values included; the peers (a general matrix
square root by scipy, the functions of torch-fidelity and torchmetrics) from means and covariances
that are ready. "full rank" is from ready means and covariances on all sides. All take turns, each
for about a second or one run; medians count.

The relative error is against a truth that is known by construction: in an orthonormal basis both
covariances are made of 2 x 2 blocks, rotated against one another so that they do not commute, and
tr √M = √(tr M + 2 √det M) for a 2 x 2 block.

The physical limit is the time that the least arithmetic (a product, a symmetric product, and the
eigenvalues of the smaller side) takes at the rate of a large matrix product, measured here.
"""

import argparse
import json
import math
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray

from cosmop.metrics.frechet import frechet_distance, frechet_from_features

Floats = NDArray[np.float64]
Statistics = tuple[Floats, Floats]  # mean [D], covariance [D, D]

SEED = 0
CASES = {"2276x1357": (2276, 1357), "1605x340": (1605, 340), "full rank": None}
TARGETS = {"2276x1357": 20, "1605x340": 200, "full rank": 10}  # times scipy's speed


@dataclass(frozen=True)
class Planted:
    """Two sets whose distance is known: features where there are any, and their statistics."""

    features: tuple[Floats, Floats] | None
    statistics: tuple[Statistics, Statistics]
    distance: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="a quarter of all sizes, two rounds")
    parser.add_argument("--case", choices=CASES, action="append", help="else all")
    parser.add_argument("--rounds", type=int)
    chosen = parser.parse_args()
    shrink = 4 if chosen.quick else 1
    rounds = chosen.rounds or (2 if chosen.quick else 3)
    result = measure(chosen.case or list(CASES), shrink, rounds)
    print(json.dumps(result) if chosen.json else _table(result))


def measure(cases: list[str], shrink: int = 1, rounds: int = 3) -> dict[str, Any]:
    """Time every case at 1 / `shrink` of its size; the first case is the headline."""
    dimensions = 2048 // shrink
    rate = product_rate(dimensions)
    measured = {case: _measure_case(case, dimensions, shrink, rounds, rate) for case in cases}
    headline = measured[cases[0]]
    return {
        "name": "frechet",
        "unit": "seconds per distance",
        **{key: headline[key] for key in ("ours", "peers", "ratio", "limit_share")},
        "cases": measured,
        "target_ratio_to_scipy_sqrtm": {case: TARGETS[case] for case in cases},
        "product_gflop_per_second": round(rate / 1e9, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "n": rounds,
        "dimensions": dimensions,
        "seed": SEED,
        "device": f"cpu {platform.machine()}, {torch.get_num_threads()} threads, float64",
        "versions": {
            name: version(name)
            for name in ("torch", "numpy", "scipy", "torch-fidelity", "torchmetrics")
        },
    }


def planted_pair(sizes: tuple[int, int] | None, dimensions: int, seed: int = SEED) -> Planted:
    """Draw two sets of `sizes` images, or two full-rank statistics, of known distance.

    Args:
        sizes: Images of both sets, or None for covariances of full rank without images.
        dimensions: D, an even number.
        seed: Of basis, rotations and images.
    """
    chance = np.random.default_rng(seed)
    means = chance.standard_normal((2, dimensions)) * 0.05
    variances = [np.arange(1, dimensions + 1) ** -power for power in (1.0, 0.9)]
    if sizes is not None:
        for values, size in zip(variances, sizes, strict=True):
            values[size - 1 :] = 0
    basis = _orthonormal(chance, dimensions, dimensions)
    angles = chance.uniform(0, math.pi / 2, dimensions // 2)
    bases = (basis, _rotated(basis, angles))
    root = _trace_of_root(*variances, angles)
    distance = np.square(means[0] - means[1]).sum() + sum(v.sum() for v in variances) - 2 * root
    statistics = [(mean, (b * v) @ b.T) for mean, b, v in zip(means, bases, variances, strict=True)]
    features = None
    if sizes is not None:
        drawn = [
            _images(chance, size, mean, b, v)
            for size, mean, b, v in zip(sizes, means, bases, variances, strict=True)
        ]
        features = (drawn[0], drawn[1])
    return Planted(features, (statistics[0], statistics[1]), float(distance))


def _trace_of_root(variances1: Floats, variances2: Floats, angles: Floats) -> float:
    """Return Σ √(tr M + 2 √det M) over the 2 x 2 blocks M = S₁S₂."""
    a, b = variances1.reshape(-1, 2), variances2.reshape(-1, 2)
    straight = (a * b).sum(1) * np.cos(angles) ** 2
    crossed = (a * b[:, ::-1]).sum(1) * np.sin(angles) ** 2
    determinants = (a * b).prod(1)
    return float(np.sqrt(straight + crossed + 2 * np.sqrt(determinants)).sum())


def _rotated(basis: Floats, angles: Floats) -> Floats:
    """Rotate each pair of columns of the basis [D, D] in its plane."""
    first, second = basis[:, 0::2], basis[:, 1::2]
    rotated = np.empty_like(basis)
    rotated[:, 0::2] = first * np.cos(angles) + second * np.sin(angles)
    rotated[:, 1::2] = second * np.cos(angles) - first * np.sin(angles)
    return rotated


def _images(
    chance: np.random.Generator, size: int, mean: Floats, basis: Floats, variances: Floats
) -> Floats:
    """Return features [N, D] of exactly this mean and covariance."""
    rank = int(np.count_nonzero(variances))
    weights = _orthonormal(chance, size, rank) * np.sqrt(variances[:rank] * (size - 1))
    return np.ascontiguousarray(weights @ basis[:, :rank].T + mean)


def _orthonormal(chance: np.random.Generator, rows: int, columns: int) -> Floats:
    """Return orthonormal columns [rows, columns]; with fewer columns, they sum to 0."""
    drawn = chance.standard_normal((rows, columns))
    if columns < rows:
        drawn -= drawn.mean(0)
    basis: Floats = torch.linalg.qr(torch.from_numpy(drawn)).Q.numpy()
    return basis


def product_rate(size: int) -> float:
    """Return the floating-point operations per second of a matrix product in float64."""
    a = torch.rand(size, size, dtype=torch.float64)
    return 2 * size**3 / min(_seconds(lambda: a @ a)[0] for _ in range(5))


def _measure_case(
    case: str, dimensions: int, shrink: int, rounds: int, rate: float
) -> dict[str, Any]:
    sizes = CASES[case]
    shrunk = sizes and (sizes[0] // shrink, sizes[1] // shrink)
    planted = planted_pair(shrunk, dimensions)
    contenders = _contenders(planted)
    timed: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            timed[name] += _about_a_second_of(run)
    seconds = {name: float(np.median([t for t, _ in runs])) for name, runs in timed.items()}
    errors = {
        name: abs(runs[-1][1] - planted.distance) / planted.distance for name, runs in timed.items()
    }
    ours = seconds.pop("cosmop")
    return {
        "ours": round(ours, 4),
        "peers": {name: round(spent, 4) for name, spent in seconds.items()},
        "ratio": {name: round(spent / ours, 1) for name, spent in seconds.items()},
        "limit_share": round(_least_operations(shrunk, dimensions) / rate / ours, 3),
        "relative_error": {name: float(f"{error:.1e}") for name, error in errors.items()},
        "sizes": shrunk,
    }


def _contenders(planted: Planted) -> dict[str, Callable[[], float]]:
    # their own functions, not their classes, which want images
    from torch_fidelity.metric_fid import fid_statistics_to_metric  # noqa: PLC0415
    from torchmetrics.image.fid import _compute_fid  # noqa: PLC0415

    (mean1, cov1), (mean2, cov2) = planted.statistics
    named = [{"mu": mean, "sigma": cov} for mean, cov in planted.statistics]
    tensors = [torch.from_numpy(part) for part in (mean1, cov1, mean2, cov2)]
    features = planted.features
    return {
        "cosmop": lambda: (
            frechet_from_features(*features)
            if features
            else frechet_distance(mean1, cov1, mean2, cov2)
        ),
        "scipy_sqrtm": lambda: _by_square_root(mean1, cov1, mean2, cov2),
        "torch_fidelity": lambda: float(
            fid_statistics_to_metric(*named, verbose=False)["frechet_inception_distance"]
        ),
        "torchmetrics": lambda: float(_compute_fid(*tensors)),
    }


def _by_square_root(mean1: Floats, cov1: Floats, mean2: Floats, cov2: Floats) -> float:
    root = scipy.linalg.sqrtm(cov1 @ cov2)
    shift = np.square(mean1 - mean2).sum()
    return float(shift + np.trace(cov1) + np.trace(cov2) - 2 * np.trace(root).real)


def _least_operations(sizes: tuple[int, int] | None, dimensions: int) -> float:
    """Count multiplications and additions that no known exact way avoids."""
    if sizes is None:  # Cholesky, LᵀS₂L, eigenvalues
        return dimensions**3 * (1 / 3 + 1 + 4 / 3)
    large, small = sizes
    return 2 * large * small * dimensions + small**2 * large + 4 / 3 * small**3


def _about_a_second_of(run: Callable[[], float]) -> list[tuple[float, float]]:
    """Run once, and again up to nine times while it all takes less than a second."""
    runs = [_seconds(run)]
    while len(runs) < 10 and sum(seconds for seconds, _ in runs) < 1:
        runs.append(_seconds(run))
    return runs


def _seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    value = run()
    return time.perf_counter() - start, value


def _table(result: dict[str, Any]) -> str:
    return "\n".join(f"{name:28} {value}" for name, value in result.items())


if __name__ == "__main__":
    main()
