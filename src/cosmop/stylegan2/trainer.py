"""Training of StyleGAN2 as an iterator of snapshots: no files, no tracking, no prints."""

import copy
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.progress import track
from cosmop.stylegan2.devices import resolve_device
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.image_data import ResidentImages, check_images, check_labels, data_checksum
from cosmop.stylegan2.options import NetworkOptions, TrainingOptions
from cosmop.stylegan2.state import (
    TrainingState,
    check_same_settings,
    copied,
    optimiser_tensors,
    restore_optimiser,
)
from cosmop.stylegan2.steps import (
    Contest,
    TrainingDivergedError,
    TrainingSteps,
    average_weights,
    lazy_adam,
)

__all__ = ["Snapshot", "TrainingDivergedError", "TrainingRun", "TrainingState"]

_MAY_CHANGE = (
    "total_kimg",
    "snapshot_kimg",
    "device",
)  # when a run goes on: no influence on weights
_STEPS_BETWEEN_POSTFIXES = 25


@dataclass(frozen=True)
class Snapshot:
    """The averaged generator after `kimg` thousand images, and all that is needed to go on.

    `statistics` holds means since the snapshot before: losses, logits, real_sign (r_t),
    path_length, r1_penalty, augmentation_strength (now), seconds_per_kimg (training alone).
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
        labels: one-hot labels [N, classes] where the network has classes.

    Raises:
        InputError: images, labels, batch size or device do not fit.
    """

    def __init__(
        self,
        images_NHWC: NDArray[np.uint8],
        network: NetworkOptions,
        training: TrainingOptions,
        labels: NDArray[np.generic] | None = None,
    ) -> None:
        wanted = (network.height, network.width, network.image_channels)
        check_images(images_NHWC, wanted, training.batch_size)
        check_labels(labels, len(images_NHWC), network.num_classes)
        if training.batch_size % network.minibatch_group:
            raise InputError(
                "StyleGAN2 training wants a batch size that is a multiple of the minibatch_group "
                f"{network.minibatch_group}, got {training.batch_size}; change one of the two."
            )
        self._device = resolve_device(training.device)
        self._network = network
        self._training = training
        self._data_checksum = data_checksum(images_NHWC, labels)
        self._data = ResidentImages(
            images_NHWC, labels, mirror=training.mirror, seed=training.seed, device=self._device
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 over images, labels and all options that bear on the weights."""
        return hashlib.sha256(json.dumps(self._settings(), sort_keys=True).encode()).hexdigest()

    def snapshots(self, resume: TrainingState | None = None) -> Iterator[Snapshot]:
        """Train, yielding a snapshot at 0, at each `snapshot_kimg` and at the end.

        With `resume` the run goes on behind that state, on a CPU to the same bits as if it had
        never stopped; the state's own snapshot is not yielded again, and nothing is when the run
        was already complete.

        Raises:
            InputError: `resume` is of other settings or images, or incomplete.
            TrainingDivergedError: a loss or gradient is not finite.
        """
        contest, average = self._begin()
        images = 0
        if resume is not None:
            images = self._restore(resume, contest, average)
        steps = TrainingSteps(contest, self._data, self._training)
        if resume is None:
            yield self._snapshot(0, steps, average, seconds_per_kimg=None)
        yield from self._train(images, steps, average)

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
                steps.advance(*self._data.batch(images, batch_size))
                self._average(images, steps.contest.generator, average)
                images += batch_size
                progress.update(min(images, total) - before)
                if steps.contest.step % _STEPS_BETWEEN_POSTFIXES == 0:
                    progress.set_postfix_str(_progress_line(steps), refresh=False)
                if images >= total or before // every != images // every:
                    seconds = time.perf_counter() - started
                    speed = seconds / (images - since) * 1000
                    yield self._snapshot(images, steps, average, seconds_per_kimg=speed)
                    since, started = images, time.perf_counter()

    def _begin(self) -> tuple[Contest, Generator]:
        """Build networks and optimisers from the seed."""
        options = self._training
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            generator, discriminator = Generator(self._network), Discriminator(self._network)
        generator, discriminator = generator.to(self._device), discriminator.to(self._device)
        average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
        path_interval = options.path_length_interval if options.path_length_weight else None
        gamma = options.effective_r1_gamma(self._network.height, self._network.width)
        augmentation = options.augmentation
        contest = Contest(
            generator=generator,
            discriminator=discriminator,
            generator_adam=lazy_adam(generator, options.learning_rate, path_interval),
            discriminator_adam=lazy_adam(
                discriminator, options.learning_rate, options.r1_interval if gamma else None
            ),
            random=torch.Generator(self._device).manual_seed(options.seed),
            path_length_mean=torch.zeros((), device=self._device),
            augmentation_strength=augmentation.strength_start if augmentation else 0.0,
        )
        return contest, average

    def _average(self, images_before: int, generator: Generator, average: Generator) -> None:
        """Half-life as given, but never more than a share of the images so far (ADA's ramp)."""
        half_life = self._training.effective_ema_kimg * 1000
        if self._training.ema_ramp is not None:
            half_life = min(half_life, images_before * self._training.ema_ramp)
        share = 0.5 ** (self._training.batch_size / half_life) if half_life > 0 else 0.0
        average_weights(average, generator, share)

    def _settings(self) -> dict[str, object]:
        network = {f"network.{k}": v for k, v in self._network.model_dump(mode="json").items()}
        training = {
            f"training.{k}": v
            for k, v in self._training.model_dump(mode="json").items()
            if k not in _MAY_CHANGE
        }
        return {**network, **training, "data": self._data_checksum}

    def _snapshot(
        self, images: int, steps: TrainingSteps, average: Generator, seconds_per_kimg: float | None
    ) -> Snapshot:
        statistics = steps.take_statistics()
        statistics["augmentation_strength"] = steps.contest.augmentation_strength
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
            "augmentation_strength": contest.augmentation_strength,
            "real_sign_sum": contest.real_sign_sum,
            "real_sign_count": contest.real_sign_count,
            "fingerprint": self.fingerprint,
            "settings": self._settings(),
        }
        return TrainingState(tensors, scalars)

    def _restore(self, state: TrainingState, contest: Contest, average: Generator) -> int:
        """Put `state` into networks, optimisers and counters; return the images shown so far."""
        settings = state.scalars.get("settings")
        check_same_settings(settings if isinstance(settings, dict) else {}, self._settings())
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
        contest.augmentation_strength = state.number("augmentation_strength")
        contest.real_sign_sum = state.number("real_sign_sum")
        contest.real_sign_count = int(state.number("real_sign_count"))
        contest.step = int(state.number("step"))
        return images


def _progress_line(steps: TrainingSteps) -> str:
    means = steps.statistics()
    losses = f"G {means['generator_loss']:.2f} D {means['discriminator_loss']:.2f}" if means else ""
    return f"{losses} augmentation {steps.contest.augmentation_strength:.3f}".strip()


def _whole(kimg: float) -> int:
    return max(1, round(kimg * 1000))
