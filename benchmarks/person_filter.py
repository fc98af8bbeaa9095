"""Images per second of the study's person filter, beside plain torchvision on the same weights.

python benchmarks/person_filter.py [--json] [--quick] [--batch 16]

ResNeXt-101 32x8d and three linear layers, from uint8 images of 224×224 in memory to a score each.
The peer is the same network as torchvision builds it: float32, batch norms as they are, channels
first. Contenders take turns; medians are compared. Weights are random (batch norms included), since
speed does not depend on them; `score_moved` is the largest distance of a score from the peer's,
which says little here, since random weights hardly tell images apart (`score_spread`).

The limit is the arithmetic of the network at the faster of a large matrix product and a large
convolution in the same type. Set OMP_NUM_THREADS to choose the threads; 1 is what is claimed.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models
from training_cycles import PeakMemory, arithmetic_rates, clock, clock_name, device_name, wait

from cosmop.devices import multiplies_bfloat16
from cosmop.people.inference import FastNetwork
from cosmop.people.network import PersonFilter, PersonFilterOptions, create_person_filter

SEED = 0
SIDE_PX = 224
ROUNDS = 7
PEER = "torchvision float32"
BACKBONE: Final = "resnext101_32x8d"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="fewer rounds of smaller batches")
    parser.add_argument("--batch", type=int, default=16, help="images per pass")
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    batch, rounds = (min(chosen.batch, 8), 3) if chosen.quick else (chosen.batch, ROUNDS)
    result = measure(batch, rounds, torch.device(chosen.device))
    print(json.dumps(result) if chosen.json else table(result))


def measure(batch: int, rounds: int, device: torch.device) -> dict[str, Any]:
    """Let all contenders take turns on one batch, `rounds` times after a warm-up."""
    memory = PeakMemory(device)
    images = np.random.default_rng(SEED).integers(
        0, 256, (batch, SIDE_PX, SIDE_PX, 3), dtype=np.uint8
    )
    model = random_filter()
    ours = {name: FastNetwork(model, device, name).predict for name in ("auto", "float32")}
    contenders = {**ours, PEER: plain(model, device)}
    scores = {name: run(images) for name, run in contenders.items()}
    per_image = _seconds_per_image(contenders, images, rounds, device)
    kind = torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    flops = flops_per_image(model)
    limit = max(arithmetic_rates(device, kind).values())
    speed = {name: round(1 / seconds, 2) for name, seconds in per_image.items()}
    moved = {name: float(np.abs(scores[name] - scores[PEER]).max()) for name in ours}
    return {
        "name": "person_filter",
        "unit": "images per second",
        "ours": speed["auto"],
        "ours_float32": speed["float32"],
        "peers": {PEER: speed[PEER]},
        "ratio": {PEER: round(per_image[PEER] / per_image["auto"], 2)},
        "ratio_float32": round(per_image[PEER] / per_image["float32"], 2),
        "limit_share": round(flops / limit / per_image["auto"], 3),
        "score_moved": {name: float(f"{value:.2g}") for name, value in moved.items()},
        "score_spread": float(f"{np.ptp(scores[PEER]):.2g}"),
        "precision": str(kind).removeprefix("torch."),
        "flops_per_image": flops,
        "peak_memory_mb": memory.megabytes(),
        "n": batch * rounds,
        "batch_size": batch,
        "seed": SEED,
        "device": device_name(device),
        "clock": clock_name(device),
        "versions": {name: version(name) for name in ("torch", "torchvision", "numpy")},
    }


def random_filter() -> PersonFilter:
    """Return the study's network with random weights whose features do not vanish."""
    options = PersonFilterOptions(backbone=BACKBONE, pretrained="none")
    model = create_person_filter(options, SEED).eval()
    chance = torch.Generator().manual_seed(SEED)
    for module in model.trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            mean, variance = module.get_buffer("running_mean"), module.get_buffer("running_var")
            mean.normal_(0, 0.1, generator=chance)
            variance.uniform_(0.5, 1.5, generator=chance)
    return model


def plain(model: PersonFilter, device: torch.device) -> Callable[[Any], Any]:
    """Return torchvision's own network with the weights of `model`, used as its manual says."""
    network = models.get_model(BACKBONE, weights=None)
    network.load_state_dict(model.trunk.state_dict(), strict=False)
    network.fc = model.head
    network.to(device).eval()
    mean, std = (
        torch.tensor(values, device=device).reshape(3, 1, 1)
        for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )

    @torch.inference_mode()
    def run(images_NHWC: Any) -> Any:
        x_NCHW = torch.from_numpy(images_NHWC).permute(0, 3, 1, 2).contiguous().to(device)
        logits_N1 = network((x_NCHW.float() / 255 - mean) / std)
        return logits_N1.squeeze(1).sigmoid().cpu().numpy()

    return run


def _seconds_per_image(
    contenders: dict[str, Callable[[Any], Any]], images: Any, rounds: int, device: torch.device
) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            wait(device)
            start = clock(device)
            run(images)
            wait(device)
            seconds[name].append(clock(device) - start)
    return {name: statistics.median(spent) / len(images) for name, spent in seconds.items()}


def flops_per_image(model: PersonFilter) -> int:
    """Return the arithmetic of one image; a product and a sum are two."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, SIDE_PX, SIDE_PX))
    return int(counter.get_total_flops())


def table(result: dict[str, Any]) -> str:
    """Lay the result out for people."""
    return "\n".join(f"{name:20} {value}" for name, value in result.items())


if __name__ == "__main__":
    main()
