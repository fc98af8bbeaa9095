"""What the classifier looks at where it errs most."""

from typing import Any

import pandas as pd
from PIL import Image

from cosmop.classifiers.grad_cam import grad_cam, overlay
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.labelled_grid import BACKGROUND, labelled_grid

_COLUMNS = 6
_TILE_PX = 128
_NONE = Image.new("RGB", (480, 48), BACKGROUND)


def heat_map_sheet(
    scores: pd.DataFrame, test_images: ImageSet, through: GeneratedForm, classifier: Any
) -> Image.Image:
    """Draw the worst errors on the test images, each above what spoke for the wrong answer.

    Args:
        scores: With ``image_classifier_score`` and ``image_classifier_accepts``.
        test_images: The images.
        through: The generator's form, in which they were judged.
        classifier: Made the scores.

    Returns:
        An RGB sheet; an empty one if the classifier made no error.
    """
    test = scores[scores["set"] == "test"]
    rows, names = [], []
    longest = 0
    for title, said in (("said yes", True), ("said no", False)):
        is_wrong = (test["image_classifier_accepts"] == said) & (test["is_positive"] != said)
        wrong = test[is_wrong].sort_values("image_classifier_score", ascending=not said)
        wrong = wrong.head(_COLUMNS)
        if wrong.empty:
            continue
        pictures = _pictures(wrong, test_images, through, classifier)
        maps = grad_cam(classifier, pictures, toward="yes" if said else "no")
        rows += [list(pictures), [overlay(*pair) for pair in zip(pictures, maps, strict=True)]]
        names += [f"{title}, wrongly", "because of"]
        longest = max(longest, len(wrong))
    if not rows:
        return _NONE
    filled = [row + [None] * (longest - len(row)) for row in rows]
    return labelled_grid(filled, names, [str(n) for n in range(1, longest + 1)], tile_px=_TILE_PX)


def _pictures(rows: pd.DataFrame, images: ImageSet, through: GeneratedForm, classifier: Any) -> Any:
    """Return the images of `rows`, in their order, at the classifier's size."""
    design = classifier.design
    places = {image_id: place for place, image_id in enumerate(images.ids)}
    order = [places[image_id] for image_id in rows["image_id"]]
    chosen = ImageSet(images.manifest.iloc[order], images.store)
    return chosen.array(design.image_size, fit=design.fit, through=through)
