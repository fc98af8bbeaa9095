"""Seconds of an exact, standardised PCA of few images in many dimensions, beside scikit-learn.

python benchmarks/pca.py [--json] [--quick]

The study's size: 1,400 images × 7×7×2048 features, 1,024 components, float32 in a .npy file. Every
contender runs in a process of its own, reads the file, standardises, and delivers components and
scores; the contenders take turns, medians count. CPU seconds stand beside the wall clock because
they do not grow when others use the machine. Peak memory is the process's largest resident
set, pages of a mapped file included. Errors are the largest relative ones of the explained
variances against float64.

The physical limit is the time in which this machine's own single-precision matrix product, measured
in the same process, would do the n²D (half of the products between images) and 2nkD (components)
operations.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

SEED = 0
FULL = (1_400, 7 * 7 * 2048, 1_024)  # images, features, components
QUICK = (400, 20_000, 300)
ROUNDS = {"ours": 3, "ours_scores_only": 3, "scikit-learn full": 3, "scikit-learn auto": 1}


def main() -> None:
    """Measure and print, or be one contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="fewer images and features")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--components", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.contender:
        print(json.dumps(_contend(chosen.contender, chosen.file, chosen.components)))
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder) / "features.npy", QUICK if chosen.quick else FULL)
    print(json.dumps(result) if chosen.json else _table(result))


def measure(file: Path, size: tuple[int, int, int]) -> dict[str, Any]:
    """Let the contenders take turns and compare them; `size` as `FULL`."""
    draw_features(file, *size[:2])
    truth = np.array(_start("float64", file, size[2])["variances"])
    runs = _take_turns(file, size[2])
    seconds = {name: _median(done, "seconds") for name, done in runs.items()}
    memory = {name: max(run["peak_memory_mb"] for run in done) for name, done in runs.items()}
    error = {name: _worst(done[0]["variances"], truth) for name, done in runs.items()}
    peers = [name for name in runs if not name.startswith("ours")]
    return {
        "name": "pca",
        "unit": "seconds",
        "ours": round(seconds["ours"], 3),
        "ours_scores_only": round(seconds["ours_scores_only"], 3),
        "peers": {name: round(seconds[name], 3) for name in peers},
        "ratio": {name: round(seconds[name] / seconds["ours"], 2) for name in peers},
        "limit_share": round(max(run["limit_s"] / run["seconds"] for run in runs["ours"]), 3),
        "cpu_seconds": {name: round(_median(done, "cpu_s"), 3) for name, done in runs.items()},
        "peak_memory_mb": memory["ours"],
        "peak_memory_mb_of": memory,
        "variance_error": {name: float(f"{value:.2g}") for name, value in error.items()},
        "n": size[0],
        "features": size[1],
        "components": size[2],
        "rounds": {name: len(done) for name, done in runs.items()},
        "seed": SEED,
        "device": f"{platform.processor() or platform.machine()}, {_threads()}",
        "versions": {name: version(name) for name in ("scikit-learn", "numpy", "scipy")},
    }


def _take_turns(file: Path, components: int) -> dict[str, list[dict[str, Any]]]:
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ROUNDS}
    for turn in range(max(ROUNDS.values())):
        for name, done in runs.items():
            if turn < ROUNDS[name]:
                done.append(_start(name, file, components))
    return runs


def draw_features(file: Path, images: int, features: int) -> None:
    """Write float32 features with a falling spectrum, cut at zero as after a ReLU."""
    chance = np.random.default_rng(SEED)
    strength = np.arange(1, 201) ** -0.5
    strong = (chance.standard_normal((images, 200)) * strength).astype(np.float32)
    drawn = np.lib.format.open_memmap(file, "w+", np.float32, (images, features))
    for start in range(0, features, 4096):
        width = min(4096, features - start)
        mixed = strong @ chance.standard_normal((200, width), dtype=np.float32)
        mixed += chance.standard_normal((images, width), dtype=np.float32)
        drawn[:, start : start + width] = np.maximum(mixed, 0)
    drawn.flush()


def _ours(file: Path, components: int) -> Any:
    from cosmop.classifiers.dual_pca import fit_dual_pca  # noqa: PLC0415

    features = np.load(file, mmap_mode="r")
    return lambda: fit_dual_pca(features, components).pca.explained_variance_


def _ours_scores_only(file: Path, components: int) -> Any:
    from cosmop.classifiers.dual_pca import decompose  # noqa: PLC0415

    features = np.load(file, mmap_mode="r")
    return lambda: decompose(features, components).explained_variance


def _scikit_learn(solver: str) -> Callable[[Path, int], Any]:
    def prepare(file: Path, components: int) -> Any:
        from sklearn.decomposition import PCA  # noqa: PLC0415
        from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

        def fit() -> Any:
            scaled = StandardScaler(copy=False).fit_transform(np.load(file))
            pca = PCA(components, svd_solver=solver, copy=False, random_state=SEED)
            pca.fit_transform(scaled)
            return pca.explained_variance_

        return fit

    return prepare


def _float64(file: Path, components: int) -> Any:
    def solve() -> Any:
        x = np.load(file).astype(np.float64)
        x -= x.mean(axis=0)
        x /= x.std(axis=0)
        return np.linalg.eigvalsh(x @ x.T)[::-1][:components] / (len(x) - 1)

    return solve


CONTENDERS: dict[str, Callable[[Path, int], Any]] = {
    "ours": _ours,
    "ours_scores_only": _ours_scores_only,
    "scikit-learn full": _scikit_learn("full"),
    "scikit-learn auto": _scikit_learn("auto"),
    "float64": _float64,
}


def _contend(name: str, file: Path, components: int) -> dict[str, Any]:
    solve = CONTENDERS[name](file, components)
    np.linalg.eigvalsh(np.eye(300))  # starts the threads
    start, cpu_start = time.perf_counter(), time.process_time()
    variances = solve()
    return {
        "seconds": time.perf_counter() - start,
        "cpu_s": time.process_time() - cpu_start,
        "peak_memory_mb": _peak_memory_mb(),
        "limit_s": _limit_seconds(np.load(file, mmap_mode="r").shape, components),
        "variances": variances.tolist(),
    }


def _limit_seconds(shape: tuple[int, ...], components: int) -> float:
    images, features = shape
    a = np.random.default_rng(SEED).standard_normal((2048, 2048), dtype=np.float32)
    fastest = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        a @ a[::-1]
        fastest = min(fastest, time.perf_counter() - start)
    operations = images**2 * features + 2 * images * components * features
    return operations * fastest / (2 * 2048**3)


def _peak_memory_mb() -> int:
    """Return this process's own peak; `getrusage` would include what it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return round(int(lines["VmHWM"].split()[0]) / 1024)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _start(name: str, file: Path, components: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--contender", name]
    command += ["--file", str(file), "--components", str(components)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return float(statistics.median(run[key] for run in runs))


def _worst(variances: list[float], truth: np.ndarray[Any, Any]) -> float:
    return float(np.abs(np.array(variances) / truth - 1).max())


def _threads() -> str:
    return f"{os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads"


def _table(result: dict[str, object]) -> str:
    return "\n".join(f"{name:20} {value}" for name, value in result.items())


if __name__ == "__main__":
    main()
