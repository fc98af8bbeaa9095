"""Room for features: in memory while they are few, else in a file that has no name."""

import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosmop.errors import InputError, is_no_room

_MEMORY_BYTES = 2**29


def feature_room(count: int, dimensions: int, folder: Path | None = None) -> NDArray[np.float32]:
    """Return an array float32 [count, dimensions] to be filled.

    Above 512 MiB it is a memory map of an unnamed file in `folder` (by default the system's folder
    for temporary files), which the system may take out of memory and which is gone with the array.

    Raises:
        InputError: The disk has no room for it.
    """
    shape, size = (count, dimensions), 4 * count * dimensions
    if size <= _MEMORY_BYTES:
        return np.empty(shape, dtype=np.float32)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            if hasattr(os, "posix_fallocate"):  # writing to a map on a full disk kills the process
                os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(size)
        except OSError as error:
            if not is_no_room(error):
                raise
            raise InputError(
                f"The features of {count} images need {size / 2**20:.0f} MiB in "
                f"{folder or tempfile.gettempdir()}, which has no room for them; free some space "
                "or set `pooling: average`."
            ) from error
        return np.memmap(file, dtype=np.float32, mode="r+", shape=shape)
