"""Scoring images with the person filter, and keeping those with people."""

import math

import numpy as np
import pandas as pd

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.people.binary_network import BinaryNetwork
from cosmop.people.devices import pick_device
from cosmop.people.options import KeepOptions, ScoringOptions
from cosmop.progress import track

__all__ = ["KeepOptions", "ScoringOptions", "keep_people", "score_people"]


def score_people(
    images: ImageSet, model: BinaryNetwork, batch_size: int = 64, device: str = "auto"
) -> pd.DataFrame:
    """Return the probability that each image shows people.

    Returns:
        image_id (str) and person_score (float, 0..1), in manifest order.

    Raises:
        InputError: No such device.
    """
    model = model.to(pick_device(device))
    design = model.design
    batches = images.batches(design.image_size, batch_size, fit=design.fit)
    total = math.ceil(len(images) / batch_size)
    bar = track(batches, "score people", total=total, unit="batch")
    scores = [model.predict(batch) for batch in bar]
    joined = np.concatenate([np.empty(0, np.float32), *scores]).astype(np.float64)
    ids = pd.Series(images.ids, dtype="str")
    return pd.DataFrame({"image_id": ids, "person_score": joined})


def keep_people(images: ImageSet, scores: pd.DataFrame, options: KeepOptions) -> ImageSet:
    """Return the images whose score reaches the threshold, each with its ``person_score``.

    Args:
        images: The images to choose from.
        scores: image_id and person_score, as from `score_people`; more images than needed are fine.
        options: The threshold, and whether to remove anything at all.

    Raises:
        InputError: An image without a score, or no image that reaches the threshold.
    """
    by_id = scores.drop_duplicates("image_id").set_index("image_id")["person_score"]
    ordered = by_id.reindex(images.ids).to_numpy(float)
    without = int(np.isnan(ordered).sum())
    if without:
        raise InputError(
            f"Keeping people needs a score for each of {len(images)} images, got none for "
            f"{without}; score these images again."
        )
    scored = images.with_columns(person_score=ordered)
    if not options.remove:
        return scored
    if not (ordered >= options.threshold).any():
        raise InputError(
            f"Keeping people wants images that score at least {options.threshold:g}, got "
            f"{len(ordered)} that score at most {max(ordered, default=0):.2f}; lower "
            "the threshold, train the person filter longer, or set `remove: false`."
        )
    return scored.where(ordered >= options.threshold)
