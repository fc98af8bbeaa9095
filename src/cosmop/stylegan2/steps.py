"""One training step of StyleGAN2: its four phases, on two networks and two optimisers."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim import Adam, Optimizer

from cosmop.stylegan2.augment import apply_augmentation, draw_augmentation
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.image_data import ResidentImages
from cosmop.stylegan2.losses import (
    discriminator_loss,
    generator_loss,
    path_length_penalty,
    path_lengths,
    r1_penalty,
)
from cosmop.stylegan2.options import TrainingOptions

_PATH_LENGTH_BATCH_SHARE = 2  # path length on half the batch (StyleGAN2, appendix B)


class TrainingDivergedError(RuntimeError):
    """A loss or a gradient is not finite any more; the message names the step and the tensor."""


def lazy_adam(module: nn.Module, learning_rate: float, interval: int | None) -> Adam:
    """Adam with betas 0 and 0.99, corrected for a penalty every `interval` steps.

    With c = k / (k + 1) the rate is multiplied and the betas are raised (StyleGAN2, appendix B).
    None means without penalty.
    """
    correction = 1.0 if interval is None else interval / (interval + 1)
    return Adam(
        module.parameters(),
        lr=learning_rate * correction,
        betas=(0.0, 0.99**correction),
        eps=1e-8,
        fused=True,
    )


@dataclass
class Contest:
    """The two networks, their optimisers and the numbers that change from step to step."""

    generator: Generator
    discriminator: Discriminator
    generator_adam: Adam
    discriminator_adam: Adam
    random: torch.Generator
    path_length_mean: Tensor
    augmentation_strength: float = 0.0
    real_sign_sum: float = 0.0
    real_sign_count: int = 0
    step: int = 0


class TrainingSteps:
    """Takes a `Contest` one step further; knows losses and networks, but no files and no loop."""

    def __init__(self, contest: Contest, data: ResidentImages, options: TrainingOptions) -> None:
        self.contest = contest
        self._data = data
        self._options = options
        network = contest.generator.options
        self._gamma = options.effective_r1_gamma(network.height, network.width)
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def advance(self, real_NCHW: Tensor, labels: Tensor | None) -> None:
        """Update both networks once from the real images; penalties when it is their turn.

        Raises:
            TrainingDivergedError: a loss or gradient is not finite; nothing was updated with it.
        """
        step, options = self.contest.step, self._options
        self._generator_phase()
        if options.path_length_weight and step % options.path_length_interval == 0:
            self._path_length_phase()
        self._discriminator_phase(real_NCHW, labels)
        if self._gamma and step % options.r1_interval == 0:
            self._r1_phase(real_NCHW, labels)
        self._adapt_augmentation()
        self.contest.step += 1

    def take_statistics(self) -> dict[str, float]:
        """Return the means of all recorded numbers since the last call, and forget them."""
        means = self.statistics()
        self._sums, self._counts = {}, {}
        return means

    def statistics(self) -> dict[str, float]:
        """Return the means of all recorded numbers since the last `take_statistics`."""
        return {name: float(total) / self._counts[name] for name, total in self._sums.items()}

    def _record(self, name: str, value: Tensor) -> None:
        value = value.detach()
        self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._counts[name] = self._counts.get(name, 0) + 1

    def _fakes(self, count: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Draw latents, labels, mixing and noise; return images, ws and labels."""
        random, generator = self.contest.random, self.contest.generator
        size = (2, count, generator.options.z_dim)
        z_2ND = torch.randn(size, device=random.device, generator=random)
        labels = self._data.draw_labels(count, random)
        both = None if labels is None else torch.cat([labels, labels])
        w_ND, other_ND = generator.mapping.style(z_2ND.flatten(0, 1), both).chunk(2)
        generator.mapping.track_average(w_ND)
        ws = mix_styles(
            w_ND, other_ND, generator.options.num_ws, self._options.style_mixing, random
        )
        noise = generator.synthesis.draw_noise(count, w_ND, random)
        return generator.synthesis(ws, noise), ws, labels

    def _augmented(self, x_NCHW: Tensor) -> Tensor:
        options, strength = self._options.augmentation, self.contest.augmentation_strength
        if options is None or strength == 0:
            return x_NCHW
        num_images, channels, height, width = x_NCHW.shape
        shape = (num_images, channels, height, width)
        drawn = draw_augmentation(shape, strength, self.contest.random, options)
        return apply_augmentation(x_NCHW, drawn)

    def _update(self, network: nn.Module, optimiser: Optimizer, name: str, loss: Tensor) -> None:
        """Differentiate `loss`, refuse what is not finite, and step."""
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        if not math.isfinite(float(loss.detach() + get_total_norm(gradients))):
            raise TrainingDivergedError(
                f"StyleGAN2 training stopped before the {name} update of step "
                f"{self.contest.step}, because {_culprit(network, loss)} is not finite; "
                "go on from the last snapshot with a lower learning rate or a higher r1_gamma."
            )
        optimiser.step()
        self._record(name, loss)

    def _generator_phase(self) -> None:
        contest = self.contest
        contest.discriminator.requires_grad_(requires_grad=False)
        contest.generator.requires_grad_()
        image, _, labels = self._fakes(self._options.batch_size)
        logits = contest.discriminator(self._augmented(image), labels)
        self._record("fake_logit", logits.mean())
        loss = generator_loss(logits)
        self._update(contest.generator, contest.generator_adam, "generator_loss", loss)

    def _path_length_phase(self) -> None:
        contest, options = self.contest, self._options
        image, ws, _ = self._fakes(options.batch_size // _PATH_LENGTH_BATCH_SHARE)
        noise = torch.randn(image.shape, device=image.device, generator=contest.random)
        lengths = path_lengths(image, ws, noise)
        penalty, mean = path_length_penalty(
            lengths, contest.path_length_mean, options.path_length_decay
        )
        loss = penalty * (options.path_length_weight * options.path_length_interval)
        self._update(contest.generator, contest.generator_adam, "path_length_loss", loss)
        contest.path_length_mean = mean
        self._record("path_length", lengths.mean())

    def _discriminator_phase(self, real_NCHW: Tensor, labels: Tensor | None) -> None:
        contest = self.contest
        contest.discriminator.requires_grad_()
        contest.generator.requires_grad_(requires_grad=False)
        with torch.no_grad():
            fake, _, fake_labels = self._fakes(self._options.batch_size)
        # Fake and real alternate in one batch: minibatch groups are every M-th image with M even,
        # so no group mixes the two kinds and the logits are those of two separate passes.
        image = self._augmented(alternate(fake, real_NCHW))
        both = None if fake_labels is None or labels is None else alternate(fake_labels, labels)
        logits = contest.discriminator(image, both)
        fake_logits, real_logits = logits[0::2], logits[1::2]
        loss = discriminator_loss(fake_logits, real_logits)
        self._update(contest.discriminator, contest.discriminator_adam, "discriminator_loss", loss)
        self._record("real_logit", real_logits.mean())
        sign = real_logits.detach().sign().mean()
        self._record("real_sign", sign)
        contest.real_sign_sum += float(sign)
        contest.real_sign_count += 1

    def _r1_phase(self, real_NCHW: Tensor, labels: Tensor | None) -> None:
        contest = self.contest
        real_NCHW = real_NCHW.detach().requires_grad_()
        logits = contest.discriminator(self._augmented(real_NCHW), labels)
        penalty = r1_penalty(real_NCHW, logits).mean()
        loss = penalty * (self._gamma / 2 * self._options.r1_interval)
        self._update(contest.discriminator, contest.discriminator_adam, "r1_loss", loss)
        self._record("r1_penalty", penalty)

    def _adapt_augmentation(self) -> None:
        """Move the strength to bring the mean sign of real logits to the target (ADA)."""
        contest, options = self.contest, self._options.augmentation
        if options is None or contest.real_sign_count < options.interval:
            return
        mean_sign = contest.real_sign_sum / contest.real_sign_count
        images = self._options.batch_size * contest.real_sign_count
        change = math.copysign(images / (options.ada_kimg * 1000), mean_sign - options.target)
        strength = contest.augmentation_strength + change
        contest.augmentation_strength = min(max(strength, 0.0), options.strength_cap)
        contest.real_sign_sum, contest.real_sign_count = 0.0, 0


def _culprit(network: nn.Module, loss: Tensor) -> str:
    if not torch.isfinite(loss):
        return "the loss"
    for name, parameter in network.named_parameters():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return f"the gradient of {name}"
    return "the norm of all gradients"


def alternate(first: Tensor, second: Tensor) -> Tensor:
    """Return rows of `first` and `second` in turn: [2 N, ...]."""
    return torch.stack([first, second], 1).flatten(0, 1)


def mix_styles(
    w_ND: Tensor, other_ND: Tensor, num_ws: int, share: float, random: torch.Generator
) -> Tensor:
    """Return ws [N, layers, D]: a `share` of images change to the other style at a random layer.

    The layer of change is uniform among all but the first (StyleGAN, Karras et al. 2019).
    """
    count = len(w_ND)
    chance = torch.rand(count, device=random.device, generator=random)
    change = torch.randint(1, num_ws, (count,), device=random.device, generator=random)
    change = torch.where(chance < share, change, num_ws)
    is_first = torch.arange(num_ws, device=random.device)[None] < change[:, None]
    return torch.where(is_first[..., None], w_ND[:, None], other_ND[:, None])


def average_weights(average: Generator, generator: Generator, share: float) -> None:
    """Keep `share` of the averaged weights, the rest from `generator`; copy buffers."""
    with torch.no_grad():
        kept: list[Tensor] = list(average.parameters())
        new: list[Tensor] = list(generator.parameters())
        torch._foreach_lerp_(kept, new, 1 - share)
        for ours, theirs in zip(average.buffers(), generator.buffers(), strict=True):
            ours.copy_(theirs)
