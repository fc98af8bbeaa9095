"""Images from a trained generator: one seed, one image, whatever the batch."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cosmop.devices import pick_device
from cosmop.errors import InputError
from cosmop.stylegan2.generator import Generator


def to_uint8(image_NCHW: Tensor) -> NDArray[np.uint8]:
    """Turn float images [N, C, H, W] with nominal range [-1, 1] into uint8 [N, H, W, C]."""
    scaled = (image_NCHW.detach() * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    array: NDArray[np.uint8] = scaled.permute(0, 2, 3, 1).cpu().contiguous().numpy()
    return array


def draw_inputs(generator: Generator, seeds: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
    """Draw latents [N, z] and noise [N, 1, H, W] per convolution, each image from its own seed.

    Numbers are drawn on the CPU, so that a seed means the same image on every device.
    """
    z_dim, sizes = generator.options.z_dim, generator.synthesis.noise_sizes()
    lengths = [z_dim, *(height * width for height, width in sizes)]
    numbers = torch.stack(
        [torch.randn(sum(lengths), generator=torch.Generator().manual_seed(s)) for s in seeds]
    )
    z_ND, *flat = torch.split(numbers, lengths, 1)
    noises = [part.view(-1, 1, *size) for part, size in zip(flat, sizes, strict=True)]
    return z_ND, noises


def sample_images(
    generator: Generator,
    seeds: Sequence[int],
    *,
    truncation: float = 1.0,
    batch_size: int = 32,
    device: str = "auto",
    labels: NDArray[np.generic] | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Yield uint8 images [n, H, W, C] in the order of `seeds`, `batch_size` at a time.

    Each image, its noise included, depends on its seed (and label) alone, never on its neighbours.
    `labels` are one-hot [len(seeds), classes]. The generator is used on `device` and moved there.

    Raises:
        InputError: labels do not fit, a seed is negative, or the device is absent.
    """
    if any(seed < 0 for seed in seeds) or batch_size < 1:
        raise InputError(
            "Sampling wants seeds from 0 on and batches of at least 1, got the least seed "
            f"{min(seeds, default=0)} and batch size {batch_size}; correct the two."
        )
    if labels is not None and len(labels) != len(seeds):
        raise InputError(
            f"Sampling wants a row of labels for each of {len(seeds)} seeds, got {len(labels)}; "
            "give as many labels as seeds."
        )
    where = pick_device(device)
    generator = generator.to(where).eval()
    for start in range(0, len(seeds), batch_size):
        z_ND, noises = draw_inputs(generator, seeds[start : start + batch_size])
        one_hot = (
            None
            if labels is None
            else torch.from_numpy(np.array(labels[start : start + batch_size], np.float32)).to(
                where
            )
        )
        with torch.inference_mode():
            ws = generator.mapping(z_ND.to(where), one_hot, truncation)
            image = generator.synthesis(ws, [noise.to(where) for noise in noises])
        yield to_uint8(image)
