"""The nodes of the pipeline, from published archives to a filter with its leak test."""

import json

from cosmop.datasets.work_folders import WorkFolder
from cosmop.imaging.decoding import DecodingLimits
from cosmop.imaging.store import ImageStore
from cosmop.people.options import PersonFilterOptions, TrainingOptions
from cosmop.people.sources.options import SourceLeakOptions, SourcesOptions
from cosmop.pipelines.person_filter.nodes import (
    collect_person_filter_images,
    measure_person_source_leak,
    train_person_filter,
)
from tests.unit.people.published_sources import write_crowdhuman, write_pass

SOURCES = SourcesOptions.model_validate(
    {
        "people": {"layout": "crowdhuman", "person_crops": 1, "person_free_crops": 1},
        "no_people": {"layout": "pass"},
        "reencoding": {"longest_side_px": 96, "jpeg_quality": [80, 90]},
    }
)
NETWORK = PersonFilterOptions(
    backbone="resnext_small", pretrained="none", image_size=(32, 48), hidden_units=(16, 8)
)
TRAINING = TrainingOptions(epochs=2, batch_size=16, device="cpu", group_column="original_id")


def test_published_archives_become_a_filter_with_its_leak_test_beside_its_accuracy(
    tmp_path, chance
):
    people, no_people = tmp_path / "crowdhuman", tmp_path / "pass"
    write_crowdhuman(people, chance, [f"{at},ab" for at in range(24)], quality=95)
    write_pass(no_people, chance, 30, quality=75)
    work = tmp_path / "work"
    work.mkdir()

    images, problems = collect_person_filter_images(
        people, no_people, ImageStore(tmp_path / "store"), DecodingLimits(), SOURCES
    )
    leak = measure_person_source_leak(images, SourceLeakOptions(trees=20))
    _, _, held_out, _, metrics = train_person_filter(
        images, leak, WorkFolder(work), NETWORK, TRAINING
    )

    assert problems.empty
    assert metrics["source_leak"] == leak
    assert metrics["accuracy"]["n"] == len(held_out)
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    assert "2 to 5" in metrics["recall_by_people"]
    photos = images.manifest.set_index("image_id")["original_id"]
    held_photos = set(photos[held_out["image_id"]])
    trained_on = photos[~photos.index.isin(held_out["image_id"])]
    assert not held_photos & set(trained_on)
