"""The protocol by which papers state FID, on this study's generator and training images."""

import math
from collections.abc import Iterator
from typing import Any

from cosmop.classifiers.features import FeatureExtractor, build_extractor
from cosmop.classifiers.options import FeatureOptions
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.metrics.published_protocol import fid50k_full, published_seeds
from cosmop.pipelines.generation.sampling import labels_to_show
from cosmop.progress import track
from cosmop.stylegan2.options import SamplingOptions
from cosmop.stylegan2.sampling import sample_images


def measure_fid50k_full(
    generator: Any,
    positives: ImageSet,
    person_filter: Any,
    features: FeatureOptions,
    sampling: SamplingOptions,
) -> dict[str, Any]:
    """Compare all positive training images with 50,000 generated ones."""
    extractor = build_extractor(features, person_filter)
    form = GeneratedForm(
        generator.options.height, generator.options.width, generator.options.image_channels
    )
    real = extractor.extract(positives, through=form)
    seeds = published_seeds()
    asked = sampling.model_copy(update={"images": len(seeds), "first_seed": seeds[0]})
    labels = labels_to_show(positives.manifest, generator.options.class_names, asked)
    batches = sample_images(
        generator,
        seeds,
        batch_size=sampling.batch_size,
        device=sampling.device,
        labels=None if labels is None else labels.to_numpy(),
    )
    generated = _features(batches, math.ceil(len(seeds) / sampling.batch_size), extractor)
    measured = fid50k_full([real], generated, extractor=extractor.name)
    return measured | {"checksum": extractor.checksum}


def _features(batches: Iterator[Any], total: int, extractor: FeatureExtractor) -> Iterator[Any]:
    for batch_NHWC in track(batches, "fid50k_full", total=total, unit="batch"):
        colours = batch_NHWC.repeat(3, axis=3) if batch_NHWC.shape[3] == 1 else batch_NHWC
        yield extractor.extract_array(colours)
