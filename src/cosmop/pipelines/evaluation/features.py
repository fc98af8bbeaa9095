"""Which images are turned into which features."""

from collections.abc import Collection
from typing import Any

from cosmop.classifiers.feature_cache import FeatureCache
from cosmop.classifiers.feature_sets import feature_table
from cosmop.classifiers.feature_table import FeatureTable
from cosmop.classifiers.features import build_extractor
from cosmop.classifiers.options import FeatureOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.image_set import ImageSet


def features_of_study(
    images: tuple[ImageSet, ImageSet, ImageSet, ImageSet],
    person_filter: Any,
    cache: WorkFolder,
    options: FeatureOptions,
    *,
    mirrored: Collection[str] = (),
    as_generated: bool = False,
) -> FeatureTable:
    """Extract features of the training, validation, test and synthetic images.

    Args:
        images: In this order.
        person_filter: The network, if the options ask for it.
        cache: Where features are kept from run to run.
        options: Which network, and how images are brought to it.
        mirrored: Sets to extract mirrored as well.
        as_generated: Bring all images to the generator's size first, so that a distance compares
            pictures and not resolutions.
    """
    training, validation, test, synthetic = images
    sets = {
        "train": training,
        "validation": validation,
        "test": test,
        "synthetic": synthetic.with_columns(is_positive=True),
    }
    first = synthetic.manifest.iloc[0]
    through = (int(first["height"]), int(first["width"])) if as_generated else None
    extractor = build_extractor(options, person_filter)
    return feature_table(
        sets, extractor, cache=FeatureCache(cache.path), through=through, mirrored=mirrored
    )
