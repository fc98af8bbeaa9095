"""The peer of the StyleGAN2 benchmark: `stylegan2_pytorch` by lucidrains (MIT), as it ships.

It needs an NVIDIA GPU when it is imported and a tracker (`aim`) that training does not use. Both
are got round here, without a change to what it computes, so that it runs on a CPU, too.
"""

import functools
import importlib
import math
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from cosmop.stylegan2.options import NetworkOptions, TrainingOptions

NAME = "stylegan2_pytorch"
DIFFERENCES = (
    "both its networks have our widths at each resolution (its discriminator is built with half "
    "the capacity, else it is twice as wide as its generator), but no layer is quite the same",
    "its filters are modulated for each image (a grouped convolution), ours the activations",
    "hinge loss; its gradient penalty every 4 steps on real and generated images, ours every 16 on "
    "real ones; its path length every 32 steps on the batch, ours every 4 on half of it",
    "its augmentation (flip, translation, cutout) on the whole batch with probability 0.3",
    "its averaged generator every 10 steps, ours every step",
    "it computes in float32 (half precision wants apex)",
)
_STEPS_PER_CYCLE = 32  # path length comes every 32 steps, the gradient penalty every 4
_FIRST_STEP = 32 * 1000  # from step 5,000 on it has all penalties, from 20,000 on averages
_NEVER = 10**12


class PeerTraining:
    """Its `Trainer` on batches that lie ready in memory, as ours do.

    Raises:
        ModuleNotFoundError: the package, or something that it imports, is not installed.
        ValueError: it has no network of this shape.
    """

    def __init__(self, network: NetworkOptions, training: TrainingOptions) -> None:
        side = network.height
        if side != network.width or not math.log2(side).is_integer():
            raise ValueError(
                f"{NAME} wants a square of a power of two, not {side} x {network.width}"
            )
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.images_per_cycle = _STEPS_PER_CYCLE * training.batch_size
        module = _imported()
        with _without_cuda(), tempfile.TemporaryDirectory() as folder:  # where nothing is saved
            self._trainer = _trainer(module, folder, network, training)
        self._trainer.steps = _FIRST_STEP
        self._trainer.loader = _batches(training.batch_size, side, self._device)

    def cycle(self) -> None:
        """Take steps until each penalty has come up as often as it is due."""
        with _without_cuda():
            for _ in range(_STEPS_PER_CYCLE):
                self._trainer.train()
        if self._device.type == "cuda":
            torch.cuda.synchronize()


def _trainer(module: Any, folder: str, network: NetworkOptions, training: TrainingOptions) -> Any:
    # Its averaged generator is built without fmap_max and then does not fit the trained one.
    generator = functools.partial(module.Generator, fmap_max=network.channel_max)
    wide = module.Discriminator

    def discriminator(side: int, capacity: int, **others: Any) -> Any:
        return wide(side, max(1, capacity // 2), **others)

    with (
        patch.object(module, "Generator", generator),
        patch.object(module, "Discriminator", discriminator),
    ):
        trainer = module.Trainer(
            base_dir=folder,
            image_size=network.height,
            network_capacity=max(1, network.level_channels(network.num_levels - 1) // 2),
            fmap_max=network.channel_max,
            latent_dim=network.w_dim,
            style_depth=network.mapping_layers,
            batch_size=training.batch_size,
            gradient_accumulate_every=1,
            aug_prob=0.0 if training.augmentation is None else 0.3,
            save_every=_NEVER,
            evaluate_every=_NEVER,
        )
        trainer.init_GAN()
    return trainer


def _imported() -> Any:
    try:
        importlib.import_module("aim")
    except ModuleNotFoundError:
        sys.modules["aim"] = ModuleType("aim")  # it logs there only when asked to
    with patch("torch.cuda.is_available", lambda: True):  # it asserts this when imported
        return importlib.import_module(f"{NAME}.{NAME}")


@contextmanager
def _without_cuda() -> Iterator[None]:
    """Let `.cuda()` leave everything where it is, on a machine that has no CUDA."""
    if torch.cuda.is_available():
        yield
        return

    def stay(self: Any, *_: Any, **__: Any) -> Any:
        return self

    with patch.object(Tensor, "cuda", stay), patch.object(torch.nn.Module, "cuda", stay):
        yield


def _batches(count: int, side: int, device: torch.device) -> Iterator[Tensor]:
    random = torch.Generator(device).manual_seed(0)
    ready = [torch.rand(count, 3, side, side, device=device, generator=random) for _ in range(4)]
    while True:
        # A new tensor each time: its penalty marks the batch as requiring a gradient.
        yield from (batch.clone() for batch in ready)
