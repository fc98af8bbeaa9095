"""Which device computes, and whether it multiplies in bfloat16."""

from functools import cache
from pathlib import Path

import torch

from cosmop.errors import InputError

_CPU_FACTS = Path("/proc/cpuinfo")
# Linux's names of instructions that multiply bfloat16: two of x86, one of ARM.
_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def pick_device(name: str, rank: int = 0) -> torch.device:
    """Return the device called `name`; ``"auto"`` is CUDA where there is one, else the CPU.

    Without a number, process `rank` of several takes the CUDA device of its own number.

    Raises:
        InputError: No such device on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(f"cuda:{rank}" if name == "cuda" and rank else name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            "The option `device` must name a device of this machine, which has "
            f"{torch.cuda.device_count()} CUDA devices, got {name!r} for process {rank}; use "
            "`auto` or `cpu`."
        ) from error
    return device


def multiplies_bfloat16(device: torch.device) -> bool:
    """Tell whether `device` has instructions that multiply bfloat16; of CPUs only Linux says so."""
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
