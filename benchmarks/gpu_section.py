"""What a section of the GPU suite gets, and what it returns."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

PROJECT = Path(__file__).parents[1]
SEED = 0


@dataclass
class Section:
    """One table of the page: what was done, the rows, and what was left out."""

    title: str
    words: str
    columns: Sequence[str] = ()
    rows: list[Sequence[object]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Budget:
    """The device to measure, and until when."""

    device: torch.device
    deadline: float

    def left(self) -> float:
        """Return the seconds that are left, below 0 when it is over."""
        return self.deadline - time.monotonic()


Work = Callable[[Budget], Section]
