"""A photograph's place in latent space (StyleGAN2, Karras et al. 2020a, appendix D)."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cosmop.devices import pick_device
from cosmop.errors import InputError
from cosmop.progress import track
from cosmop.stylegan2.exploring_options import ProjectionOptions
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.sampling import to_uint8

Features = Callable[[Tensor], Tensor]

_LONGEST_COMPARED_SIDE = 256  # larger images are compared by their means (appendix D)
_SMALLEST_NOISE_SIDE = 8
_MAPPED_AT_ONCE = 1000


class Projection(NamedTuple):
    """What `project` found.

    Attributes:
        ws: The styles [layers, w], all rows alike unless each layer has its own.
        noises: The noise maps, float32 [1, 1, H, W] each, one per convolution.
        image: What the generator makes of the two, uint8 [H, W, C].
        losses: The distance of the images before each step, float64 [steps], without regulariser.
    """

    ws: Tensor
    noises: list[Tensor]
    image: NDArray[np.uint8]
    losses: NDArray[np.float64]


def pixel_pyramid(image_NCHW: Tensor) -> Tensor:
    """Return pixels [N, features] at several scales, halved by averaging while sides are even.

    The squared distance of two rows is the mean squared difference of the pixels, averaged over the
    scales: coarse layout pulls long before edges meet. It stands where perceptual features, whose
    weights not everybody has, would be better.
    """
    levels = [image_NCHW]
    while all(side % 2 == 0 and side >= 8 for side in levels[-1].shape[2:]):
        levels.append(F.avg_pool2d(levels[-1], 2))
    scaled = [level.flatten(1) / math.sqrt(level[0].numel() * len(levels)) for level in levels]
    return torch.cat(scaled, 1)


def noise_regularity(noises: Sequence[Tensor]) -> Tensor:
    """Return how far noise maps [1, 1, H, W] are from white: 0-d, about 0 for independent numbers.

    The squared mean products of neighbours, horizontal and vertical and wrapped at the border, are
    summed over the maps and over their halvings down to 8 pixels; halving by means of 2 by 2,
    times 2, keeps the variance of white noise (appendix D, L_i,j).
    """
    total = torch.zeros((), device=noises[0].device, dtype=noises[0].dtype)
    for noise in noises:
        level = noise
        while True:
            for axis in (2, 3):
                total = total + (level * level.roll(1, axis)).mean().square()
            if any(side % 2 or side <= _SMALLEST_NOISE_SIDE for side in level.shape[2:]):
                break
            level = F.avg_pool2d(level, 2) * 2
    return total


def learning_rate(step: int, options: ProjectionOptions) -> float:
    """Return the rate of `step` (from 0): linear up from 0, then flat, at last a cosine to 0."""
    share = step / options.steps
    up = min(1.0, share / options.ramp_up_share) if options.ramp_up_share else 1.0
    left = min(1.0, (1 - share) / options.ramp_down_share) if options.ramp_down_share else 1.0
    return options.learning_rate * up * (0.5 - 0.5 * math.cos(math.pi * left))


def style_statistics(
    generator: Generator, options: ProjectionOptions, label: NDArray[np.float32] | None = None
) -> tuple[Tensor, float]:
    """Return the mean style [w] and the root of the mean squared distance to it.

    Estimated from ``options.samples`` latents of ``options.seed``, with one row of labels.
    """
    where = next(generator.parameters()).device
    random = torch.Generator().manual_seed(options.seed)
    z_ND = torch.randn(options.samples, generator.options.z_dim, generator=random)
    with torch.no_grad():
        w_ND = torch.cat(
            [
                generator.mapping.style(
                    part.to(where),
                    None
                    if label is None
                    else torch.from_numpy(label).to(where).expand(len(part), -1),
                )
                for part in torch.split(z_ND, _MAPPED_AT_ONCE)
            ]
        )
    centre_D = w_ND.mean(0)
    return centre_D, float((w_ND - centre_D).square().sum(1).mean().sqrt())


def project(
    generator: Generator,
    image_HWC: NDArray[np.uint8],
    options: ProjectionOptions,
    *,
    features: Features = pixel_pyramid,
    label: NDArray[np.float32] | None = None,
) -> Projection:
    """Search styles and noise maps with which the generator makes `image_HWC`.

    Adam with the paper's schedule, from the mean style; noise that fades is added to the style, and
    the maps are kept white, so that the photograph is told by styles and not painted by noise. The
    same seed on the same machine gives the same result. The generator is moved to the device and
    otherwise left as it was.

    Args:
        generator: A trained generator.
        image_HWC: uint8 [H, W, C] of the generator's size and channels.
        options: Steps, rates, seed, device.
        features: From images [N, C, H, W] in [-1, 1] to features [N, F]; the squared Euclidean
            distance of two rows is what is made small. The paper's is LPIPS with VGG-16.
        label: Row of labels [classes] of a generator with classes.

    Raises:
        InputError: The image has another size or another number of channels, or is not bytes.
    """
    target = _checked_image(generator, image_HWC)
    where = pick_device(options.device)
    generator = generator.to(where).eval()
    random = torch.Generator().manual_seed(options.seed + 1)  # `seed` itself draws the statistics
    centre_D, spread = style_statistics(generator, options, label)
    rows = generator.options.num_ws if options.has_style_per_layer else 1
    w_LD = centre_D.repeat(rows, 1).requires_grad_()
    noises = [
        torch.randn(1, 1, *size, generator=random).to(where).requires_grad_()
        for size in generator.synthesis.noise_sizes()
    ]
    adam = torch.optim.Adam([w_LD, *noises])
    with torch.no_grad():
        wanted_NF = features(_compared(target.to(where)))
    losses: list[Tensor] = []
    for step in track(range(options.steps), "projecting", unit="step"):
        fading = max(0.0, 1 - step / (options.steps * options.latent_noise_share)) ** 2
        shake_LD = torch.randn(w_LD.shape, generator=random).to(where)
        ws = w_LD + shake_LD * (spread * options.latent_noise * fading)
        image = generator.synthesis(ws.expand(generator.options.num_ws, -1)[None], noises)
        distance = (features(_compared(image)) - wanted_NF).square().sum()
        loss = distance + options.noise_weight * noise_regularity(noises)
        _step(adam, loss, learning_rate(step, options))
        _whiten(noises)
        losses.append(distance.detach())
    ws_LD = w_LD.detach().expand(generator.options.num_ws, -1).clone()
    noises = [noise.detach() for noise in noises]
    with torch.inference_mode():
        found_HWC = to_uint8(generator.synthesis(ws_LD[None], noises))[0]
    curve = torch.stack(losses).double().cpu().numpy()
    return Projection(ws_LD, noises, found_HWC, curve)


def _checked_image(generator: Generator, image_HWC: NDArray[np.uint8]) -> Tensor:
    """Return the image as float [1, C, H, W] in [-1, 1], the inverse of `to_uint8`."""
    options = generator.options
    wanted = (options.height, options.width, options.image_channels)
    if image_HWC.shape != wanted or image_HWC.dtype != np.uint8:
        raise InputError(
            f"Projection wants a uint8 image of the generator's size {list(wanted)} (height, "
            f"width, channels), got {image_HWC.dtype} {list(image_HWC.shape)}; resize or convert "
            "it first."
        )
    return (torch.from_numpy(image_HWC.copy()).permute(2, 0, 1)[None].float() - 127.5) / 127.5


def _compared(image_NCHW: Tensor) -> Tensor:
    factor = max(image_NCHW.shape[2:]) // _LONGEST_COMPARED_SIDE
    return F.avg_pool2d(image_NCHW, factor) if factor > 1 else image_NCHW


def _step(adam: torch.optim.Adam, loss: Tensor, rate: float) -> None:
    """Update what is searched for, and nothing else: the generator gathers no gradients."""
    (group,) = adam.param_groups
    group["lr"] = rate
    for tensor, gradient in zip(
        group["params"], torch.autograd.grad(loss, group["params"]), strict=True
    ):
        tensor.grad = gradient
    adam.step()


def _whiten(noises: Sequence[Tensor]) -> None:
    """Give each map zero mean and unit variance again (appendix D)."""
    with torch.no_grad():
        for noise in noises:
            noise.sub_(noise.mean())
            noise.mul_(noise.square().mean().rsqrt())
