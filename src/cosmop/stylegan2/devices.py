"""Which device the networks run on."""

import torch

from cosmop.errors import InputError


def resolve_device(name: str) -> torch.device:
    """Return the device called `name`; ``auto`` is CUDA where there is one, else the CPU.

    Raises:
        InputError: CUDA is asked for and absent, or the name is unknown.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(
            f"StyleGAN2 runs on auto, cpu or cuda, got device {name!r}; choose one of these."
        ) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"StyleGAN2 was asked to run on {name!r}, got a machine with "
            f"{torch.cuda.device_count()} CUDA devices; set device to auto or cpu."
        )
    return device
