"""Images by criterion: which labels training gets, and which are asked for."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosmop.errors import InputError
from cosmop.imaging.store import ImageStore
from cosmop.pipelines.generation.inputs import label_rows
from cosmop.pipelines.generation.sampling import generate_image_set, labels_to_show
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions, SamplingOptions

_NAMES = ("bags", "children")


@pytest.fixture
def manifest() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": list("abcd"),
            "bags": [True, True, False, False],
            "children": [True, False, False, False],
            "is_positive": [True, True, True, False],
        }
    )


def _options(**others: object) -> SamplingOptions:
    return SamplingOptions.model_validate({"images": 900, "device": "cpu", **others})


def test_label_rows_are_the_columns_asked_for_in_their_order(manifest: pd.DataFrame) -> None:
    rows = label_rows(manifest, ("children", "bags"))

    np.testing.assert_array_equal(rows, [[1, 1], [0, 1], [0, 0], [0, 0]])
    assert label_rows(manifest, ()) is None


def test_a_criterion_that_nobody_labelled_is_refused(manifest: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"got \['boats'\]; choose among \['bags', 'children'"):
        label_rows(manifest, ("boats",))


def test_without_criteria_labels_come_as_often_as_among_positives(manifest: pd.DataFrame) -> None:
    labels = labels_to_show(manifest, _NAMES, _options())

    assert labels is not None
    # Two of three positives have bags, one children; five standard deviations of 900 draws.
    assert labels.mean().to_numpy() == pytest.approx([2 / 3, 1 / 3], abs=0.08)
    assert not labels[(labels["children"] == 1) & (labels["bags"] == 0)].size


def test_with_criteria_each_image_shows_them_and_nothing_else(manifest: pd.DataFrame) -> None:
    labels = labels_to_show(manifest, _NAMES, _options(criteria=["children"]))

    assert labels is not None
    assert (labels == [0.0, 1.0]).all(axis=None)


def test_a_generator_without_classes_needs_no_labels_and_knows_no_criteria(
    manifest: pd.DataFrame,
) -> None:
    assert labels_to_show(manifest, (), _options()) is None
    with pytest.raises(InputError, match=r"criteria must be among \[\]"):
        labels_to_show(manifest, (), _options(criteria=["bags"]))


def test_generated_images_keep_what_they_were_asked_to_show(
    manifest: pd.DataFrame, tmp_path: Path
) -> None:
    network = NetworkOptions.model_validate(
        {
            "height": 8, "width": 8, "channel_base": 32, "channel_max": 4, "z_dim": 4, "w_dim": 4,
            "mapping_layers": 1, "class_names": _NAMES,
        }
    )  # fmt: skip
    assert network.num_classes == 2
    options = _options(images=4, criteria=["bags"])
    labels = labels_to_show(manifest, _NAMES, options)
    made = generate_image_set(Generator(network), ImageStore(tmp_path), options, labels)

    assert made.manifest["bags"].all()
    assert not made.manifest["children"].any()
