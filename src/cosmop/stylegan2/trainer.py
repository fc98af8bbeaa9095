"""Training of StyleGAN2 as an iterator of snapshots: no files, no tracking, no prints."""

import copy
import gc
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from cosmop.devices import pick_device
from cosmop.errors import InputError
from cosmop.progress import track
from cosmop.stylegan2.devices import (
    is_out_of_memory,
    keep_freed_memory,
    resolve_precision,
    tuned,
)
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.finiteness import TrainingDivergedError
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.image_data import (
    ResidentImages,
    check_images,
    check_labels,
    data_checksum,
    draw_held_out,
)
from cosmop.stylegan2.options import AugmentationOptions, NetworkOptions, TrainingOptions
from cosmop.stylegan2.overfitting import held_out_gap
from cosmop.stylegan2.state import (
    TrainingState,
    check_same_settings,
    copied,
    optimiser_tensors,
    restore_optimiser,
)
from cosmop.stylegan2.steps import Contest, TrainingSteps, average_weights, lazy_adam
from cosmop.stylegan2.team import Team
from cosmop.stylegan2.transfer import StartingWeights

__all__ = ["Snapshot", "TrainingDivergedError", "TrainingRun", "TrainingState"]

_MAY_CHANGE = (
    "total_kimg",
    "snapshot_kimg",
    "device",
    "processes",
    "acceleration",
    "resume_from",
)  # when a run goes on: no influence on weights but by rounding (transfer: the weights count)
_STEPS_BETWEEN_POSTFIXES = 25


@dataclass(frozen=True)
class Snapshot:
    """The averaged generator after `kimg` thousand images, and all that is needed to go on.

    `generator` has float32 weights and computes in the precision of training.

    `statistics` holds means since the snapshot before: losses, logits, real_sign (r_t),
    path_length, r1_penalty, augmentation_strength (now), seconds_per_kimg (training alone), and
    held_out_gap (r_v, now) where images are held out.
    """

    kimg: float
    generator: Generator
    statistics: dict[str, float]
    state: TrainingState


class TrainingRun:
    """A StyleGAN2 training on images that fit into memory.

    Args:
        images_NHWC: uint8 images of the network's size.
        network: sizes of the networks.
        training: batch, rates, penalties, augmentation, device, seed.
        labels: label rows [N, classes], one-hot or several at once, where the network has classes.
        weights: networks to begin with instead of random ones.
        team: the processes that train together.

    Raises:
        InputError: images, labels, batch size, weights or device do not fit.
    """

    def __init__(
        self,
        images_NHWC: NDArray[np.uint8],
        network: NetworkOptions,
        training: TrainingOptions,
        labels: NDArray[np.generic] | None = None,
        *,
        weights: StartingWeights | None = None,
        team: Team | None = None,
    ) -> None:
        wanted = (network.height, network.width, network.image_channels)
        self.held_out = draw_held_out(len(images_NHWC), training.held_out_share, training.seed)
        check_images(images_NHWC, wanted, training.batch_size, num_held_out=self.held_out.sum())
        check_labels(labels, len(images_NHWC), network.num_classes)
        if training.batch_size // training.processes % network.minibatch_group:
            raise InputError(
                "StyleGAN2 training wants a batch size per process that is a multiple of the "
                f"minibatch_group {network.minibatch_group}, got {training.batch_size} for "
                f"{training.processes} processes; change one of the three."
            )
        if weights is not None:
            weights.check_sizes(network)
        self.remark = ""  # shown behind the progress bar
        self._team = team or Team()
        self._device = pick_device(training.device, self._team.rank)
        self._half = resolve_precision(training.precision, self._device)
        self._network = network
        self._training = training
        self._weights = weights
        self._images = images_NHWC, labels

    @cached_property
    def _data(self) -> ResidentImages:
        images_NHWC, labels = self._images
        return ResidentImages(
            images_NHWC,
            labels,
            mirror=self._training.mirror,
            seed=self._training.seed,
            device=self._device,
            held_out=self.held_out,
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over images, labels and all options that bear on the weights."""
        return hashlib.sha256(json.dumps(self._settings, sort_keys=True).encode()).hexdigest()

    def snapshots(self, resume: TrainingState | None = None) -> Iterator[Snapshot]:
        """Train, yielding a snapshot at 0, at each `snapshot_kimg` and at the end.

        With `resume` the run goes on behind that state, on a CPU to the same bits as if it had
        never stopped; the state's own snapshot is not yielded again, and nothing is when the run
        was already complete.

        Raises:
            InputError: `resume` is of other settings or images, or incomplete; or the memory is
                too small for the batch.
            TrainingDivergedError: a loss or gradient is not finite.
        """
        contest, average = self._begin()
        images = 0
        if resume is not None:
            images = self._restore(resume, contest, average)
        steps = TrainingSteps(contest, self._data, self._training, compiles=self._compiles)
        if resume is None:
            yield self._snapshot(0, steps, average, seconds_per_kimg=None)
        yield from self._train(images, steps, average)

    @property
    def _compiles(self) -> bool:
        chosen = self._training.acceleration
        return chosen in ("compile", "cuda_graphs") or (
            chosen == "auto" and self._device.type == "cuda"
        )

    def _train(self, images: int, steps: TrainingSteps, average: Generator) -> Iterator[Snapshot]:
        batch_size = self._training.batch_size
        total = _whole(self._training.total_kimg)
        every = _whole(self._training.snapshot_kimg)
        empty: tuple[int, ...] = ()
        with track(empty, "Train StyleGAN2", total=total, unit="img") as progress:
            progress.update(min(images, total))
            since, started = images, time.perf_counter()
            while images < total:
                before = images
                self._advance(images, steps)
                self._average(images, steps.contest.generator, average)
                images += batch_size
                progress.update(min(images, total) - before)
                seconds_per_kimg = (time.perf_counter() - started) / (images - since) * 1000
                if steps.contest.step % _STEPS_BETWEEN_POSTFIXES == 0:
                    line = _progress_line(steps, seconds_per_kimg, self.remark)
                    progress.set_postfix_str(line, refresh=False)
                if images >= total or before // every != images // every:
                    yield self._snapshot(images, steps, average, seconds_per_kimg)
                    since, started = images, time.perf_counter()

    def _advance(self, images: int, steps: TrainingSteps) -> None:
        """Take one step; say which batch size fits where the memory does not suffice."""
        batch_size = self._training.batch_size
        reason = ""
        try:
            with tuned(self._device):
                steps.advance(*self._data.batch(images, batch_size))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).split("\n", maxsplit=1)[0]
        if not reason:
            return
        # Outside the handler, whose traceback would keep the failed step's tensors alive.
        fitting = self._fitting_batch(steps.contest) if self._team.size == 1 else None
        advice = f"set batch_size to {fitting}" if fitting else "make the networks smaller"
        raise InputError(
            f"StyleGAN2 training with a batch size of {batch_size} wants more memory than "
            f"{self._device} has ({reason}); {advice}."
        )

    def _fitting_batch(self, contest: Contest) -> int | None:
        """Double a small batch while a step with all penalties succeeds; the run is lost anyway.

        From below, since torch does not give everything back when a second-order step fails.
        """
        fitting = None
        size = max(2, self._network.minibatch_group)
        while size < self._training.batch_size and self._fits(size, contest):
            fitting, size = size, size * 2
        return fitting

    def _fits(self, batch_size: int, contest: Contest) -> bool:
        for parameter in (*contest.generator.parameters(), *contest.discriminator.parameters()):
            parameter.grad = None
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        contest.step = 0  # when both penalties are due
        smaller = self._training.model_copy(update={"batch_size": batch_size})
        try:
            TrainingSteps(contest, self._data, smaller).advance(*self._data.batch(0, batch_size))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return False
        return True

    def _begin(self) -> tuple[Contest, Generator]:
        """Build networks and optimisers from the seed."""
        options = self._training
        if self._device.type == "cpu":
            keep_freed_memory()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            generator, discriminator = Generator(self._network), Discriminator(self._network)
        average = copy.deepcopy(generator)
        if self._weights is not None:
            generator.load_state_dict(self._weights.generator.state_dict())
            discriminator.load_state_dict(self._weights.discriminator.state_dict())
            average.load_state_dict(self._weights.average.state_dict())
        generator, discriminator = generator.to(self._device), discriminator.to(self._device)
        average = average.to(self._device).eval().requires_grad_(requires_grad=False)
        for one in (generator, average):
            self._set_precision(one)
        discriminator.set_half(self._half, options.half_levels)
        discriminator.freeze(options.freeze_blocks)
        path_interval = options.path_length_interval if options.path_length_weight else None
        gamma = options.effective_r1_gamma(self._network.height, self._network.width)
        augmentation = options.augmentation
        strength = 0.0
        if isinstance(augmentation, AugmentationOptions):
            strength = augmentation.strength_start
        contest = Contest(
            generator=generator,
            discriminator=discriminator,
            generator_adam=lazy_adam(generator, options.learning_rate, path_interval),
            discriminator_adam=lazy_adam(
                discriminator, options.learning_rate, options.r1_interval if gamma else None
            ),
            random=torch.Generator(self._device).manual_seed(options.seed),
            path_length_mean=torch.zeros((), device=self._device),
            augmentation_strength=torch.tensor(strength, device=self._device),
            real_sign_sum=torch.zeros((), device=self._device),
            team=self._team,
        )
        return contest, average

    def _set_precision(self, generator: Generator) -> None:
        generator.synthesis.set_half(self._half, self._training.half_levels)

    def _average(self, images_before: int, generator: Generator, average: Generator) -> None:
        """Half-life as given, but never more than a share of the images so far (ADA's ramp)."""
        half_life = self._training.effective_ema_kimg * 1000
        if self._training.ema_ramp is not None:
            half_life = min(half_life, images_before * self._training.ema_ramp)
        share = 0.5 ** (self._training.batch_size / half_life) if half_life > 0 else 0.0
        average_weights(average, generator, share)

    @cached_property
    def _settings(self) -> dict[str, object]:
        network = {f"network.{k}": v for k, v in self._network.model_dump(mode="json").items()}
        training = {
            f"training.{k}": v
            for k, v in self._training.model_dump(mode="json").items()
            if k not in _MAY_CHANGE
        }
        return {
            **network,
            **training,
            "training.precision": str(self._half),  # what auto comes to is what counts
            "data": data_checksum(*self._images),
            "weights": None if self._weights is None else self._weights.checksum,
        }

    def _snapshot(
        self, images: int, steps: TrainingSteps, average: Generator, seconds_per_kimg: float | None
    ) -> Snapshot:
        statistics = steps.take_statistics()
        statistics["augmentation_strength"] = float(steps.contest.augmentation_strength)
        gap = held_out_gap(steps.contest, self._data, self._training, seed=images)
        if gap is not None and images:
            statistics["held_out_gap"] = gap
        if seconds_per_kimg is not None:
            statistics["seconds_per_kimg"] = seconds_per_kimg
        state = self._state(images, steps.contest, average)
        return Snapshot(images / 1000, copy.deepcopy(average), statistics, state)

    def _state(self, images: int, contest: Contest, average: Generator) -> TrainingState:
        tensors = {
            **copied("generator", contest.generator.state_dict()),
            **copied("discriminator", contest.discriminator.state_dict()),
            **copied("average", average.state_dict()),
            **copied("generator_adam", optimiser_tensors(contest.generator_adam)),
            **copied("discriminator_adam", optimiser_tensors(contest.discriminator_adam)),
            **copied("contest", {"path_length_mean": contest.path_length_mean}),
            **copied("contest", {"random": contest.random.get_state()}),
        }
        scalars: dict[str, object] = {
            "images": images,
            "step": contest.step,
            "augmentation_strength": float(contest.augmentation_strength),
            "real_sign_sum": float(contest.real_sign_sum),
            "real_sign_count": contest.real_sign_count,
            "rate_factor": contest.rate_factor,
            "gamma_factor": contest.gamma_factor,
            "fingerprint": self.fingerprint,
            "settings": self._settings,
        }
        return TrainingState(tensors, scalars)

    def _restore(self, state: TrainingState, contest: Contest, average: Generator) -> int:
        """Put `state` into networks, optimisers and counters; return the images shown so far."""
        settings = state.scalars.get("settings")
        check_same_settings(settings if isinstance(settings, dict) else {}, self._settings)
        images = int(state.number("images"))
        contest.generator.load_state_dict(state.part("generator"))
        contest.discriminator.load_state_dict(state.part("discriminator"))
        average.load_state_dict(state.part("average"))
        if images:  # before the first step the optimisers have no state
            restore_optimiser(contest.generator_adam, state.part("generator_adam"))
            restore_optimiser(contest.discriminator_adam, state.part("discriminator_adam"))
        rest = state.part("contest")
        contest.path_length_mean = rest["path_length_mean"].to(self._device, copy=True)
        contest.random.set_state(rest["random"].clone())
        contest.augmentation_strength.fill_(state.number("augmentation_strength"))
        contest.real_sign_sum.fill_(state.number("real_sign_sum"))
        contest.scale_rates(state.number("rate_factor"))
        contest.gamma_factor = state.number("gamma_factor")
        contest.real_sign_count = int(state.number("real_sign_count"))
        contest.step = int(state.number("step"))
        return images


def _progress_line(steps: TrainingSteps, seconds_per_kimg: float, remark: str) -> str:
    means = steps.statistics()
    parts = [
        f"{seconds_per_kimg:.2f} s/kimg",
        f"G {means['generator_loss']:.2f} D {means['discriminator_loss']:.2f}",
        f"augmentation {float(steps.contest.augmentation_strength):.3f}",
        remark,
    ]
    return ", ".join(part for part in parts if part)


def _whole(kimg: float) -> int:
    return max(1, round(kimg * 1000))
