"""No trainer is given the test images, however the pipelines are wired."""

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from cosmop.errors import InputError
from cosmop.hooks import Guards
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.pipeline_registry import register_pipelines


@pytest.fixture
def images_named(tmp_path):
    def build(*ids: str) -> ImageSet:
        rows = [{"image_id": i, "path": i, "width": 8, "height": 8} for i in ids]
        return ImageSet(pd.DataFrame(rows), ImageStore(tmp_path))

    return build


def train(training_images, test_images):
    return f"trained on {len(training_images)}"


def run(training: ImageSet, test: ImageSet, inputs: list[str], tags: str) -> object:
    catalog = DataCatalog(
        {"training_images": MemoryDataset(training), "test_images": MemoryDataset(test)}
    )
    hooks = _create_hook_manager()
    hooks.register(Guards())
    pipeline = Pipeline([Node(train, inputs, "model", name="train", tags=tags)])
    return SequentialRunner().run(pipeline, catalog, hook_manager=hooks)["model"].load()


STRAIGHT = ["training_images", "test_images"]


def test_a_trainer_is_not_given_a_test_image_under_another_name(images_named):
    with pytest.raises(InputError, match="train trains, so its input training_images must hold no"):
        run(images_named("a", "b", "c"), images_named("c", "d"), STRAIGHT, "training")


def test_a_trainer_may_measure_on_the_test_images(images_named):
    made = run(images_named("a", "b"), images_named("c", "d"), STRAIGHT, "training")
    assert made == "trained on 2"


def test_what_does_not_train_may_see_all_images(images_named):
    made = run(images_named("a", "c"), images_named("c", "d"), STRAIGHT, "reporting")
    assert made == "trained on 2"


def test_every_trainer_of_the_study_after_the_split_carries_the_tag():
    """A node that makes a model or trains arms is found by what it writes."""
    trainers = {
        node.name
        for node in register_pipelines()["__default__"].only_nodes_with_tags("training").nodes
    }
    makers = {
        node.name
        for node in register_pipelines()["__default__"].nodes
        if {
            "stylegan2_snapshots",
            "one_class_svm",
            "image_classifier",
            "augmentation_study",
            "detector_scores",
        }
        & set(node.outputs)
    }
    assert makers <= trainers
