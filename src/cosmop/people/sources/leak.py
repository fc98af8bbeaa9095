"""The leak test: do the files already tell images with people from those without?

Positives from one source and negatives from another differ in size and compression. A network can
learn that instead of people, and nobody sees it in its accuracy, since the images it is measured on
come from the same two sources. So a forest of trees (Geurts, Ernst & Wehenkel 2006) that has no
chance to see a person, because it is given the form of the file and 8 × 8 pixels, answers the same
question.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.metrics.intervals import Interval, wilson
from cosmop.people.sources.leak_words import is_leak, leak_sentence
from cosmop.people.sources.options import SourceLeakOptions
from cosmop.people.sources.traces import file_traces

Rows = NDArray[np.int64]
Answers = dict[str, Any]

_COLUMNS = ("is_person", "source", "original_id")


def measure_source_leak(images: ImageSet, options: SourceLeakOptions) -> dict[str, Any]:
    """Measure how well file and thumbnail alone answer what the person filter is asked.

    Every class gives as many images, so that guessing is right in one of two; the forest is
    cross-validated, and all images of one photograph are on the same side.

    Args:
        images: With ``is_person``, ``source`` and ``original_id``.
        options: How many images, folds and trees.

    Returns:
        ``is_person``, ``source`` and ``source_without_people`` (the source, asked among images
        without people only), each with ``chance`` and the accuracy from ``metadata``,
        ``thumbnails`` and ``both``, or None where there are not two classes of `folds` photographs;
        ``is_leak``, see `source_leak_words.is_leak`; the ``sentence`` to print beside the
        filter's accuracy; and ``folds`` and ``seed``.

    Raises:
        InputError: A column is missing.
    """
    missing = [name for name in _COLUMNS if name not in images.manifest.columns]
    if missing:
        raise InputError(
            f"The source leak test needs the columns {list(_COLUMNS)}, got a manifest without "
            f"{missing}; make it with `kedro run --pipelines=person_filter`."
        )
    manifest = images.manifest
    is_without = ~manifest["is_person"].to_numpy(bool)
    everything = np.arange(len(images))
    questions = {
        "is_person": (manifest["is_person"], everything),
        "source": (manifest["source"], everything),
        "source_without_people": (manifest["source"], everything[is_without]),
    }
    answers = {name: _answers(images, *question, options) for name, question in questions.items()}
    return {
        **answers,
        "is_leak": is_leak(answers),
        "sentence": leak_sentence(answers),
        "folds": options.folds,
        "seed": options.seed,
    }


def _answers(
    images: ImageSet, column: "pd.Series[Any]", rows: Rows, options: SourceLeakOptions
) -> Answers | None:
    drawn = _balanced(column.to_numpy(), rows, options)
    labels, groups = column.to_numpy()[drawn], images.manifest["original_id"].to_numpy()[drawn]
    classes = np.unique(labels)
    photos = [len(np.unique(groups[labels == value])) for value in classes]
    if len(classes) < 2 or min(photos) < options.folds:
        return None
    metadata, thumbnails = file_traces(images, drawn)
    views = {
        "metadata": metadata,
        "thumbnails": thumbnails,
        "both": np.concatenate([metadata, thumbnails], axis=1),
    }
    shares = {name: _accuracy(view, labels, groups, options) for name, view in views.items()}
    return {"chance": 1 / len(classes), **shares}


def _balanced(values: NDArray[Any], rows: Rows, options: SourceLeakOptions) -> Rows:
    """Draw as many rows of each value."""
    chance = np.random.default_rng(options.seed)
    by_value = [rows[values[rows] == value] for value in np.unique(values[rows])]
    count = min([options.images_per_class, *map(len, by_value)])
    drawn = [chance.choice(of_one, count, replace=False) for of_one in by_value]
    return np.sort(np.concatenate(drawn)) if drawn else rows


def _accuracy(
    features: NDArray[np.float32],
    labels: NDArray[Any],
    groups: NDArray[Any],
    options: SourceLeakOptions,
) -> Interval:
    """Return the cross-validated accuracy with its 95 % interval.

    The images of one photograph may be right or wrong together, so the interval is Wilson's (1927)
    for as many cases as there are photographs: wide rather than narrow.
    """
    forest = ExtraTreesClassifier(options.trees, min_samples_leaf=2, random_state=options.seed)
    splitter = StratifiedGroupKFold(options.folds, shuffle=True, random_state=options.seed)
    told = cross_val_predict(forest, features, labels, groups=groups, cv=splitter)
    share, photos = float((told == labels).mean()), len(np.unique(groups))
    interval = wilson(round(share * photos), photos)
    return {"value": share, "low": interval["low"], "high": interval["high"], "n": len(labels)}
