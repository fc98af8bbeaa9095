"""Finding people by a detector: a score per image, and the boxes behind it."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches

import pandas as pd
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.people.boxes import PersonBoxes, box_table
from cosmop.people.detector_options import DetectorOptions
from cosmop.people.fastestdet import load_fastestdet
from cosmop.people.reading import read_ahead
from cosmop.people.torchvision_detectors import DETECTOR_NAMES, load_torchvision_detector
from cosmop.progress import track

__all__ = ["DETECTORS", "Detect", "detect_people", "load_detector"]

Detect = Callable[[Image.Image], PersonBoxes]  # from an RGB image to all boxes of people

DETECTORS: Mapping[str, Callable[[DetectorOptions], Detect]] = {
    "fastestdet": load_fastestdet,
    **dict.fromkeys(DETECTOR_NAMES, load_torchvision_detector),
}


def load_detector(options: DetectorOptions) -> Detect:
    """Return the detector that `options` name.

    Raises:
        InputError: An unknown name; weights that are absent, altered or of another network; a
            library that is not installed.
    """
    if options.name not in DETECTORS:
        near = get_close_matches(options.name, DETECTORS, n=3) or ["fastestdet"]
        raise InputError(
            f"A detector must be one of {sorted(DETECTORS)}, got {options.name!r}; correct the "
            f"name, for example to one of {near}."
        )
    return DETECTORS[options.name](options)


def detect_people(images: ImageSet, options: DetectorOptions) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a score for each image, and all boxes of people.

    Images are decoded ahead, in threads, while the detector computes.

    Returns:
        image_id (str), person_score (float, 0..1: the highest score of a box that is large enough,
        0 without one) and threshold (that of `options`), in manifest order; and the boxes of at
        least ``min_score``, see `cosmop.people.boxes.box_table`.

    Raises:
        InputError: As `load_detector`; or an image that cannot be read.
    """
    detect = load_detector(options)
    ahead = read_ahead(images.open, range(len(images)))
    pictures = track(ahead, "detect people", total=len(images), unit="image")
    found, scores = [], []
    for image_id, picture in zip(images.ids, pictures, strict=True):
        boxes = detect(picture).within(*picture.size, options.min_score)
        found.append((image_id, boxes))
        scores.append(boxes.image_score(*picture.size, options.min_area_share))
    table = pd.DataFrame(
        {
            "image_id": pd.Series(images.ids, dtype="str"),
            "person_score": pd.Series(scores, dtype="float64"),
            "threshold": options.threshold,
        }
    )
    return table, box_table(found)
