"""Generated images brought into the store, each with what makes it again."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from cosmop.errors import InputError
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.progress import track
from cosmop.stylegan2.export import generate_recorded
from cosmop.stylegan2.options import SamplingOptions


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
    """Sample ``options.images`` images as PNG, form and `ImageRecord` in the columns of each.

    ``labels`` has a row per image and is kept beside it. Two seeds that give the same image to the
    last bit count once.
    """
    recorded = generate_recorded(
        generator,
        range(options.first_seed, options.first_seed + options.images),
        truncation=options.truncation,
        batch_size=options.batch_size,
        device=options.device,
        labels=None if labels is None else labels.to_numpy(),
    )
    sizes = generator.options
    form = asdict(GeneratedForm(sizes.height, sizes.width, sizes.image_channels))
    rows: list[dict[str, Any]] = []
    for record, png in track(recorded, "generating images", total=options.images, unit="image"):
        image_id, path = store.add(png, "png")
        rows.append({"image_id": image_id, "path": path, **form, **asdict(record)})
    manifest = pd.DataFrame(rows).drop(columns="label")
    if labels is not None:
        manifest = pd.concat([manifest, labels.astype(bool)], axis=1)
    return ImageSet(manifest.drop_duplicates("image_id"), store)
