"""In which precision the networks compute, and how a device and its memory are used."""

import ctypes
from contextlib import AbstractContextManager, nullcontext

import torch

from cosmop.devices import multiplies_bfloat16

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


def resolve_precision(name: str, device: torch.device) -> torch.dtype | None:
    """Return the half-precision type of the finest levels, or None for float32 throughout.

    ``auto`` takes bfloat16 where the hardware multiplies in it, float16 on older CUDA devices, and
    float32 elsewhere.
    """
    if name == "auto":
        older = "float16" if device.type == "cuda" else "float32"
        name = "bfloat16" if multiplies_bfloat16(device) else older
    return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(name)


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
