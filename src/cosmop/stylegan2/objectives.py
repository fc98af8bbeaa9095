"""The differentiable parts of a StyleGAN2 step: pure functions that torch.compile takes whole.

Nothing is drawn here and no buffer changes: what is random comes in, what is to be averaged goes
out. Inner gradients are taken with respect to arguments that are leaves (the real images; a zero
added to the styles), which is what torch.compile can differentiate a second time.
"""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from cosmop.stylegan2.augmenting import Drawn, augmented
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.losses import path_lengths, r1_penalty

T = TypeVar("T")
logger = logging.getLogger(__name__)


class LatentDraws(NamedTuple):
    """Everything random about a batch of generated images.

    `z_2ND` holds two latents per image [2, N, z]; from layer `change_N` (int64) on, the second
    one's style is used. `labels_NK` are float label rows or None; `noises` are [N, 1, H, W].
    """

    z_2ND: Tensor
    labels_NK: Tensor | None
    change_N: Tensor
    noises: list[Tensor]


class Objectives:
    """The per-image quantities behind the losses, of one generator and one discriminator."""

    def __init__(self, generator: Generator, discriminator: Discriminator) -> None:
        self._generator = generator
        self._discriminator = discriminator

    def generator_logits(self, draws: LatentDraws, drawn: Drawn) -> tuple[Tensor, Tensor]:
        """Return logits [N] of generated images, and the mean style [w]."""
        ws_NLD, mean_w = self._styles(draws)
        image_NCHW = self._generator.synthesis(ws_NLD, draws.noises)
        return self._discriminator(augmented(image_NCHW, drawn), draws.labels_NK), mean_w

    def path_lengths(
        self, draws: LatentDraws, zero_NLD: Tensor, noise_NCHW: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return path lengths [N] and the mean style [w]; `zero_NLD` requires a gradient."""
        ws_NLD, mean_w = self._styles(draws)
        image_NCHW = self._generator.synthesis(ws_NLD + zero_NLD, draws.noises)
        return path_lengths(image_NCHW, zero_NLD, noise_NCHW), mean_w

    @torch.no_grad()
    def fakes(self, draws: LatentDraws) -> tuple[Tensor, Tensor]:
        """Return generated images [N, C, H, W] without gradients, and the mean style [w]."""
        ws_NLD, mean_w = self._styles(draws)
        return self._generator.synthesis(ws_NLD, draws.noises), mean_w

    def discriminator_logits(
        self,
        images: tuple[Tensor, Tensor],
        labels: tuple[Tensor | None, Tensor | None],
        drawn: tuple[Drawn, Drawn],
    ) -> tuple[Tensor, Tensor]:
        """Return logits [N] of fake and of real images, each given as (fake, real).

        Both go through in one batch, in turn: minibatch groups are every M-th image with M even,
        so that no group mixes the two and the logits are those of two separate passes.
        """
        fake_NCHW, real_NCHW = (
            augmented(image, how) for image, how in zip(images, drawn, strict=True)
        )
        fake_labels, real_labels = labels
        both = None
        if fake_labels is not None and real_labels is not None:
            both = alternate(fake_labels, real_labels)
        logits = self._discriminator(alternate(fake_NCHW, real_NCHW), both)
        return logits[0::2], logits[1::2]

    def r1_penalties(self, real_NCHW: Tensor, labels: Tensor | None, drawn: Drawn) -> Tensor:
        """Return R1 [N] through the augmentation; `real_NCHW` requires a gradient."""
        logits = self._discriminator(augmented(real_NCHW, drawn), labels)
        return r1_penalty(real_NCHW, logits)

    def _styles(self, draws: LatentDraws) -> tuple[Tensor, Tensor]:
        """Return mixed styles [N, layers, w] and the mean of all unmixed ones [w]."""
        mapping, labels = self._generator.mapping, draws.labels_NK
        both = None if labels is None else torch.cat([labels, labels])
        w_ND, other_ND = mapping.style(draws.z_2ND.flatten(0, 1), both).chunk(2)
        num_ws = self._generator.options.num_ws
        is_first = torch.arange(num_ws, device=w_ND.device)[None] < draws.change_N[:, None]
        mixed = torch.where(is_first[..., None], w_ND[:, None], other_ND[:, None])
        return mixed, w_ND.detach().mean(0)


def alternate(first: Tensor, second: Tensor) -> Tensor:
    """Return rows of `first` and `second` in turn: [2 N, ...]."""
    return torch.stack([first, second], 1).flatten(0, 1)


class CompiledObjectives(Objectives):
    """The same quantities by torch.compile, first- and second-order parts each as one graph.

    Where the compiler fails (none installed, an unknown device), `computed` says so once in the
    log and goes on without it.
    """

    def __init__(
        self, generator: Generator, discriminator: Discriminator, *, cuda_graphs: bool = False
    ) -> None:
        super().__init__(generator, discriminator)
        self._mode = "reduce-overhead" if cuda_graphs else None
        for name in _COMPILED:
            setattr(self, name, self._compiled(getattr(self, name)))

    def _compiled(self, function: Callable[..., T]) -> Callable[..., T]:
        fast = torch.compile(function, fullgraph=True, dynamic=False, mode=self._mode)

        def call(*arguments: Any) -> T:
            with torch._dynamo.config.patch(trace_autograd_ops=True):
                return fast(*arguments)

        return call


_COMPILED = (
    "generator_logits",
    "path_lengths",
    "fakes",
    "discriminator_logits",
    "r1_penalties",
)


def compiler_errors() -> tuple[type[Exception], ...]:
    """Everything that torch.compile raises when it cannot compile (and eager torch does not)."""
    from torch._dynamo.exc import TorchDynamoException  # noqa: PLC0415  it takes a second
    from torch._inductor.exc import (  # noqa: PLC0415
        CppCompileError,
        InductorError,
        InvalidCxxCompiler,
    )

    return TorchDynamoException, InductorError, CppCompileError, InvalidCxxCompiler
