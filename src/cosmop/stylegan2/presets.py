"""Published configurations of StyleGAN2 and StyleGAN2-ADA by name (Karras et al. 2020a, 2020b)."""

from collections.abc import Mapping
from typing import Any

from cosmop.errors import InputError
from cosmop.stylegan2.options import AugmentationOptions, NetworkOptions, TrainingOptions

_PAPER: dict[str, Any] = {"mapping_layers": 8, "total_kimg": 25000.0, "ema_ramp": None}
_PRESETS: dict[str, dict[str, Any]] = {
    "stylegan2": _PAPER
    | {
        "batch_size": 32,
        "minibatch_group": 4,
        "channel_base": 32768,
        "learning_rate": 0.002,
        "r1_gamma": 10.0,
        "ema_kimg": 10.0,
    },
    "paper256": _PAPER
    | {
        "batch_size": 64,
        "minibatch_group": 8,
        "channel_base": 16384,
        "learning_rate": 0.0025,
        "r1_gamma": 1.0,
        "ema_kimg": 20.0,
    },
    "paper512": _PAPER
    | {
        "batch_size": 64,
        "minibatch_group": 8,
        "channel_base": 32768,
        "learning_rate": 0.0025,
        "r1_gamma": 0.5,
        "ema_kimg": 20.0,
    },
    "paper1024": _PAPER
    | {
        "batch_size": 32,
        "minibatch_group": 4,
        "channel_base": 32768,
        "learning_rate": 0.002,
        "r1_gamma": 2.0,
        "ema_kimg": 10.0,
    },
    "cifar": {
        "mapping_layers": 2,
        "total_kimg": 100_000.0,
        "ema_ramp": 0.05,
        "batch_size": 64,
        "minibatch_group": 32,
        "channel_base": 32768,
        "learning_rate": 0.0025,
        "r1_gamma": 0.01,
        "ema_kimg": 500.0,
        "path_length_weight": 0.0,
        "style_mixing": 0.0,
        "discriminator_skip": "none",
    },
    "demo": {
        "mapping_layers": 2,
        "z_dim": 64,
        "w_dim": 64,
        "channel_base": 1024,
        "channel_max": 64,
        "batch_size": 16,
        "total_kimg": 24.0,
        "snapshot_kimg": 6.0,
        "r1_gamma": 0.0128,
        "ema_kimg": 2.0,
    },
}
PRESETS = ("auto", *_PRESETS)
_TRANSFER_ADA_KIMG = 100.0


def completed(
    preset: str, network: NetworkOptions, training: TrainingOptions
) -> tuple[NetworkOptions, TrainingOptions]:
    """Return the options with the preset's values wherever nothing was given.

    What was given explicitly stays. ``auto`` works values out from the image size and the number
    of processes as StyleGAN2-ADA does. When training begins from other weights, augmentation adapts
    five times as fast and the average has no ramp (ADA's transfer learning).

    Raises:
        InputError: there is no such preset, or its values do not go with those given.
    """
    if preset not in PRESETS:
        raise InputError(
            f"generation.preset must be one of {', '.join(PRESETS)}, got {preset!r}; choose one."
        )
    values = _PRESETS.get(preset) or _worked_out(network, training.processes)
    if training.resume_from is not None:
        values = values | {"ema_ramp": None}
    complete_network = NetworkOptions.model_validate(_filled(network, values))
    complete_training = TrainingOptions.model_validate(_filled(training, values))
    return complete_network, _for_transfer(complete_training)


def _filled(given: NetworkOptions | TrainingOptions, values: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in values.items() if name in type(given).model_fields}
    explicit = {name: getattr(given, name) for name in given.model_fields_set}
    return {**known, **explicit}


def _worked_out(network: NetworkOptions, processes: int) -> dict[str, Any]:
    """Values of ``auto`` by resolution and number of GPUs."""
    side = max(network.height, network.width)
    batch = max(min(processes * min(4096 // side, 32), 64), 2 * processes)
    return {
        "mapping_layers": 2,
        "total_kimg": 25000.0,
        "batch_size": batch,
        "minibatch_group": min(batch // processes, 4),
        "channel_base": 16384 if side < 512 else 32768,
        "learning_rate": 0.0025 if side < 1024 else 0.002,
    }


def _for_transfer(training: TrainingOptions) -> TrainingOptions:
    augmentation = training.augmentation
    if training.resume_from is None or not isinstance(augmentation, AugmentationOptions):
        return training
    if "ada_kimg" in augmentation.model_fields_set:
        return training
    faster = augmentation.model_copy(update={"ada_kimg": _TRANSFER_ADA_KIMG})
    return training.model_copy(update={"augmentation": faster})
