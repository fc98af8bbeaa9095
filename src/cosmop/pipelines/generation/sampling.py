"""Generated images brought into the store, each with what makes it again."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.progress import track
from cosmop.stylegan2.options import SamplingOptions
from cosmop.stylegan2.sampling import sample_images


def labels_to_show(
    training: pd.DataFrame, class_names: Sequence[str], options: SamplingOptions
) -> pd.DataFrame | None:
    """Return the criteria of each image to generate, float 0 or 1, one column a criterion.

    ``options.criteria`` if given; else rows of the positive training images, drawn by seed. None
    for a generator without classes.

    Raises:
        InputError: the generator does not know one of the criteria.
    """
    unknown = sorted(set(options.criteria) - set(class_names))
    if unknown:
        raise InputError(
            f"generation.sampling.criteria must be among {list(class_names)}, which the generator "
            f"was trained on, got {unknown}; train with network.class_names, or leave it empty."
        )
    if not class_names:
        return None
    if options.criteria:
        row = {name: float(name in options.criteria) for name in class_names}
        return pd.DataFrame([row] * options.images)
    rows = training.loc[training["is_positive"], list(class_names)].astype(float)
    chosen = np.random.default_rng(options.first_seed).integers(len(rows), size=options.images)
    return rows.iloc[chosen].reset_index(drop=True)


def generate_image_set(
    generator: Any,
    store: ImageStore,
    options: SamplingOptions,
    labels: pd.DataFrame | None = None,
) -> ImageSet:
    """Sample ``options.images`` images as PNG, with seed, truncation and the generator's checksum.

    ``labels`` has a row per image and is kept beside it. Two seeds that give the same image to the
    last bit count once.
    """
    seeds = list(range(options.first_seed, options.first_seed + options.images))
    batches = sample_images(
        generator,
        seeds,
        truncation=options.truncation,
        batch_size=options.batch_size,
        device=options.device,
        labels=None if labels is None else labels.to_numpy(),
    )
    checksum = generator.checksum()
    rows: list[dict[str, Any]] = []
    bar = track(seeds, "generating images", unit="image")
    for batch_NHWC in batches:
        for image_HWC in batch_NHWC:
            seed = options.first_seed + len(rows)
            image_id, path = store.add(_png(image_HWC), "png")
            height, width = image_HWC.shape[:2]
            rows.append(
                {
                    "image_id": image_id,
                    "path": path,
                    "width": width,
                    "height": height,
                    "seed": seed,
                    "truncation": options.truncation,
                    "generator": checksum,
                }
            )
        bar.update(len(batch_NHWC))
    bar.close()
    manifest = pd.DataFrame(rows)
    if labels is not None:
        manifest = pd.concat([manifest, labels.astype(bool)], axis=1)
    return ImageSet(manifest.drop_duplicates("image_id"), store)


def _png(image_HWC: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image_HWC.squeeze()).save(buffer, "PNG")
    return buffer.getvalue()
