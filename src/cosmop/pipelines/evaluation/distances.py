"""How far synthetic images are from real ones: by features, and by a glance at the pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmop.classifiers.feature_table import FeatureTable
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.metrics.judging import measure_distances
from cosmop.metrics.options import DistanceOptions
from cosmop.metrics.two_sample import FEWEST_IMAGES, pixel_facts, told_apart
from cosmop.pipelines.evaluation.features import form_of

_BATCH = 64


def distances_of_study(
    features: FeatureTable,
    images: tuple[ImageSet, ImageSet, ImageSet],
    options: DistanceOptions,
) -> dict[str, Any]:
    """Return the distances between features, with ``told_apart`` among the measures of each kind.

    Args:
        features: Of the sets ``train``, ``test`` and ``synthetic``.
        images: The training, test and synthetic images.
        options: See the class.
    """
    found = measure_distances(
        features.of("train", is_positive=True),
        features.of("test", is_positive=True),
        features.of("synthetic"),
        extractor=features.extractor,
        options=options,
    )
    training, test, synthetic = images
    form = form_of(synthetic)
    seen = _facts(synthetic, form)
    for key, real in (("to_training", training), ("to_test", test)):
        positives = real.where(real.manifest["is_positive"])
        if min(len(positives), len(synthetic)) >= FEWEST_IMAGES:
            measure = told_apart(_facts(positives, form), seen, options)
            found[key] = {"told_apart": measure, **found[key]}
    return found


def _facts(images: ImageSet, form: GeneratedForm) -> NDArray[np.float32]:
    batches = images.batches(form.size, _BATCH, through=form)
    return np.concatenate([pixel_facts(batch) for batch in batches])
