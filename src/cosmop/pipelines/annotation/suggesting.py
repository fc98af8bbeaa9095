"""What suggestions and the search for label errors are learnt from: features and look-alikes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cosmop.classifiers.feature_cache import FeatureCache
from cosmop.classifiers.features import build_extractor
from cosmop.classifiers.options import FeatureOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.image_set import ImageSet
from cosmop.labels.agreement import resolve_annotations
from cosmop.labels.answers import gather_answers
from cosmop.labels.near_copies import group_near_copies
from cosmop.labels.schema import LabelSchema


def resolved_labels(
    records: Sequence[Mapping[str, Any]],
    log: WorkFolder,
    manifest: pd.DataFrame,
    schema: LabelSchema,
) -> pd.DataFrame:
    """Return one label per image from all usable answers there are; no rows when there are none."""
    annotations = gather_answers(records, log.path, manifest, schema).annotations
    if annotations.empty:
        return annotations
    return resolve_annotations(annotations, schema)


def grouped(manifest: pd.DataFrame, hashes: pd.DataFrame, radius_bits: int) -> pd.DataFrame:
    """Return `manifest` with the column ``group``: look-alikes as in the split.

    An image that was not hashed is a group of its own.
    """
    groups = group_near_copies(hashes, radius_bits).set_index("image_id")["group"]
    group = manifest["image_id"].map(groups)
    own = pd.Series(-1 - np.arange(len(manifest)), index=manifest.index)
    return manifest.assign(group=group.fillna(own).astype("int64"))


def features_of(
    images: ImageSet, person_filter: Any, cache: WorkFolder, options: FeatureOptions
) -> NDArray[np.float32]:
    """Return one vector per image, float32 [N, D], in manifest order."""
    extractor = build_extractor(options, person_filter)
    return extractor.extract(images, cache=FeatureCache(cache.path))
