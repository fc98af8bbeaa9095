"""Are the synthetic images copies, and did anything see the test images?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from cosmop.classifiers.feature_table import FeatureTable
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.phash import phash
from cosmop.labels.leaks import find_leaks, require_no_leaks
from cosmop.labels.splits import SplitOptions
from cosmop.metrics.closeness import Pictures
from cosmop.metrics.memorisation import measure_memorisation
from cosmop.metrics.memorisation_options import MemorisationOptions
from cosmop.metrics.thumbnails import thumbnails_of
from cosmop.pipelines.evaluation.features import form_of
from cosmop.pipelines.evaluation.judging import require_same_images

_HARD = ("ids_apart", "saw_training_only")


def search_for_copies(
    features: FeatureTable,
    positives: Mapping[str, ImageSet],
    synthetic: ImageSet,
    options: MemorisationOptions,
) -> dict[str, Any]:
    """Compare the synthetic images with the positive training images, by all that is known.

    Args:
        features: With the training images mirrored, too.
        positives: Positive images by the name of their set: ``train``, and those held out.
        synthetic: The generated images.
        options: See the class.
    """
    form = form_of(synthetic)
    for name, images in {**positives, "synthetic": synthetic}.items():
        require_same_images(images, _positive_ids(features, name), "features")
    train = _Known(positives["train"], form)
    held_out = [
        _Known(images, form).pictures(features.of(name, is_positive=True))
        for name, images in positives.items()
        if name != "train"
    ]
    return measure_memorisation(
        train.pictures(features.of("train", is_positive=True)),
        train.mirrored(features.of("train_mirrored", is_positive=True)),
        _joined(held_out),
        _Known(synthetic, form).pictures(features.of("synthetic")),
        options=options,
        extractor=features.extractor,
    )


def _positive_ids(features: FeatureTable, name: str) -> list[str]:
    rows = features.rows[(features.rows["set"] == name) & features.rows["is_positive"]]
    return [str(image) for image in rows["image_id"]]


class _Known:
    """Images with their thumbnails and hashes, all in the generator's form."""

    def __init__(self, images: ImageSet, form: GeneratedForm) -> None:
        self._ids = images.ids
        pixels = images.array(form.size, through=form)
        self._thumbnails = thumbnails_of(pixels)
        self._hashes = _hashes_of(pixels)
        self._mirrored = _hashes_of(pixels[:, :, ::-1])

    def pictures(self, vectors: Any) -> Pictures:
        return Pictures(self._ids, vectors, self._thumbnails, self._hashes)

    def mirrored(self, vectors: Any) -> Pictures:
        return Pictures(self._ids, vectors, hashes=self._mirrored)


def _hashes_of(images_NHWC: Any) -> Any:
    return np.array([phash(Image.fromarray(image)) for image in images_NHWC], dtype=np.uint64)


def _joined(parts: list[Pictures]) -> Pictures:
    def join(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    ids = [image for part in parts for image in part.ids]
    return Pictures(ids, join("features"), join("thumbnails"), join("hashes"))


def look_for_leaks(
    splits: Mapping[str, ImageSet],
    hashes: pd.DataFrame,
    used: Mapping[str, pd.DataFrame],
    filter_ids: Sequence[str],
    options: SplitOptions,
) -> dict[str, Any]:
    """Return the checks of `find_leaks`; refuse to go on where a trainer saw other images.

    That the person filter knows test images is told, not refused: a study of one's own folder may
    have no others. Its features then flatter every judge.

    Raises:
        InputError: An image is in two splits, or a trainer was given others than training images.
    """
    manifests = [splits[name].manifest for name in ("train", "validation", "test")]
    used_ids = {name: table["image_id"].tolist() for name, table in used.items()}
    train, validation, test = manifests
    leaks = find_leaks(train, validation, test, hashes, used_ids, options.group_radius_bits)
    require_no_leaks({name: check for name, check in leaks.items() if name.endswith(_HARD)})
    return {**leaks, "person_filter_saw_no_held_out": _filter_check(splits, filter_ids)}


def _filter_check(splits: Mapping[str, ImageSet], filter_ids: Sequence[str]) -> dict[str, Any]:
    held_out = {image for name in ("validation", "test") for image in splits[name].ids}
    seen = sorted(held_out & set(filter_ids))
    told = (
        f"The person filter, whose features may judge, was trained on {len(seen)} of "
        f"{len(held_out)} validation and test images."
    )
    fine = f"The person filter was trained on none of {len(held_out)} validation and test images."
    return {
        "ok": not seen,
        "n": len(seen),
        "sentence": told if seen else fine,
        "examples": seen[:10],
    }
