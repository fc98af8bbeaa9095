"""Scoring images by a classifier or a detector, and keeping those with people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from cosmop.devices import pick_device
from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.people.binary_network import BinaryNetwork
from cosmop.people.boxes import box_table
from cosmop.people.detector import detect_people
from cosmop.people.inference import FastNetwork
from cosmop.people.options import KeepOptions, Precision, ScoringOptions
from cosmop.people.reading import in_batches, read_ahead, read_fitted
from cosmop.progress import track

__all__ = [
    "SCORERS",
    "KeepOptions",
    "PeopleFound",
    "ScoringOptions",
    "find_people",
    "keep_people",
    "score_people",
]


@dataclass(frozen=True)
class PeopleFound:
    """What a scorer says about the images.

    Attributes:
        scores: image_id (str), person_score (float, 0..1) and threshold (float, the scorer's own
            proposal from which score on an image shows people), in manifest order.
        boxes: See `cosmop.people.boxes.box_table`; empty where the scorer draws none.
    """

    scores: pd.DataFrame
    boxes: pd.DataFrame


def _by_person_filter(
    images: ImageSet, model: BinaryNetwork, options: ScoringOptions
) -> PeopleFound:
    scores = score_people(images, model, options.batch_size, options.device, options.precision)
    return PeopleFound(scores, box_table([]))


def _by_detector(images: ImageSet, _: BinaryNetwork, options: ScoringOptions) -> PeopleFound:
    return PeopleFound(*detect_people(images, options.detector))


SCORERS: Mapping[str, Callable[[ImageSet, BinaryNetwork, ScoringOptions], PeopleFound]] = {
    "person_filter": _by_person_filter,
    "detector": _by_detector,
}


def find_people(images: ImageSet, model: BinaryNetwork, options: ScoringOptions) -> PeopleFound:
    """Score `images` by the scorer that `options` name; a detector leaves `model` alone.

    Raises:
        InputError: As `score_people` or `detect_people`.
    """
    return SCORERS[options.scorer](images, model, options)


def score_people(
    images: ImageSet,
    model: BinaryNetwork,
    batch_size: int = 64,
    device: str = "auto",
    precision: Precision = "auto",
) -> pd.DataFrame:
    """Return the probability that each image shows people.

    Images are decoded ahead, in threads, while the network computes. Scores are those of `model`
    within the distances that `FastNetwork` states.

    Returns:
        image_id (str), person_score (float, 0..1) and threshold (float, that of `model`), in
        manifest order.

    Raises:
        InputError: No such device, or an image that cannot be read.
    """
    network = FastNetwork(model, pick_device(device), precision)
    read = partial(read_fitted, images, model.design.image_size, model.design.fit)
    ahead = read_ahead(read, range(len(images)), ahead=2 * batch_size)
    pixels = track(ahead, "score people", total=len(images), unit="image")
    scores = [network.predict(np.stack(batch)) for batch in in_batches(pixels, batch_size)]
    return pd.DataFrame(
        {
            "image_id": pd.Series(images.ids, dtype="str"),
            "person_score": np.concatenate([np.empty(0), *scores]),
            "threshold": float(model.threshold),
        }
    )


def keep_people(images: ImageSet, scores: pd.DataFrame, options: KeepOptions) -> ImageSet:
    """Return the images whose score reaches the threshold, each with its ``person_score``.

    Args:
        images: The images to choose from.
        scores: As from `find_people`; more images than needed are fine. Without a column
            ``threshold`` the options must name one.
        options: The threshold, and whether to remove anything at all.

    Raises:
        InputError: An image without a score, or no image that reaches the threshold.
    """
    by_id = scores.drop_duplicates("image_id").set_index("image_id").reindex(images.ids)
    ordered = by_id["person_score"].to_numpy(float)
    without = int(np.isnan(ordered).sum())
    if without:
        raise InputError(
            f"Keeping people needs a score for each of {len(images)} images, got none for "
            f"{without}; score these images again."
        )
    scored = images.with_columns(person_score=ordered)
    if not options.remove:
        return scored
    thresholds = _thresholds(by_id, options)
    if not (ordered >= thresholds).any():
        raise InputError(
            f"Keeping people wants images that score at least {min(thresholds, default=0):g}, got "
            f"{len(ordered)} that score at most {max(ordered, default=0):.2f}; lower "
            "the threshold, train the person filter longer, or set `remove: false`."
        )
    return scored.where(ordered >= thresholds)


def _thresholds(scores: pd.DataFrame, options: KeepOptions) -> np.ndarray:
    """Return the threshold of each image, float [N]."""
    if options.threshold != "auto":
        return np.full(len(scores), options.threshold)
    if "threshold" not in scores.columns or scores["threshold"].isna().any():
        raise InputError(
            "The option `threshold: auto` needs scores that came with a threshold, got none for "
            f"some of {len(scores)} images; score them again, or set a number."
        )
    return scores["threshold"].to_numpy(float)
