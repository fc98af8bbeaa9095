"""One training step of StyleGAN2: its four phases, on two networks and two optimisers."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Adam

from cosmop.stylegan2.augmenting import Drawn, drawn_for, is_known_idle
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.finiteness import FiniteCheck
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.image_data import ResidentImages
from cosmop.stylegan2.losses import discriminator_loss, generator_loss, path_length_penalty
from cosmop.stylegan2.objectives import (
    CompiledObjectives,
    LatentDraws,
    Objectives,
    compiler_errors,
)
from cosmop.stylegan2.options import AugmentationOptions, TrainingOptions
from cosmop.stylegan2.team import Team

T = TypeVar("T")
logger = logging.getLogger(__name__)

_PATH_LENGTH_BATCH_SHARE = 2  # path length on half the batch (StyleGAN2, appendix B)


def lazy_adam(module: nn.Module, learning_rate: float, interval: int | None) -> Adam:
    """Adam with betas 0 and 0.99, corrected for a penalty every `interval` steps.

    With c = k / (k + 1) the rate is multiplied and the betas are raised (StyleGAN2, appendix B).
    None means without penalty. Frozen parameters are left out.
    """
    correction = 1.0 if interval is None else interval / (interval + 1)
    return Adam(
        [parameter for parameter in module.parameters() if parameter.requires_grad],
        lr=learning_rate * correction,
        betas=(0.0, 0.99**correction),
        eps=1e-8,
        fused=True,
    )


@dataclass
class Contest:
    """The two networks, their optimisers and the numbers that change from step to step.

    `augmentation_strength` and `real_sign_sum` are 0-d tensors on the device, so that no step
    waits for them; after a collapse, `rate_factor` and `gamma_factor` multiply rates and R1.
    """

    generator: Generator
    discriminator: Discriminator
    generator_adam: Adam
    discriminator_adam: Adam
    random: torch.Generator
    path_length_mean: Tensor
    augmentation_strength: Tensor
    real_sign_sum: Tensor
    real_sign_count: int = 0
    rate_factor: float = 1.0
    gamma_factor: float = 1.0
    step: int = 0
    team: Team = field(default_factory=Team)

    def scale_rates(self, factor: float) -> None:
        """Multiply both learning rates, as they were at the beginning, by `factor`."""
        for adam in (self.generator_adam, self.discriminator_adam):
            for group in adam.param_groups:
                group["lr"] *= factor / self.rate_factor
        self.rate_factor = factor


class TrainingSteps:
    """Takes a `Contest` one step further; knows losses and networks, but no files and no loop."""

    def __init__(
        self,
        contest: Contest,
        data: ResidentImages,
        options: TrainingOptions,
        *,
        compiles: bool = False,
    ) -> None:
        self.contest = contest
        self._data = data
        self._options = options
        network = contest.generator.options
        self._gamma = options.effective_r1_gamma(network.height, network.width)
        self._group = network.minibatch_group
        self._check = FiniteCheck(contest.random.device)
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._objectives = Objectives(contest.generator, contest.discriminator)
        if compiles:
            self._objectives = CompiledObjectives(
                contest.generator,
                contest.discriminator,
                cuda_graphs=options.acceleration == "cuda_graphs",
            )

    def advance(self, real_NCHW: Tensor, labels: Tensor | None) -> None:
        """Update both networks once from the real images; penalties when it is their turn.

        Raises:
            TrainingDivergedError: a loss or gradient is not finite; nothing was updated with it.
        """
        step, options = self.contest.step, self._options
        share = self.contest.team.share
        real_NCHW = share(real_NCHW, self._group)
        labels = None if labels is None else share(labels, self._group)
        self.generator_phase()
        if options.path_length_weight and step % options.path_length_interval == 0:
            self.path_length_phase()
        self.discriminator_phase(real_NCHW, labels)
        if self._gamma and step % options.r1_interval == 0:
            self.r1_phase(real_NCHW, labels)
        self._adapt_augmentation()
        self.contest.step += 1

    def take_statistics(self) -> dict[str, float]:
        """Return the means of all recorded numbers since the last call, and forget them.

        Raises:
            TrainingDivergedError: a loss or gradient was not finite.
        """
        self._check.raise_if_broken()
        means = self.contest.team.average_numbers(self.statistics())
        self._sums, self._counts = {}, {}
        return means

    def statistics(self) -> dict[str, float]:
        """Return this process's means of all recorded numbers since the last `take_statistics`."""
        return {name: float(total) / self._counts[name] for name, total in self._sums.items()}

    def _record(self, name: str, value: Tensor) -> None:
        value = value.detach()
        self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._counts[name] = self._counts.get(name, 0) + 1

    def _draw_latents(self, count: int, group: int) -> LatentDraws:
        """Draw latents, labels, style mixing and noise of a batch; return this process's share."""
        contest, options = self.contest, self._options
        random, network = contest.random, contest.generator.options
        size = (2, count, network.z_dim)
        z_2ND = torch.randn(size, device=random.device, generator=random)
        labels = self._data.draw_labels(count, random)
        change_N = draw_style_changes(count, network.num_ws, options.style_mixing, random)
        noises = contest.generator.synthesis.draw_noise(count, z_2ND, random)

        def share(x: Tensor) -> Tensor:
            return contest.team.share(x, group)

        return LatentDraws(
            torch.stack([share(z) for z in z_2ND]),
            None if labels is None else share(labels),
            share(change_N),
            [share(noise) for noise in noises],
        )

    def _draw_augmentation(self) -> Drawn:
        contest, network = self.contest, self.contest.generator.options
        shape = (
            self._options.batch_size,
            network.image_channels,
            network.height,
            network.width,
        )
        drawn = drawn_for(
            shape, contest.augmentation_strength, contest.random, self._options.augmentation
        )
        if is_known_idle(contest.augmentation_strength, self._options.augmentation):
            return None
        if drawn is None or contest.team.size == 1:
            return drawn
        return type(drawn)(*(contest.team.share(part, self._group) for part in drawn))

    def _computed(self, work: Callable[[Objectives], T]) -> T:
        """Do forward and backward, compiled; where the compiler fails, without it from now on."""
        if not isinstance(self._objectives, CompiledObjectives):
            return work(self._objectives)
        try:
            return work(self._objectives)
        except compiler_errors() as error:
            reason = str(error).strip().split("\n", maxsplit=1)[0]
            logger.warning("StyleGAN2 trains without torch.compile, which failed: %s", reason)
            self._objectives = Objectives(self.contest.generator, self.contest.discriminator)
            return work(self._objectives)

    def _update(self, adam: Adam, name: str, work: Callable[[Objectives], Tensor]) -> None:
        """Differentiate the loss that `work` returns and step, unless something is not finite."""
        parameters: list[nn.Parameter] = adam.param_groups[0]["params"]

        def differentiate(objectives: Objectives) -> Tensor:
            adam.zero_grad(set_to_none=True)
            loss = work(objectives)
            torch.autograd.backward(loss, inputs=parameters)
            return loss.detach()

        loss = self._computed(differentiate)
        self.contest.team.average_([p.grad for p in parameters if p.grad is not None])
        is_generator = adam is self.contest.generator_adam
        network = self.contest.generator if is_generator else self.contest.discriminator
        # The fused Adam leaves everything as it is where this is 1: no step waits for the answer.
        may_not = self._check.add(self.contest.step, name, loss, network)
        adam.found_inf = may_not  # type: ignore[attr-defined]  # read by the fused step
        adam.step()
        self._record(name, loss)

    def _only_trains(self, adam: Adam) -> None:
        """Let the other network's weights be constants."""
        for one in (self.contest.generator_adam, self.contest.discriminator_adam):
            for parameter in one.param_groups[0]["params"]:
                parameter.requires_grad_(one is adam)

    def _track_average_style(self, mean_w: Tensor) -> None:
        self.contest.team.average_([mean_w])
        self.contest.generator.mapping.track_average(mean_w)

    def generator_phase(self) -> None:
        """Update the generator by the adversarial loss."""
        contest = self.contest
        self._only_trains(contest.generator_adam)
        draws = self._draw_latents(self._options.batch_size, self._group)
        drawn = self._draw_augmentation()

        def work(objectives: Objectives) -> Tensor:
            logits_N, mean_w = objectives.generator_logits(draws, drawn)
            self._track_average_style(mean_w)
            self._record("fake_logit", logits_N.mean())
            return generator_loss(logits_N)

        self._update(contest.generator_adam, "generator_loss", work)

    def path_length_phase(self) -> None:
        """Update the generator by the path length penalty."""
        contest, options = self.contest, self._options
        network = contest.generator.options
        count = options.batch_size // _PATH_LENGTH_BATCH_SHARE
        draws = self._draw_latents(count, group=1)
        random = contest.random
        shape = (count, network.image_channels, network.height, network.width)
        noise = torch.randn(shape, device=random.device, generator=random)
        noise = contest.team.share(noise)
        size = (len(noise), network.num_ws, network.w_dim)
        zero = torch.zeros(size, device=random.device, requires_grad=True)

        def work(objectives: Objectives) -> Tensor:
            lengths_N, mean_w = objectives.path_lengths(draws, zero, noise)
            self._track_average_style(mean_w)
            mean_length = lengths_N.detach().mean()
            contest.team.average_([mean_length])
            penalty, contest.path_length_mean = path_length_penalty(
                lengths_N, mean_length, contest.path_length_mean, options.path_length_decay
            )
            self._record("path_length", mean_length)
            return penalty * (options.path_length_weight * options.path_length_interval)

        self._update(contest.generator_adam, "path_length_loss", work)

    def discriminator_phase(self, real_NCHW: Tensor, labels: Tensor | None) -> None:
        """Update the discriminator by the adversarial loss on new fakes and on real images."""
        contest = self.contest
        self._only_trains(contest.discriminator_adam)
        draws = self._draw_latents(self._options.batch_size, self._group)
        fake_NCHW, mean_w = self._computed(lambda objectives: objectives.fakes(draws))
        self._track_average_style(mean_w)
        drawn = self._draw_augmentation(), self._draw_augmentation()

        def work(objectives: Objectives) -> Tensor:
            fake_logits, real_logits = objectives.discriminator_logits(
                (fake_NCHW, real_NCHW), (draws.labels_NK, labels), drawn
            )
            self._record("real_logit", real_logits.mean())
            sign = real_logits.detach().sign().mean()
            self._record("real_sign", sign)
            contest.real_sign_sum += sign
            return discriminator_loss(fake_logits, real_logits)

        self._update(contest.discriminator_adam, "discriminator_loss", work)
        contest.real_sign_count += 1

    def r1_phase(self, real_NCHW: Tensor, labels: Tensor | None) -> None:
        """Update the discriminator by the R1 penalty."""
        real_NCHW = real_NCHW.detach().requires_grad_()
        drawn = self._draw_augmentation()
        weight = self._gamma * self.contest.gamma_factor / 2 * self._options.r1_interval

        def work(objectives: Objectives) -> Tensor:
            penalty = objectives.r1_penalties(real_NCHW, labels, drawn).mean()
            self._record("r1_penalty", penalty)
            return penalty * weight

        self._update(self.contest.discriminator_adam, "r1_loss", work)

    def _adapt_augmentation(self) -> None:
        """Move the strength to bring the mean sign of real logits to the target (ADA)."""
        contest, options = self.contest, self._options.augmentation
        if not isinstance(options, AugmentationOptions):
            return
        if contest.real_sign_count < options.interval:
            return
        contest.team.average_([contest.real_sign_sum])
        mean_sign = contest.real_sign_sum / contest.real_sign_count
        images = self._options.batch_size * contest.real_sign_count
        change = (mean_sign - options.target).sign() * (images / (options.ada_kimg * 1000))
        strength = contest.augmentation_strength + change
        contest.augmentation_strength = strength.clamp(0.0, options.strength_cap)
        contest.real_sign_sum = torch.zeros_like(contest.real_sign_sum)
        contest.real_sign_count = 0


def draw_style_changes(count: int, num_ws: int, share: float, random: torch.Generator) -> Tensor:
    """Return the layer [N], int64, at which each image changes to its other style.

    A `share` of images change, at a layer uniform among all but the first (StyleGAN, Karras et
    al. 2019); the others have `num_ws`, which is behind the last layer.
    """
    chance = torch.rand(count, device=random.device, generator=random)
    change = torch.randint(1, num_ws, (count,), device=random.device, generator=random)
    return torch.where(chance < share, change, num_ws)


def average_weights(average: Generator, generator: Generator, share: float) -> None:
    """Keep `share` of the averaged weights, the rest from `generator`; copy buffers."""
    with torch.no_grad():
        kept: list[Tensor] = list(average.parameters())
        new: list[Tensor] = list(generator.parameters())
        torch._foreach_lerp_(kept, new, 1 - share)
        torch._foreach_copy_(list(average.buffers()), list(generator.buffers()))
