"""Sections of the GPU suite that are right or wrong: parity, gradients, resume.

Each stops when its `Budget` is over. What one needs beyond torch and the networks is imported
inside it, so that what is missing stops that section alone.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_section import PROJECT, SEED, Budget, Section
from torch import Tensor, nn

from cosmop.stylegan2.augment import draw_augmentation
from cosmop.stylegan2.augmenting import Drawn
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.losses import (
    discriminator_loss,
    generator_loss,
    path_length_penalty,
    r1_penalty,
)
from cosmop.stylegan2.objectives import (
    CompiledObjectives,
    LatentDraws,
    Objectives,
    compiler_errors,
)
from cosmop.stylegan2.options import AugmentationOptions, NetworkOptions, TrainingOptions
from cosmop.stylegan2.state import TrainingState
from cosmop.stylegan2.trainer import TrainingRun

PARITY_TOLERANCE = 1e-4
GRADIENT_TOLERANCE = 1e-7  # of float64, whose rounding is 1e-16
SMALL = NetworkOptions(
    height=16, width=16, channel_base=256, channel_max=16, z_dim=16, w_dim=16, mapping_layers=2
)
Gradients = dict[str, Tensor | None]
Loss = Callable[[Objectives], Tensor]


def parity(budget: Budget) -> Section:
    """Compare outputs from official weights with the official ones, where these files are."""
    from cosmop.stylegan2.pretrained import load_official_state  # noqa: PLC0415

    section = Section(
        "Parity with the official networks",
        "Largest difference from what the official code gave for its own random weights, as a "
        f"share of the largest value; float32 without TF32, wanted below {PARITY_TOLERANCE}.",
        ["weights", "quantity", "difference", "is equal"],
    )
    default = PROJECT.parent / "shared" / "data"
    folder = Path(os.environ.get("COSMOP_SHARED_DATA", default)) / "parity"
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            official = {n: torch.from_numpy(arrays[n]).to(budget.device) for n in arrays.files}
        generator = load_official_state(_part(official, "G.")).to(budget.device)
        discriminator = load_official_state(_part(official, "D.")).to(budget.device)
        if not isinstance(generator, Generator) or not isinstance(discriminator, Discriminator):
            raise TypeError(f"{path} does not hold a generator and a discriminator")
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            for name, (expected, came) in _official_pairs(
                official, generator, discriminator
            ).items():
                error = relative_error(expected, came)
                section.rows.append(
                    [path.stem, name, f"{error:.1e}", "yes" if error <= PARITY_TOLERANCE else "NO"]
                )
    if not section.rows:
        section.remarks.append(
            "Left out: the official weights and outputs are not on this machine."
        )
    return section


def _part(official: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in official.items() if k.startswith(prefix)}


def _official_pairs(
    official: Mapping[str, Tensor], generator: Generator, discriminator: Discriminator
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return (official, ours) by name; the R1 gradient is that of the first convolution."""
    labels, real = official["labels"], official["real"].clone().requires_grad_()
    logits = discriminator(real, labels)
    penalty = r1_penalty(real, logits)
    return {
        "styles": (official["ws"], generator.mapping(official["z"], labels)),
        "image": (official["image"], generator.synthesis(official["ws"])),
        "mixed image": (official["image_mixed"], generator.synthesis(official["mixed_ws"])),
        "logits": (official["logits"].squeeze(1), logits),
        "R1 penalty": (official["r1_penalty"], penalty),
    }


def relative_error(expected: Tensor, came: Tensor) -> float:
    """Return the largest difference over the largest expected value (or over 1, where all is 0)."""
    scale = float(expected.detach().abs().max()) or 1.0
    return float((came.detach() - expected.detach()).abs().max()) / scale


def gradients(budget: Budget) -> Section:
    """Compare eager with compiled gradients of all four objectives, for every parameter."""
    section = Section(
        "Gradients, eager and compiled",
        "Each objective of training, with labels and augmentation, differentiated by every "
        "parameter in float64: a parameter whose gradient the compiled graph loses is missing. "
        f"Wanted: none missing, differences below {GRADIENT_TOLERANCE}.",
        ["objective", "parameters", "with gradient", "missing", "difference", "is equal"],
    )
    side = 16 if budget.device.type == "cuda" else 8  # a CPU's compiler takes half a minute a level
    network = SMALL.model_copy(update={"num_classes": 3, "height": side, "width": side})
    torch.manual_seed(SEED)
    generator = Generator(network).double().to(budget.device)
    discriminator = Discriminator(network).double().to(budget.device)
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        parameter.data += 0.1 * torch.randn_like(parameter)  # biases begin with 0
    pair = generator, discriminator
    eager, compiled = Objectives(*pair), CompiledObjectives(*pair)
    for name, (module, loss) in _losses(*pair, budget.device).items():
        if budget.left() <= 0:
            section.remarks.append(f"Left out: {name}, for want of time.")
            continue
        expected = _gradients(eager, pair, module, loss)
        try:
            came = _gradients(compiled, pair, module, loss)
        except compiler_errors() as error:
            section.remarks.append(f"{name}: the compiler failed: {str(error).strip()[:200]}")
            continue
        section.rows.append([name, *compare_gradients(expected, came)])
    return section


def _losses(
    generator: Generator, discriminator: Discriminator, device: torch.device
) -> dict[str, tuple[nn.Module, Loss]]:
    """Return each objective as a function of eager or compiled parts, and whom it trains."""
    network, count = generator.options, 8
    random = torch.Generator(device).manual_seed(SEED)
    where: dict[str, Any] = {"device": device, "generator": random}
    wide: dict[str, Any] = {"device": device, "dtype": torch.float64}
    z_2ND = torch.randn(2, count, network.z_dim, generator=random, **wide)
    labels = torch.eye(3, **wide)[torch.randint(3, (count,), **where)]
    change = torch.randint(1, network.num_ws + 1, (count,), **where)
    draws = LatentDraws(z_2ND, labels, change, generator.synthesis.draw_noise(count, z_2ND, random))
    shape = (count, network.image_channels, network.height, network.width)
    fake, real, noise = (torch.randn(shape, generator=random, **wide) for _ in range(3))
    leaf = real.clone().requires_grad_()
    drawn, other = (_drawn_in_float64(shape, random) for _ in range(2))
    zero = torch.zeros(count, network.num_ws, network.w_dim, **wide, requires_grad=True)
    mean = torch.tensor(0.1, **wide)

    def path_length(parts: Objectives) -> Tensor:
        lengths, _ = parts.path_lengths(draws, zero, noise)
        return path_length_penalty(lengths, lengths.mean(), mean, 0.01)[0]

    def adversarial(parts: Objectives) -> Tensor:
        both = parts.discriminator_logits((fake, real), (labels, labels), (drawn, other))
        return discriminator_loss(*both)

    return {
        "generator": (generator, lambda p: generator_loss(p.generator_logits(draws, drawn)[0])),
        "path length": (generator, path_length),
        "discriminator": (discriminator, adversarial),
        "R1": (discriminator, lambda p: p.r1_penalties(leaf, labels, drawn).mean()),
    }


def _drawn_in_float64(shape: tuple[int, int, int, int], random: torch.Generator) -> Drawn:
    drawn = draw_augmentation(shape, 0.5, random, AugmentationOptions())
    return type(drawn)(*(part.double() for part in drawn))


def _gradients(
    parts: Objectives, pair: Sequence[nn.Module], trained: nn.Module, loss: Loss
) -> Gradients:
    """Differentiate as a training step does: the other network's weights are constants."""
    for module in pair:
        module.requires_grad_(requires_grad=module is trained)
        module.zero_grad(set_to_none=True)
    torch.autograd.backward(loss(parts), inputs=list(trained.parameters()))
    return {n: None if p.grad is None else p.grad.clone() for n, p in trained.named_parameters()}


def compare_gradients(expected: Gradients, came: Gradients) -> list[object]:
    """Return cells: parameters, how many have a gradient, which lack it, the largest difference."""
    wanted = {n: g for n, g in expected.items() if g is not None and bool(g.any())}
    missing = [name for name in wanted if came[name] is None]
    errors = [relative_error(g, c) for n, g in wanted.items() if (c := came[n]) is not None]
    extra = [n for n, g in came.items() if n not in wanted and g is not None and bool(g.any())]
    worst = max(errors, default=math.inf)
    is_equal = not missing and not extra and worst <= GRADIENT_TOLERANCE
    names = ", ".join([*missing, *(f"{name} (extra)" for name in extra)])
    return [
        len(expected), len(wanted), names or "none", f"{worst:.1e}", "yes" if is_equal else "NO",
    ]  # fmt: skip


def resume(budget: Budget) -> Section:
    """Compare a run that never stopped with one that went on from its middle."""
    section = Section(
        "Resume",
        "32 steps at once against 16 and 16 from the snapshot, over all weights, averages and both "
        "Adams; beside it, the same 32 steps a second time. On a CPU all three must be the same "
        "bits. On CUDA sums may be added in another order, which training magnifies: there the "
        "difference by resuming should be of the size of that by repeating.",
        ["device", "difference by resuming", "difference by repeating", "same bits"],
    )
    for device in dict.fromkeys(("cpu", budget.device.type)):
        if budget.left() <= 0:
            section.remarks.append(f"Left out: {device}, for want of time.")
            continue
        middle, end = _states(device, None)
        kept = TrainingState.from_parts(*middle.state_dict())
        (again,), (_, repeated) = _states(device, kept), _states(device, None)
        errors = [_largest_difference(end, other) for other in (again, repeated)]
        section.rows.append(
            [device, *(f"{e:.1e}" for e in errors), "yes" if not any(errors) else "no"]
        )
    return section


def _states(device: str, state: TrainingState | None) -> list[TrainingState]:
    random = np.random.default_rng(SEED)
    images = random.integers(0, 256, (64, 16, 16, 3), dtype=np.uint8)
    training = TrainingOptions.model_validate(
        {
            "batch_size": 8,
            "total_kimg": 0.256,
            "snapshot_kimg": 0.128,
            "device": device,
            "precision": "float32",
            "acceleration": "eager",
            "augmentation": AugmentationOptions(strength_start=0.3),
        }
    )
    return [
        snapshot.state
        for snapshot in TrainingRun(images, SMALL, training).snapshots(state)
        if snapshot.kimg
    ]


def _largest_difference(one: TrainingState, other: TrainingState) -> float:
    return max(
        relative_error(tensor.double(), other.tensors[name].double())
        for name, tensor in one.tensors.items()
    )
