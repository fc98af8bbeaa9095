"""Which device computes."""

import torch

from cosmop.errors import InputError


def pick_device(name: str) -> torch.device:
    """Return the device called `name`; ``"auto"`` is CUDA where there is one, else the CPU.

    Raises:
        InputError: No such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"The option `device` must name a device of this machine, got {name!r}; "
            "use `auto` or `cpu`."
        ) from error
    return device
