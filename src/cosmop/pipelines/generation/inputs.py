"""What training is told besides images: the criteria that each fulfils."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cosmop.errors import InputError


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
