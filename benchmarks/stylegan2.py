"""Seconds per 1,000 images of whole StyleGAN2 training, beside a peer in the same run.

python benchmarks/stylegan2.py [--preset paper256] [--against lucidrains] [--json] [--quick]

Timed are whole cycles of steps, in which each lazy penalty comes up as often as it is due, with
data, augmentation at strength 0.3, both Adams and the averaged generator. Warm-up and compilation
are reported, not counted. Variants and the peer take turns; the best round of each counts.

The physical limit is the time in which the device's own large matrix product or convolution (the
faster), measured in the same run and number type, would do the arithmetic of the cycle's dense
convolutions and products.
"""

import argparse
import json
import math
import os
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Protocol

import torch
from lucidrains import DIFFERENCES, NAME, PeerTraining
from training_cycles import (
    ArithmeticCount,
    OurTraining,
    PeakMemory,
    arithmetic_rates,
    clock,
    clock_name,
    computing_type,
    device_name,
    flops_by_phase,
)

from cosmop.devices import pick_device
from cosmop.stylegan2.options import AugmentationOptions, NetworkOptions, TrainingOptions
from cosmop.stylegan2.presets import PRESETS, completed

SEED = 0
STRENGTH = 0.3
SECONDS_PER_ROUND = 1.0
SIDES = {
    "auto": 256,
    "stylegan2": 1024,
    "paper256": 256,
    "paper512": 512,
    "paper1024": 1024,
    "cifar": 32,
    "demo": 32,
}


class Contender(Protocol):
    """Something whose training is timed."""

    images_per_cycle: int

    def cycle(self) -> None:
        """Train for a cycle and wait for the device."""


def main() -> None:
    """Measure and print."""
    os.environ["TQDM_DISABLE"] = "1"
    chosen = arguments().parse_args()
    result = measure(chosen)
    print(json.dumps(result) if chosen.json else table(result))


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=PRESETS, help="else paper256 on CUDA, demo on a CPU")
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, help="images per step, else the preset's")
    parser.add_argument("--precision", nargs="+", default=["auto"], help="several are compared")
    parser.add_argument("--acceleration", nargs="+", default=[], help="several are compared")
    parser.add_argument("--no-augmentation", action="store_true")
    parser.add_argument("--against", choices=["lucidrains"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="demo, eager, few rounds if not given")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser


def workload(
    chosen: argparse.Namespace, precision: str, acceleration: str
) -> tuple[NetworkOptions, TrainingOptions]:
    """Return the complete options of one variant."""
    device = pick_device(chosen.device)
    preset = chosen.preset
    if preset is None:
        preset = "paper256" if device.type == "cuda" and not chosen.quick else "demo"
    height, width = chosen.size or (SIDES[preset], SIDES[preset])
    augmentation = None if chosen.no_augmentation else AugmentationOptions(strength_start=STRENGTH)
    training: dict[str, Any] = {
        "device": str(device),
        "precision": precision,
        "acceleration": acceleration,
        "augmentation": augmentation,
        "held_out_share": 0.0,
        "seed": SEED,
    }
    if chosen.batch is not None:
        training["batch_size"] = chosen.batch
    network = NetworkOptions(height=height, width=width)
    return completed(preset, network, TrainingOptions.model_validate(training))


def variants(chosen: argparse.Namespace) -> dict[str, tuple[NetworkOptions, TrainingOptions]]:
    """Return the options of all variants by name, ours first; beside a peer, float32 is one."""
    accelerations = chosen.acceleration or ["eager" if chosen.quick else "auto"]
    precisions = list(chosen.precision)
    first = workload(chosen, precisions[0], accelerations[0])
    if chosen.against and computing_type(first[1]) != torch.float32:
        precisions += [] if "float32" in precisions else ["float32"]
    return {
        f"{_type_name(options[1])} {acceleration}": options
        for acceleration in accelerations
        for precision in precisions
        for options in [workload(chosen, precision, acceleration)]
    }


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Build all contenders, let them take turns, and put the figures together."""
    device = pick_device(chosen.device)
    options = variants(chosen)
    contenders: dict[str, Contender] = {}
    figures: dict[str, dict[str, Any]] = {}
    for name, (network, training) in options.items():
        ours, figures[name] = _built(network, training, device)
        contenders[name] = ours
    peers, notes = _peers(chosen, *next(iter(options.values())))
    contenders |= peers
    images = dict.fromkeys(contenders, 0)
    best = dict.fromkeys(contenders, math.inf)
    rounds, least = (2, 0.0) if chosen.quick else (chosen.rounds, SECONDS_PER_ROUND)
    for _ in range(rounds):
        for name, contender in contenders.items():
            seconds, count = _round(contender, device, least)
            best[name] = min(best[name], seconds / count * 1000)
            images[name] += count
    for name in options:
        figures[name] |= _shares(contenders[name], figures[name], best[name], *options[name])
    return _result(chosen, options, figures, best, images, list(peers), notes)


def _built(
    network: NetworkOptions, training: TrainingOptions, device: torch.device
) -> tuple[OurTraining, dict[str, Any]]:
    """Build our training and warm it up: three times on CUDA, where graphs are recorded."""
    memory, start = PeakMemory(device), time.perf_counter()
    ours = OurTraining(network, training)
    ours.cycle()
    first = time.perf_counter() - start
    for _ in range(2 if device.type == "cuda" else 0):
        ours.cycle()
    warm_up = time.perf_counter() - start
    return ours, {
        "peak_memory_mb": memory.megabytes(),
        "first_cycle_s": round(first, 2),
        "warm_up_s": round(warm_up, 2),
    }


def _peers(
    chosen: argparse.Namespace, network: NetworkOptions, training: TrainingOptions
) -> tuple[dict[str, Contender], dict[str, Any]]:
    """Build the peer where it is asked for and installed; return it, and what to say of it."""
    if chosen.against is None:
        return {}, {}
    try:
        peer = PeerTraining(network, training)
        with ArithmeticCount() as count:
            peer.cycle()  # which also warms it up
    except (ImportError, ValueError, RuntimeError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        return {}, {"peer_missing": f"{NAME} could not be run beside ours: {reason}."}
    per_kimg = count.flops / peer.images_per_cycle * 1000
    return {NAME: peer}, {"peer_flops_per_kimg": per_kimg, "differences": DIFFERENCES}


def _round(contender: Contender, device: torch.device, least_s: float) -> tuple[float, int]:
    """Train for `least_s` or a cycle, whichever is longer; return seconds and images."""
    start, images = clock(device), 0
    while True:
        contender.cycle()
        images += contender.images_per_cycle
        seconds = clock(device) - start
        if seconds >= least_s:
            return seconds, images


def _shares(
    ours: Contender,
    figure: Mapping[str, Any],
    seconds_per_kimg: float,
    network: NetworkOptions,
    training: TrainingOptions,
) -> dict[str, Any]:
    """Split a cycle into its phases; compare it with the device's matrix products."""
    if not isinstance(ours, OurTraining):
        raise TypeError(f"only our training has phases, not {type(ours)}")
    device, dtype = pick_device(training.device), computing_type(training)
    seconds = ours.seconds_by_phase()
    flops = flops_by_phase(network, training)
    rates = arithmetic_rates(device, dtype)
    limit = max(rates.values())
    kimg = ours.images_per_cycle / 1000
    phases = {
        name: {
            "seconds_per_kimg": round(spent / kimg, 4),
            "share": round(spent / sum(seconds.values()), 3),
            "flops_per_kimg": flops.get(name, 0.0) / kimg,
        }
        for name, spent in seconds.items()
    }
    flops_per_kimg = sum(flops.values()) / kimg
    compiled = figure["first_cycle_s"] - seconds_per_kimg * kimg
    return {
        "seconds_per_kimg": round(seconds_per_kimg, 4),
        "images_per_second": round(1000 / seconds_per_kimg, 1),
        "compile_s": round(max(0.0, compiled), 2),
        "flops_per_kimg": flops_per_kimg,
        "flops_per_second": rates,
        "limit_share": round(flops_per_kimg / limit / seconds_per_kimg, 4),
        "phases": phases,
    }


def _result(
    chosen: argparse.Namespace,
    options: Mapping[str, tuple[NetworkOptions, TrainingOptions]],
    figures: Mapping[str, dict[str, Any]],
    best: Mapping[str, float],
    images: Mapping[str, int],
    peers: list[str],
    notes: Mapping[str, Any],
) -> dict[str, Any]:
    first, (network, training) = next(iter(options.items()))
    device = pick_device(chosen.device)
    packages = ["torch", *peers]
    return {
        "name": "stylegan2",
        "unit": "seconds per 1,000 images",
        "ours": figures[first]["seconds_per_kimg"],
        "peers": {peer: round(best[peer], 4) for peer in peers},
        "ratio": {peer: round(best[peer] / best[first], 2) for peer in peers},
        "limit_share": figures[first]["limit_share"],
        "peak_memory_mb": figures[first]["peak_memory_mb"],
        "n": images[first],
        "seed": SEED,
        "device": device_name(device),
        "versions": {name: version(name) for name in packages},
        "clock": clock_name(device),
        "size": [network.height, network.width],
        "batch_size": training.batch_size,
        "channels": [network.level_channels(i) for i in range(network.num_levels)],
        "augmentation_strength": None if training.augmentation is None else STRENGTH,
        "variants": figures,
        "ratio_by_variant": {
            peer: {name: round(best[peer] / best[name], 2) for name in figures} for peer in peers
        },
        **notes,
    }


def _type_name(training: TrainingOptions) -> str:
    return str(computing_type(training)).removeprefix("torch.")


def table(result: Mapping[str, Any]) -> str:
    """Lay the result out for people."""
    lines = [
        f"StyleGAN2 training, {result['size'][0]} x {result['size'][1]}, channels "
        f"{result['channels']}, batch {result['batch_size']}, on {result['device']} "
        f"({result['clock']}; torch {result['versions']['torch']})",
        "",
        f"{'':28}{'s/kimg':>9}{'img/s':>9}{'of limit':>9}{'TFLOP/kimg':>12}{'MB':>8}"
        f"{'warm-up s':>11}",
    ]
    for name, figure in result["variants"].items():
        lines.append(
            f"{'cosmop ' + name:28}{figure['seconds_per_kimg']:9.3f}"
            f"{figure['images_per_second']:9.1f}{figure['limit_share']:9.1%}"
            f"{figure['flops_per_kimg'] / 1e12:12.3f}{figure['peak_memory_mb']:8}"
            f"{figure['warm_up_s']:11.1f}"
        )
    for name, seconds in result["peers"].items():
        lines.append(
            f"{name:28}{seconds:9.3f}{1000 / seconds:9.1f}{'':9}"
            f"{result['peer_flops_per_kimg'] / 1e12:12.3f}"
        )
        ratios = result["ratio_by_variant"][name].items()
        lines.append("ours is faster by: " + ", ".join(f"{v} ({k})" for k, v in ratios))
    for name, figure in result["variants"].items():
        rates = (f"{v / 1e12:.3g} ({k})" for k, v in figure["flops_per_second"].items())
        lines.append(f"limit of {name}, TFLOP/s: {', '.join(rates)}")
    for name, figure in result["variants"].items():
        lines += ["", f"{'phases of ' + name:28}{'s/kimg':>9}{'share':>9}{'TFLOP/kimg':>12}"]
        for phase, part in figure["phases"].items():
            lines.append(
                f"  {phase:26}{part['seconds_per_kimg']:9.3f}{part['share']:9.1%}"
                f"{part['flops_per_kimg'] / 1e12:12.3f}"
            )
    if "peer_missing" in result:
        lines += ["", result["peer_missing"]]
    lines += ["", *(f"differs: {text}" for text in result.get("differences", ()))]
    return "\n".join(lines).rstrip()


if __name__ == "__main__":
    main()
