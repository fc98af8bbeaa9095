"""Features of many images and what they came from; free of torch for the catalog's sake."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class FeatureTable:
    """One feature vector per image of the study.

    Attributes:
        rows: One row per vector: ``image_id``, ``set`` (``train``, ``validation``, ``test``,
            ``synthetic``, or a set's name with ``_mirrored``), ``is_positive``.
        vectors: float32 [N, D], row by row; may be a memory map.
        extractor: The recipe that made them, at least ``name``, ``checksum`` (SHA-256 of the
            weights) and ``dimensions``: features of different recipes are never mixed.
    """

    rows: pd.DataFrame
    vectors: np.ndarray[Any, np.dtype[np.float32]]
    extractor: Mapping[str, Any]

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.vectors):
            raise ValueError(
                f"A feature table needs one vector per row, got {len(self.rows)} rows and "
                f"{len(self.vectors)} vectors."
            )

    def ids_of(self, image_set: str) -> list[str]:
        """Return the ids of one set's images, row by row."""
        return [str(name) for name in self.rows.loc[self.rows["set"] == image_set, "image_id"]]

    def of(
        self, image_set: str, *, is_positive: bool | None = None
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the vectors [n, D] of one set, all of it or one class."""
        mask = (self.rows["set"] == image_set).to_numpy()
        if is_positive is not None:
            mask = mask & (self.rows["is_positive"] == is_positive).to_numpy()
        return self.vectors[mask]
