"""Inception features per second, beside torch-fidelity as shipped, on the same pixels and weights.

python benchmarks/features.py [--json] [--quick] [--batch 16]

From uint8 images of 256×256 in memory to features in memory, so the TF1 resize counts on both
sides. Contenders take turns; medians are compared. Weights are random, since speed and agreement do
not depend on them. The limit is the arithmetic of the network at the faster of a large matrix
product and a large convolution in the same type. Set OMP_NUM_THREADS to choose the threads.
"""

import argparse
import hashlib
import json
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from training_cycles import PeakMemory, arithmetic_rates, clock, clock_name, device_name, wait

from cosmop.classifiers.features import FeatureExtractor, FeatureOptions, build_extractor
from cosmop.classifiers.inception import INPUT_PX, FidInception
from cosmop.classifiers.resizing import resize_tf1

SEED = 0
SIDE_PX = 256
ROUNDS = 9
PRECISIONS = ("float32", "bfloat16")
PEER = "torch-fidelity"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--batch", type=int, default=16, help="images per pass")
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    result = measure(chosen.batch, 3 if chosen.quick else ROUNDS, torch.device(chosen.device))
    print(json.dumps(result) if chosen.json else table(result))


def measure(batch: int, rounds: int, device: torch.device) -> dict[str, Any]:
    """Let all contenders take turns on one batch, `rounds` times after a warm-up."""
    memory = PeakMemory(device)
    images = np.random.default_rng(SEED).integers(
        0, 256, (batch, SIDE_PX, SIDE_PX, 3), dtype=np.uint8
    )
    contenders = _contenders(images, device)
    features = {name: run() for name, run in contenders.items()}
    per_image = _seconds_per_image(contenders, batch, rounds, device)
    flops = _flops_per_image()
    variants = {
        precision: _figures(precision, per_image, flops, device)
        | {"relative_error": _relative_error(features[precision], features[PEER])}
        for precision in PRECISIONS
    }
    return _result(variants, per_image, batch, rounds, device) | {
        "peak_memory_mb": memory.megabytes(),
        "flops_per_image": flops,
    }


def _contenders(images: Any, device: torch.device) -> dict[str, Callable[[], Any]]:
    """Return ours in each precision, the peer, and our resize alone."""
    with tempfile.TemporaryDirectory() as folder:
        weights = _random_weights(Path(folder) / "inception.pth")
        ours = {name: _ours(weights, name, len(images), device) for name in PRECISIONS}
        theirs = _theirs(weights, device)
    on_device = torch.from_numpy(images).to(device)
    return {
        **{name: partial(extractor.extract_array, images) for name, extractor in ours.items()},
        PEER: lambda: theirs(images),
        "resize": lambda: [resize_tf1(part, INPUT_PX) for part in torch.split(on_device, 4)],
    }


def _seconds_per_image(
    contenders: dict[str, Callable[[], Any]], batch: int, rounds: int, device: torch.device
) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            seconds[name].append(_seconds(run, device))
    return {name: statistics.median(spent) / batch for name, spent in seconds.items()}


def _random_weights(path: Path) -> FeatureOptions:
    """Write weights under which features do not vanish; return the options that read them."""
    torch.manual_seed(SEED)
    body = FidInception().body
    for module in body.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    torch.save({k: v for k, v in body.state_dict().items() if "num_batches" not in k}, path)
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    return FeatureOptions(kind="inception", weights_path=str(path), weights_sha256=checksum)


def _ours(
    weights: FeatureOptions, precision: str, batch: int, device: torch.device
) -> FeatureExtractor:
    chosen = {"precision": precision, "batch_size": batch, "device": str(device)}
    return build_extractor(weights.model_copy(update=chosen))


def _theirs(weights: FeatureOptions, device: torch.device) -> Callable[[Any], Any]:
    network = FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=weights.weights_path
    ).to(device)

    @torch.no_grad()
    def run(images_NHWC: Any) -> Any:
        images_NCHW = torch.from_numpy(images_NHWC).permute(0, 3, 1, 2).contiguous()
        return network(images_NCHW.to(device))[0].cpu().numpy()

    return run


def _seconds(run: Callable[[], Any], device: torch.device) -> float:
    wait(device)
    start = clock(device)
    run()
    wait(device)
    return clock(device) - start


def _flops_per_image() -> int:
    network = FidInception().eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, INPUT_PX, INPUT_PX))
    return int(counter.get_total_flops())


def _figures(
    precision: str, per_image: dict[str, float], flops: int, device: torch.device
) -> dict[str, Any]:
    rates = arithmetic_rates(device, getattr(torch, precision))
    return {
        "images_per_second": round(1 / per_image[precision], 2),
        "ratio": round(per_image[PEER] / per_image[precision], 2),
        "limit_share": round(flops / max(rates.values()) / per_image[precision], 3),
        "resize_share": round(per_image["resize"] / per_image[precision], 3),
        "flops_per_second": rates,
    }


def _relative_error(found: Any, expected: Any) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def _result(
    variants: dict[str, dict[str, Any]],
    per_image: dict[str, float],
    batch: int,
    rounds: int,
    device: torch.device,
) -> dict[str, Any]:
    first = variants[PRECISIONS[0]]
    return {
        "name": "features",
        "unit": "images per second",
        "ours": first["images_per_second"],
        "peers": {PEER: round(1 / per_image[PEER], 2)},
        "ratio": {PEER: first["ratio"]},
        "limit_share": first["limit_share"],
        "n": batch * rounds,
        "seed": SEED,
        "device": device_name(device),
        "clock": clock_name(device),
        "batch_size": batch,
        "variants": variants,
        "versions": {name: version(name) for name in ("torch", "torchvision", "torch-fidelity")},
    }


def table(result: dict[str, Any]) -> str:
    """Lay the result out for people."""
    lines = [
        f"Inception features of {SIDE_PX}×{SIDE_PX} images, batch {result['batch_size']}, on "
        f"{result['device']} ({result['clock']}; torch {result['versions']['torch']})",
        f"{'':24}{'img/s':>9}{'faster':>9}{'of limit':>10}{'resize':>9}{'rel. error':>12}",
    ]
    lines += [
        f"{'cosmop ' + name:24}{v['images_per_second']:9.2f}{v['ratio']:9.2f}"
        f"{v['limit_share']:10.1%}{v['resize_share']:9.1%}{v['relative_error']:12.1e}"
        for name, v in result["variants"].items()
    ]
    lines += [f"{name:24}{rate:9.2f}" for name, rate in result["peers"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
