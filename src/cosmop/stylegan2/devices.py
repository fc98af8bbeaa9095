"""Which device the networks run on, and in which precision."""

import ctypes
from contextlib import AbstractContextManager, nullcontext

import torch

from cosmop.errors import InputError

_SIGNS_OF_NO_MEMORY = (
    "DefaultCPUAllocator",
    "could not create a primitive",  # oneDNN, which has no better words for it
    "could not create a memory",
    "bad_alloc",
)
_MALLOC_OPTIONS = {
    -3: 32 * 2**20,  # M_MMAP_THRESHOLD, bytes; the most that glibc takes
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD, bytes
    -2: 64 * 2**20,  # M_TOP_PAD, bytes
}
_FIRST_CUDA_WITH_BFLOAT16 = 8  # compute capability of Ampere


def resolve_device(name: str, rank: int = 0) -> torch.device:
    """Return the device called `name`; ``auto`` is CUDA where there is one, else the CPU.

    Without a number, process `rank` takes the CUDA device of its own number.

    Raises:
        InputError: CUDA is asked for and absent, or the name is unknown.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(f"cuda:{rank}" if name == "cuda" and rank else name)
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


def resolve_precision(name: str, device: torch.device) -> torch.dtype | None:
    """Return the half-precision type of the finest levels, or None for float32 throughout.

    ``auto`` takes bfloat16 where the hardware multiplies in it, float16 on older CUDA devices, and
    float32 elsewhere.
    """
    if name == "auto":
        if device.type == "cuda":
            major, _ = torch.cuda.get_device_capability(device)
            name = "bfloat16" if major >= _FIRST_CUDA_WITH_BFLOAT16 else "float16"
        else:
            name = "bfloat16" if _cpu_multiplies_in_bfloat16() else "float32"
    return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(name)


def _cpu_multiplies_in_bfloat16() -> bool:
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)


def tuned(device: torch.device) -> AbstractContextManager[None]:
    """Let cuDNN look for the fastest convolutions and use TF32 in what is left in float32."""
    if device.type != "cuda":
        return nullcontext()
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=True, allow_tf32=True
    )
    return flags


def keep_freed_memory() -> None:
    """Let the C library keep what is freed for the next step, instead of returning it.

    By default glibc gives buffers of a few megabytes back at once, and every step asks the kernel
    for thousands of new pages: a sixth of a step on two CPU cores. Without glibc nothing changes.
    """
    try:
        change = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for parameter, value in _MALLOC_OPTIONS.items():
        change(parameter, value)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Tell whether torch could not get the memory it asked for, on any device."""
    is_said = any(sign in str(error) for sign in _SIGNS_OF_NO_MEMORY)
    return isinstance(error, torch.OutOfMemoryError) or is_said
