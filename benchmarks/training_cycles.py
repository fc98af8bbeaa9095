"""StyleGAN2 training taken cycle by cycle, with its time, its arithmetic and its memory.

A cycle is as many steps as bring each lazy penalty up exactly as often as it is due: 16 by default,
with 16 generator and discriminator phases, 4 path length phases and 1 of R1.
"""

import math
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from cosmop.devices import pick_device
from cosmop.stylegan2.devices import resolve_precision, tuned
from cosmop.stylegan2.options import NetworkOptions, TrainingOptions
from cosmop.stylegan2.steps import TrainingSteps
from cosmop.stylegan2.trainer import TrainingRun

Watch = Callable[[str], AbstractContextManager[object]]


class WatchedSteps(TrainingSteps):
    """Training steps of which each phase runs inside `watch(its name)`."""

    watch: Watch | None = None

    def _watched(self, phase: str) -> AbstractContextManager[object]:
        return nullcontext() if self.watch is None else self.watch(phase)

    def generator_phase(self) -> None:
        """Watch the adversarial update of the generator."""
        with self._watched("generator"):
            super().generator_phase()

    def path_length_phase(self) -> None:
        """Watch the path length update of the generator."""
        with self._watched("path_length"):
            super().path_length_phase()

    def discriminator_phase(self, *batch: Any) -> None:
        """Watch the adversarial update of the discriminator, new fakes included."""
        with self._watched("discriminator"):
            super().discriminator_phase(*batch)

    def r1_phase(self, *batch: Any) -> None:
        """Watch the R1 update of the discriminator."""
        with self._watched("r1"):
            super().r1_phase(*batch)


class OurTraining:
    """A training run on random images: everything that training does, but for snapshots."""

    def __init__(self, network: NetworkOptions, training: TrainingOptions) -> None:
        count, shape = 4 * training.batch_size, (network.height, network.width)
        noise = np.random.default_rng(training.seed).integers(
            0, 256, (count, *shape, network.image_channels), dtype=np.uint8
        )
        self._run = TrainingRun(noise, network, training)
        self._contest, self._average = self._run._begin()
        compiles = self._run._compiles
        self.steps = WatchedSteps(self._contest, self._run._data, training, compiles=compiles)
        self._batch_size = training.batch_size
        self.steps_per_cycle = math.lcm(training.r1_interval, training.path_length_interval)
        self.images_per_cycle = self.steps_per_cycle * training.batch_size

    def step(self) -> None:
        """Take one step of training, as the trainer does, and do not wait for it."""
        images = self._contest.step * self._batch_size
        self._run._advance(images, self.steps)
        self._run._average(images, self._contest.generator, self._average)

    def cycle(self) -> None:
        """Take a cycle of steps and wait for the device."""
        for _ in range(self.steps_per_cycle):
            self.step()
        wait(self._contest.random.device)

    def seconds_by_phase(self) -> dict[str, float]:
        """Take a cycle, waiting for the device after each phase; return the seconds of each.

        ``rest`` is data, the averaged generator and the augmentation's strength.
        """
        spent: defaultdict[str, float] = defaultdict(float)
        device = self._contest.random.device

        @contextmanager
        def stopwatch(phase: str) -> Iterator[None]:
            wait(device)
            start = clock(device)
            yield
            wait(device)
            spent[phase] += clock(device) - start

        self.steps.watch = stopwatch
        start = clock(device)
        self.cycle()
        whole = clock(device) - start
        self.steps.watch = None
        return {**spent, "rest": whole - sum(spent.values())}


class ArithmeticCount(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the floating-point operations of dense convolutions and matrix products.

    A product and a sum are two. Depthwise convolutions, which are filters, count as nothing, like
    all that is done pixel by pixel: no device does them at the rate of matrix products. torch's
    own FlopCounterMode has the same formulas, but cannot follow a gradient by a leaf.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Do `func` and count it."""
        out = func(*args, **(kwargs or {}))
        packet = func._overloadpacket
        if packet in flop_registry and not _is_depthwise(packet, args):
            self.flops += flop_registry[packet](*args, **(kwargs or {}), out_val=out)
        return out


def _is_depthwise(packet: Any, arguments: tuple[Any, ...]) -> bool:
    place = {torch.ops.aten.convolution: 1, torch.ops.aten.convolution_backward: 2}.get(packet)
    if place is None:
        return False
    groups = arguments[8] if place == 1 else arguments[9]
    return bool(groups > 1 and arguments[place].shape[1] == 1)


def flops_by_phase(network: NetworkOptions, training: TrainingOptions) -> dict[str, float]:
    """Return the arithmetic of a cycle's phases, counted eagerly on one step of few images.

    It is proportional to the batch, so few images tell; the first step has all phases.
    """
    few = 2 * network.minibatch_group
    less = {"batch_size": few, "acceleration": "eager"}
    small = OurTraining(network, training.model_copy(update=less))
    counts = {name: ArithmeticCount() for name in phases_per_cycle(training)}
    small.steps.watch = counts.__getitem__
    small.step()
    return {
        name: counts[name].flops * times * training.batch_size / few
        for name, times in phases_per_cycle(training).items()
    }


def phases_per_cycle(training: TrainingOptions) -> dict[str, int]:
    """Return how often a cycle of steps has each phase."""
    steps = math.lcm(training.r1_interval, training.path_length_interval)
    path_lengths = steps // training.path_length_interval if training.path_length_weight else 0
    r1 = 0 if training.r1_gamma == 0 else steps // training.r1_interval
    return {"generator": steps, "path_length": path_lengths, "discriminator": steps, "r1": r1}


def arithmetic_rates(device: torch.device, dtype: torch.dtype) -> dict[str, float]:
    """Return the FLOPs per second of a large matrix product and a large convolution.

    The faster is the limit: libraries differ (on some CPUs the product is the slower one by two).
    On CUDA, float32 means TF32, in which training's convolutions multiply, too.
    """
    is_cuda = device.type == "cuda"
    side, batch, channels, times = (8192, 64, 512, 10) if is_cuda else (1024, 8, 256, 1)
    x, y = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    image = torch.randn(batch, channels, 32, 32, device=device).to(dtype)
    image = image.contiguous(memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, 3, 3, device=device).to(dtype)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    with torch.no_grad(), tuned(device):
        products = _best_seconds(lambda: x @ y, times, device)
        convolutions = _best_seconds(lambda: F.conv2d(image, weight, padding=1), times, device)
    torch.backends.cuda.matmul.allow_tf32 = before
    return {
        "matrix product": 2 * side**3 / products,
        "convolution": 2 * image.numel() * weight[0].numel() / convolutions,
    }


def _best_seconds(work: Callable[[], Tensor], times: int, device: torch.device) -> float:
    best = math.inf
    for _ in range(5):
        wait(device)
        start = clock(device)
        for _ in range(times):
            work()
        wait(device)
        best = min(best, (clock(device) - start) / times)
    return best


def computing_type(training: TrainingOptions) -> torch.dtype:
    """Return the type in which the finest levels multiply."""
    return resolve_precision(training.precision, pick_device(training.device)) or torch.float32


def clock(device: torch.device) -> float:
    """Return seconds: of this process on one CPU thread, which a busy machine cannot stretch."""
    on_one_thread = device.type == "cpu" and torch.get_num_threads() == 1
    return time.process_time() if on_one_thread else time.perf_counter()


def clock_name(device: torch.device) -> str:
    """Say what `clock` measures."""
    on_one_thread = device.type == "cpu" and torch.get_num_threads() == 1
    return "CPU seconds of one thread" if on_one_thread else "wall seconds"


def wait(device: torch.device) -> None:
    """Wait until the device has done everything."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class PeakMemory:
    """The most memory that something took: its own on CUDA, the whole process's on a CPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self._before = torch.cuda.memory_allocated(device)

    def megabytes(self) -> int:
        """Return MB since this was made (CUDA), or since the process began (CPU)."""
        if self._device.type == "cuda":
            return round((torch.cuda.max_memory_allocated(self._device) - self._before) / 1e6)
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def device_name(device: torch.device) -> str:
    """Return the name of the GPU, or the number of CPU threads in use."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}"
