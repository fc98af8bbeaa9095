"""Boxes around people, as a table."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_COLUMNS = ("x", "y", "width", "height", "score")


@dataclass(frozen=True)
class PersonBoxes:
    """The people that a detector found in one image.

    Attributes:
        corners: Left, top, right, bottom in pixels of the upright original, float [n, 4].
        scores: 0..1, float [n].
    """

    corners: Floats
    scores: Floats

    def within(self, width: int, height: int, min_score: float) -> "PersonBoxes":
        """Return the boxes of at least `min_score`, best first, cut at the edges of the image."""
        corners = np.clip(self.corners, 0, [width, height, width, height])
        is_real = (corners[:, 2:] > corners[:, :2]).all(axis=1) & (self.scores >= min_score)
        order = np.argsort(-self.scores[is_real], kind="stable")
        return PersonBoxes(corners[is_real][order], self.scores[is_real][order])

    def image_score(self, width: int, height: int, min_area_share: float) -> float:
        """Return the highest score of a box of at least `min_area_share` of the image, else 0."""
        sides = self.corners[:, 2:] - self.corners[:, :2]
        is_large = sides.prod(axis=1) >= min_area_share * width * height
        return float(self.scores[is_large].max(initial=0.0))


def box_table(found: Iterable[tuple[str, PersonBoxes]]) -> pd.DataFrame:
    """Return one row per box: image_id (str), x, y, width, height (float, pixels), score (0..1).

    x and y are the upper left corner in the upright original.

    Args:
        found: The id of each image and its boxes.
    """
    pairs = list(found)
    corners = np.concatenate([np.empty((0, 4)), *(boxes.corners for _, boxes in pairs)])
    scores = np.concatenate([np.empty(0), *(boxes.scores for _, boxes in pairs)])
    ids = [image_id for image_id, boxes in pairs for _ in range(len(boxes.scores))]
    table = np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2], scores])
    frame = pd.DataFrame(table, columns=list(_COLUMNS))
    frame.insert(0, "image_id", pd.Series(ids, dtype="str"))
    return frame
