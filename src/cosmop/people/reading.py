"""Reading images ahead of the network, and saying which one could not be read."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cosmop.imaging.decoding import fit_image
from cosmop.imaging.image_set import ImageSet

UInt8s = NDArray[np.uint8]
S = TypeVar("S")
T = TypeVar("T")

_READERS = 4  # decoding releases the interpreter lock
_AHEAD = 8  # whole photographs may take 100 MB each


def read_fitted(images: ImageSet, size: tuple[int, int], fit: str, index: int) -> UInt8s:
    """Decode image number `index` and bring it to `size`: uint8 [H, W, 3].

    Raises:
        InputError: As `ImageSet.open`.
    """
    return np.asarray(fit_image(images.open(index), size, fit))


def read_ahead(work: Callable[[S], T], items: Iterable[S], ahead: int = _AHEAD) -> Iterator[T]:
    """Yield ``work(item)`` in order while threads already work on the next `ahead` items."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(_READERS) as readers:
        try:
            for item in items:
                waiting.append(readers.submit(work, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items in order; the last one may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
