"""The features of several image sets, in one table."""

from collections.abc import Collection, Mapping

import pandas as pd

from cosmop.classifiers.feature_cache import FeatureCache
from cosmop.classifiers.feature_room import feature_room
from cosmop.classifiers.feature_table import FeatureTable
from cosmop.classifiers.features import FeatureExtractor
from cosmop.errors import InputError
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet


def feature_table(
    sets: Mapping[str, ImageSet],
    extractor: FeatureExtractor,
    *,
    cache: FeatureCache | None = None,
    through: GeneratedForm | None = None,
    mirrored: Collection[str] = (),
) -> FeatureTable:
    """Extract the features of several image sets into one table.

    Args:
        sets: Images with the column ``is_positive``, by the name of their set.
        extractor: The network.
        cache: Where features are kept; an image that is known there is not opened.
        through: Form that every image takes on first, see `FeatureExtractor.extract`.
        mirrored: Sets that also appear left-right mirrored, as ``<name>_mirrored`` with the same
            ``image_id``; they come after all others.

    Raises:
        InputError: `mirrored` names a set that is not there.
    """
    unknown = sorted(set(mirrored) - set(sets))
    if unknown:
        raise InputError(
            f"The sets to mirror must be among {sorted(sets)}, got {unknown}; correct the names."
        )
    parts = [(name, images, False) for name, images in sets.items()]
    parts += [(f"{name}_mirrored", sets[name], True) for name in sets if name in mirrored]
    rows = [
        images.manifest[["image_id", "is_positive"]].assign(set=name) for name, images, _ in parts
    ]
    total = sum(len(images) for _, images, _ in parts)
    vectors = feature_room(total, extractor.dimensions, cache.folder if cache else None)
    start = 0
    for _, images, is_mirrored in parts:
        stop = start + len(images)
        extractor.extract_into(
            vectors[start:stop], images, cache=cache, through=through, mirrored=is_mirrored
        )
        start = stop
    recipe = extractor.recipe_through(through)
    return FeatureTable(pd.concat(rows, ignore_index=True), vectors, recipe)
