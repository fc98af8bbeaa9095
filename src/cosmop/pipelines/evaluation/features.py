"""Which images are turned into which features.

Whatever compares real with synthetic images does so in the generator's form: real images are
brought to its size and colours first, or a judge would tell the two apart by sharpness or colour.
"""

from collections.abc import Collection
from typing import Any

from cosmop.classifiers.feature_cache import FeatureCache
from cosmop.classifiers.feature_sets import feature_table
from cosmop.classifiers.feature_table import FeatureTable
from cosmop.classifiers.features import build_extractor
from cosmop.classifiers.options import FeatureOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet


def form_of(synthetic: ImageSet) -> GeneratedForm:
    """Return the form of the generated images; a set that does not say its channels is colour."""
    first = {"channels": 3, **synthetic.manifest.iloc[0]}
    return GeneratedForm(int(first["height"]), int(first["width"]), int(first["channels"]))


def features_of_study(
    images: tuple[ImageSet, ImageSet, ImageSet, ImageSet],
    person_filter: Any,
    cache: WorkFolder,
    options: FeatureOptions,
    *,
    mirrored: Collection[str] = (),
) -> FeatureTable:
    """Extract features of the training, validation, test and synthetic images.

    Args:
        images: In this order.
        person_filter: The network, if the options ask for it.
        cache: Where features are kept from run to run.
        options: Which network, and how images are brought to it.
        mirrored: Sets to extract mirrored as well.
    """
    training, validation, test, synthetic = images
    sets = {
        "train": training,
        "validation": validation,
        "test": test,
        "synthetic": synthetic.with_columns(is_positive=True),
    }
    extractor = build_extractor(options, person_filter)
    return feature_table(
        sets,
        extractor,
        cache=FeatureCache(cache.path),
        through=form_of(synthetic),
        mirrored=mirrored,
    )
