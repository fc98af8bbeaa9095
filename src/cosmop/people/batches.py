"""Batches to learn from: which images, in which order, changed in which way."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cosmop.people.augmentation import DrawnAugmentation, draw_augmentation
from cosmop.people.options import AugmentationOptions
from cosmop.people.pixels import LabelledPixels


@dataclass(frozen=True)
class Batch:
    """Images of one optimiser step.

    Attributes:
        images: uint8 [N, H, W, 3], on the CPU, as they were given.
        labels: float32 [N], 0 or 1.
        drawn: What happens to each of them.
    """

    images: Tensor
    labels: Tensor
    drawn: DrawnAugmentation


class BatchStream:
    """Batches without end, in permutations that follow one another.

    So every batch is full: batch norm never sees a single image. ``state`` and ``restore`` go on
    with exactly the batch that would have come next.
    """

    def __init__(
        self, training: LabelledPixels, batch_size: int, options: AugmentationOptions, seed: int
    ) -> None:
        self._training = training
        self._labels = torch.as_tensor(training.part_labels, dtype=torch.float32)
        self._size = min(batch_size, len(training))
        self._options = options
        self._order = np.random.default_rng(seed)
        self._chance = torch.Generator().manual_seed(seed)
        self._waiting: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def __next__(self) -> Batch:
        while len(self._waiting) < self._size:
            following = self._order.permutation(len(self._training))
            self._waiting = np.concatenate([self._waiting, following])
        taken, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
        drawn = draw_augmentation(self._size, self._options, self._chance)
        return Batch(torch.as_tensor(self._training.batch(taken)), self._labels[taken], drawn)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return where the stream stands: tensors by name, and a plain JSON value."""
        tensors = {
            "waiting": torch.from_numpy(self._waiting.copy()),
            "augmentation_chance": self._chance.get_state(),
        }
        return tensors, dict(self._order.bit_generator.state)

    def restore(self, tensors: dict[str, Tensor], order: dict[str, Any]) -> None:
        """Go on where ``state`` was called."""
        self._waiting = tensors["waiting"].numpy()
        self._chance.set_state(tensors["augmentation_chance"])
        self._order.bit_generator.state = order
