"""Devices, precision and memory."""

import os
import subprocess
import sys

import pytest
import torch

from cosmop.stylegan2.devices import resolve_precision

_FAULTS = """
import resource, sys
import torch
from cosmop.stylegan2.devices import keep_freed_memory

torch.set_num_threads(1)
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(3):
    _ = [torch.ones(4 * 2**20) for _ in range(6)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    _ = None  # frees six buffers of 16 MiB, 4,096 pages each
    _ = [torch.ones(4 * 2**20) for _ in range(6)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
# glibc adapts both to what was freed before; fixed, it gives each of the buffers back at once.
_GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}


def _page_faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _FAULTS, how],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **_GIVE_BACK},
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other C libraries differ")
def test_freed_memory_is_used_again_instead_of_asking_for_new_pages() -> None:
    assert 4 * _page_faults("keep") < _page_faults("by default")


def test_precision_is_what_was_asked_for_on_any_device() -> None:
    cpu = torch.device("cpu")

    assert resolve_precision("float32", cpu) is None
    assert resolve_precision("bfloat16", cpu) == torch.bfloat16
    assert resolve_precision("float16", cpu) == torch.float16
    assert resolve_precision("auto", cpu) in (None, torch.bfloat16)
