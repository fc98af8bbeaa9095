"""Sections of the GPU suite that are figures: a short training, speed and memory."""

import gc
import itertools
import time

import numpy as np
import torch
from gpu_section import SEED, Budget, Section
from numpy.typing import NDArray
from training_cycles import (
    OurTraining,
    PeakMemory,
    arithmetic_rates,
    clock,
    clock_name,
    computing_type,
    flops_by_phase,
)

from cosmop.stylegan2.options import AugmentationOptions, NetworkOptions, TrainingOptions
from cosmop.stylegan2.presets import completed
from cosmop.stylegan2.trainer import Snapshot, TrainingRun


def training(budget: Budget) -> Section:
    """Train for the section's time on drawn scenes; the distance must fall."""
    from cosmop.metrics.frechet import frechet_from_features  # noqa: PLC0415
    from cosmop.stylegan2.sampling import sample_images  # noqa: PLC0415

    is_cuda = budget.device.type == "cuda"
    side, kimg = (64, 10.0) if is_cuda else (32, 0.5)
    images = draw_scenes(600 if is_cuda else 300, side)
    network, options = completed(
        "auto" if is_cuda else "demo",
        NetworkOptions(height=side, width=side),
        TrainingOptions.model_validate(
            {"total_kimg": 10_000.0, "snapshot_kimg": kimg, "device": str(budget.device)}
        ),
    )
    real = grid_colours(images)
    halves = np.random.default_rng(SEED).permutation(len(real))
    floor = frechet_from_features(real[halves[::2]], real[halves[1::2]])
    section = Section(
        "A short training",
        f"{len(images)} drawn scenes of {side} x {side} pixels, {computing_type(options)}, batch "
        f"{options.batch_size}. The Fréchet distance is over the mean colours of an 8 x 8 grid "
        "(192 numbers), 500 generated images: cheap, and no FID. Between two halves of the "
        f"scenes it is {floor:.2f}.",
        ["kimg", "distance", "s/kimg", "augmentation"],
    )
    distances: list[float] = []
    last = time.monotonic()
    for snapshot in TrainingRun(images, network, options).snapshots():
        drawn = sample_images(snapshot.generator, range(500), device=str(budget.device))
        distances.append(frechet_from_features(real, grid_colours(np.concatenate(list(drawn)))))
        section.rows.append(_training_row(snapshot, distances[-1]))
        before, last = last, time.monotonic()
        if budget.left() < last - before:
            break
    has_fallen = len(distances) > 1 and distances[-1] < distances[0]
    section.remarks.append(f"The distance {'fell' if has_fallen else 'did NOT fall'}.")
    return section


def _training_row(snapshot: Snapshot, distance: float) -> list[object]:
    means = snapshot.statistics
    seconds = f"{means['seconds_per_kimg']:.2f}" if "seconds_per_kimg" in means else ""
    return [
        f"{snapshot.kimg:.1f}",
        f"{distance:.2f}",
        seconds,
        f"{means['augmentation_strength']:.3f}",
    ]


def draw_scenes(count: int, side: int) -> NDArray[np.uint8]:
    """Draw scenes of all kinds of the demo in turn, uint8 [count, side, side, 3]."""
    from PIL import Image  # noqa: PLC0415

    from cosmop.demo.scenes import KINDS, draw_scene  # noqa: PLC0415

    random = np.random.default_rng(SEED)
    scenes = [draw_scene(KINDS[i % len(KINDS)], random, (96, 96)).image for i in range(count)]
    small = (
        scene.convert("RGB").resize((side, side), Image.Resampling.LANCZOS) for scene in scenes
    )
    return np.stack([np.asarray(scene) for scene in small])


def grid_colours(
    images_NHWC: NDArray[np.uint8],
) -> NDArray[np.float64]:
    """Return the mean colours of the cells of an 8 by 8 grid, in 1/8 of the range: [N, 192]."""
    count, height, width, channels = images_NHWC.shape
    cells = images_NHWC.reshape(count, 8, height // 8, 8, width // 8, channels)
    means: NDArray[np.float64] = cells.mean((2, 4))
    return means.reshape(count, -1) / 32


Setting = tuple[int, int, str, str]  # side in pixels, batch, precision, acceleration


def settings(device: torch.device) -> list[Setting]:
    """Return what to time, the most telling first: one thing changed at a time, then all pairs."""
    if device.type != "cuda":
        return [(32, 16, name, "eager") for name in ("float32", "bfloat16")]
    sides, batches = (256, 64, 128), (32, 16, 64)
    precisions = ("bfloat16", "float32", "float16")
    accelerations = ("compile", "eager", "cuda_graphs")
    every = list(itertools.product(sides, batches, precisions, accelerations))
    base = batches[0], precisions[0], accelerations[0]
    return sorted(every, key=lambda s: sum(a != b for a, b in zip(s[1:], base, strict=True)))


def speed(budget: Budget) -> Section:
    """Time whole cycles of training in as many settings as fit, each with its peak memory."""
    section = Section(
        "Speed and memory",
        "Whole cycles of training (all phases, ADA at strength 0.3, Adam, averaged generator), "
        "channel base 16384; on a CPU, the demo's networks. The limit is the arithmetic of dense "
        "convolutions and products at the rate of the device's own matrix product or convolution "
        "(the faster) in the same type (TF32 for float32 on CUDA), measured in this run.",
        ["pixels", "batch", "type", "acceleration", "s/kimg", "img/s", "of limit", "peak MB",
         "first cycle s"],
    )  # fmt: skip
    needed: dict[str, float] = {}
    skipped: list[Setting] = []
    for setting in settings(budget.device):
        acceleration = setting[3]
        if budget.left() < needed.get(acceleration, 0.0) or budget.left() <= 0:
            skipped.append(setting)
            continue
        start = time.monotonic()
        try:
            section.rows.append([*setting, *_timed(setting, budget.device)])
        except Exception as error:  # noqa: BLE001  the other settings are still worth knowing
            reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
            section.remarks.append(f"**Failed** with {setting}: {reason}")
        needed[acceleration] = time.monotonic() - start
        print(section.rows[-1] if section.rows else section.remarks[-1], flush=True)
        _forget(budget.device)
    if skipped:
        section.remarks.append(f"Left out for want of time: {len(skipped)} settings, {skipped}.")
    if budget.device.type == "cpu":
        section.remarks.append("Left out on a CPU: compiled settings, which take minutes each.")
    rates = ", ".join(
        f"{kind} in {name} {rate / 1e12:.3g} TFLOP/s"
        for name, kinds in _rates.items()
        for kind, rate in kinds.items()
    )
    section.remarks.append(f"Rates: {rates}; times are {clock_name(budget.device)}.")
    return section


_rates: dict[str, dict[str, float]] = {}


def _timed(setting: Setting, device: torch.device) -> list[str]:
    """Return cells: seconds per 1,000 images, images per second, share of the limit, memory."""
    side, batch, precision, acceleration = setting
    network, options = completed(
        "auto" if device.type == "cuda" else "demo",
        NetworkOptions(height=side, width=side),
        TrainingOptions.model_validate(
            {
                "batch_size": batch,
                "precision": precision,
                "acceleration": acceleration,
                "device": str(device),
                "held_out_share": 0.0,
                "augmentation": AugmentationOptions(strength_start=0.3),
            }
        ),
    )
    if precision not in _rates:
        _rates[precision] = arithmetic_rates(device, computing_type(options))
    memory, start = PeakMemory(device), time.perf_counter()
    ours = OurTraining(network, options)
    ours.cycle()
    first = time.perf_counter() - start
    if acceleration == "cuda_graphs":  # R1 comes once a cycle: warmed up, recorded, then replayed
        ours.cycle()
        ours.cycle()
    seconds = min(_seconds(ours, device) for _ in range(2)) / ours.images_per_cycle
    flops = sum(flops_by_phase(network, options).values()) / ours.images_per_cycle
    return [
        f"{seconds * 1000:.3f}",
        f"{1 / seconds:.0f}",
        f"{flops / max(_rates[precision].values()) / seconds:.1%}",
        f"{memory.megabytes()}",
        f"{first:.0f}",
    ]


def _seconds(ours: OurTraining, device: torch.device) -> float:
    start = clock(device)
    ours.cycle()
    return clock(device) - start


def _forget(device: torch.device) -> None:
    """Give back what a setting took: compiled graphs, recorded ones, cached memory."""
    torch._dynamo.reset()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
