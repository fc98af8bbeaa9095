"""What training is given: images of the network's size, and the criteria that each fulfils."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.stylegan2.options import NetworkOptions


def pixels_for(network: NetworkOptions, images: ImageSet) -> NDArray[np.uint8]:
    """Return the images at the network's size, uint8 [N, H, W, 1 or 3]."""
    size = (network.height, network.width)
    return images.array(size, fit="stretch", channels=network.image_channels)


def label_rows(manifest: pd.DataFrame, class_names: Sequence[str]) -> NDArray[Any] | None:
    """Return label rows [N, classes], float32 0 or 1, or None without classes.

    Raises:
        InputError: the manifest has no such column of booleans.
    """
    if not class_names:
        return None
    known = list(manifest.select_dtypes(bool))
    unknown = sorted(set(class_names) - set(known))
    if unknown:
        raise InputError(
            f"generation.network.class_names must be criteria of the labels, got {unknown}; "
            f"choose among {known}."
        )
    return manifest[list(class_names)].to_numpy(np.float32)
