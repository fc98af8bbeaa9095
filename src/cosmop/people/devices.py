"""Which device computes, and in which number format it does so fast."""

from functools import cache
from pathlib import Path

import torch

from cosmop.errors import InputError
from cosmop.people.options import Precision

_CPU_FACTS = Path("/proc/cpuinfo")
# Linux's names of instructions that multiply bfloat16: two of x86, one of ARM.
_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


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


def pick_precision(wanted: Precision, device: torch.device) -> torch.dtype:
    """Return the type in which a trunk computes on `device`.

    ``auto`` is bfloat16 where the device multiplies it in hardware, else float32. On CPUs only
    Linux says so; elsewhere float32 is taken. A wish for bfloat16 is granted anywhere.
    """
    if wanted == "auto":
        return torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32


def multiplies_bfloat16(device: torch.device) -> bool:
    """Tell whether `device` has instructions that multiply bfloat16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere
    return device.type == "cpu" and _cpu_multiplies_bfloat16(_CPU_FACTS)


@cache
def _cpu_multiplies_bfloat16(facts: Path) -> bool:
    has_library = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not (has_library and facts.is_file()):
        return False
    lines = facts.read_text(encoding="utf-8", errors="replace").lower().splitlines()
    flags = (line.split(":", 1)[-1] for line in lines if line.startswith(("flags", "features")))
    return bool(_CPU_FLAGS.intersection(next(flags, "").split()))
