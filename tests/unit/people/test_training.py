import hashlib
import json
import logging
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from cosmop.datasets.models import load_network, save_network
from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.people.fold_memory import training_fingerprint
from cosmop.people.inference import MOST_MOVED
from cosmop.people.network import PersonFilterOptions, create_person_filter
from cosmop.people.options import AugmentationOptions, TrainingOptions
from cosmop.people.pixels import load_pixels
from cosmop.people.scoring import score_people
from cosmop.people.splits import checked_labels, outer_splits, stopping_split
from cosmop.people.training import train_person_filter

NETWORK = PersonFilterOptions(
    backbone="resnext_small",
    pretrained="none",
    image_size=(48, 64),
    hidden_units=(32, 8),
    dropout_share=0.1,
)
BRIEF = TrainingOptions(epochs=1, batch_size=8, device="cpu")


def test_people_are_told_from_other_things_on_images_not_seen(scenes):
    training = TrainingOptions(
        epochs=12,
        batch_size=8,
        learning_rate=0.003,
        augmentation=AugmentationOptions(),
        device="cpu",
    )
    network = NETWORK.model_copy(update={"dropout_share": 0.0})
    trained = train_person_filter(scenes(240), network, training)
    unseen = scenes(100, seed=1)
    scores = score_people(unseen, trained.model, device="cpu")

    quick, whole = (
        score_people(unseen, trained.model, device="cpu", precision=precision)["person_score"]
        for precision in ("bfloat16", "float32")
    )
    assert (quick - whole).abs().max() < MOST_MOVED
    right = (scores["person_score"] >= 0.5) == unseen.manifest["is_person"]
    assert right.mean() >= 0.7  # four seeds gave 0.82 to 0.88; chance is 0.5 ± 0.05
    assert trained.history["train_loss"].iloc[-1] < trained.history["train_loss"].iloc[0]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(scenes):
    images = scenes(24)
    seeds = [0, 0, 1]
    checksums = [
        train_person_filter(images, NETWORK, BRIEF.model_copy(update={"seed": s})).metrics[
            "checksum"
        ]
        for s in seeds
    ]

    assert checksums[0] == checksums[1] != checksums[2]


def test_folds_measure_on_every_image_once_and_deliver_a_network_of_all(scenes):
    images = scenes(24)
    trained = train_person_filter(images, NETWORK, BRIEF.model_copy(update={"folds": 3}))

    assert sorted(trained.held_out["image_id"]) == sorted(images.ids)
    assert trained.history["fold"].unique().tolist() == [1, 2, 3, 0]
    assert (trained.metrics["n_train"], trained.metrics["n_held_out"]) == (24, 24)
    ids = "\n".join(sorted(trained.held_out["image_id"]))
    assert trained.metrics["held_out_checksum"] == hashlib.sha256(ids.encode()).hexdigest()


def test_the_metrics_are_those_of_the_held_out_scores(scenes):
    trained = train_person_filter(scenes(40), NETWORK, BRIEF)
    held = trained.held_out
    right = int(((held["person_score"] >= 0.5) == held["is_person"]).sum())
    expected = binomtest(right, len(held)).proportion_ci(0.95, method="wilson")

    accuracy = trained.metrics["accuracy"]
    assert accuracy["n"] == len(held) == 8
    assert (accuracy["value"], accuracy["low"]) == pytest.approx((right / 8, expected.low))
    json.dumps(trained.metrics, allow_nan=False)


def test_groups_stay_on_one_side(scenes):
    images = scenes(32)
    options = BRIEF.model_copy(update={"folds": 2, "group_column": "group"})
    held = train_person_filter(images, NETWORK, options).held_out.merge(
        images.manifest, on="image_id"
    )

    assert held.groupby("group")["fold"].nunique().eq(1).all()


def test_a_frozen_backbone_stays_as_it_was(scenes):
    trained = train_person_filter(
        scenes(16), NETWORK, BRIEF.model_copy(update={"freeze_backbone": True})
    )
    fresh = create_person_filter(NETWORK, BRIEF.seed)

    for name, value in trained.model.trunk.state_dict().items():
        assert (value == fresh.trunk.state_dict()[name]).all(), name
    assert (trained.model.head[-1].weight != fresh.head[-1].weight).any()


def test_streaming_from_disk_gives_the_pixels_and_the_result_of_memory(scenes):
    images = scenes(16)
    whole, streamed = (load_pixels(images, (48, 64), "stretch", limit) for limit in (100, 0))
    rows = np.array([3, 0, 15])
    np.testing.assert_array_equal(whole.take(rows), streamed.take(rows))

    checksums = {
        train_person_filter(
            images, NETWORK, BRIEF.model_copy(update={"memory_limit_mb": limit})
        ).metrics["checksum"]
        for limit in (100, 0)
    }
    assert len(checksums) == 1


def test_too_few_images_are_refused_in_one_sentence(scenes):
    with pytest.raises(
        InputError, match="at least 5 images with people and 5 without, got 2 and 1"
    ):
        train_person_filter(scenes(3), NETWORK, BRIEF)


def test_missing_and_senseless_labels_are_refused(scenes):
    images = scenes(12)
    without = images.manifest.drop(columns="is_person")
    with pytest.raises(InputError, match=r"without \['is_person'\]"):
        train_person_filter(type(images)(without, images.store), NETWORK, BRIEF)
    with pytest.raises(InputError, match="true or false for every image, got"):
        train_person_filter(images.with_columns(is_person="yes"), NETWORK, BRIEF)
    options = BRIEF.model_copy(update={"group_column": "photographer"})
    with pytest.raises(InputError, match="correct `group_column`"):
        train_person_filter(images, NETWORK, options)


def test_a_rate_that_explodes_is_said_so(scenes):
    with pytest.raises(InputError, match="lower `learning_rate`"):
        train_person_filter(scenes(16), NETWORK, BRIEF.model_copy(update={"learning_rate": 1e30}))


def test_a_device_that_is_not_there_is_refused(scenes):
    with pytest.raises(InputError, match="got 'abacus'"):
        train_person_filter(scenes(16), NETWORK, BRIEF.model_copy(update={"device": "abacus"}))


def test_training_stops_early_by_images_that_are_neither_learnt_from_nor_reported(scenes):
    images = scenes(60)
    patient = BRIEF.model_copy(
        update={"epochs": 30, "learning_rate": 0.02, "patience_epochs": 2, "stopping_share": 0.25}
    )
    trained = train_person_filter(images, NETWORK, patient)
    losses = trained.history["validation_loss"]

    assert len(losses) < 30
    assert losses.argmin() == len(losses) - 3  # two epochs that were not better
    # 60 - 12 held out = 48, of which a quarter stops: shares of 12, not of the 12 held out alone
    labels, groups = checked_labels(images, patient), None
    rows, held = outer_splits(labels, groups, patient)[0]
    learning, stopping = stopping_split(rows, labels, groups, patient)
    assert sorted([*learning, *stopping, *held]) == list(range(60))
    assert (len(learning), len(stopping), len(held)) == (36, 12, 12)


def test_too_few_images_to_stop_by_are_refused(scenes):
    options = BRIEF.model_copy(update={"patience_epochs": 2, "stopping_share": 0.05})
    with pytest.raises(InputError, match="Early stopping of the person filter needs 20 images"):
        train_person_filter(scenes(24), NETWORK, options)


class SwitchedOffError(BaseException):
    """As if the machine had been switched off."""


class Interrupted(ImageSet):
    """Ends the training when it opens an image too many."""

    left: ClassVar = [10**9]

    def open(self, index, through=None):
        self.left[0] -= 1
        if self.left[0] < 0:
            raise SwitchedOffError
        return super().open(index, through)


def test_an_interrupted_cross_validation_goes_on_and_repeats_no_finished_fold(scenes, tmp_path):
    images = scenes(24)
    options = BRIEF.model_copy(update={"folds": 2, "epochs": 2, "memory_limit_mb": 0})
    counted = Interrupted(images.manifest, images.store)
    Interrupted.left = [10**9]
    whole = train_person_filter(counted, NETWORK, options)
    opened = 10**9 - Interrupted.left[0]

    work = tmp_path / "work"
    Interrupted.left = [opened * 2 // 3]  # within the last fit
    with pytest.raises(SwitchedOffError):
        train_person_filter(counted, NETWORK, options, workspace=work)
    assert len(list(work.glob("folds-*/fold-*.json"))) >= 1
    Interrupted.left = [10**9]
    resumed = train_person_filter(counted, NETWORK, options, workspace=work)

    assert resumed.metrics == whole.metrics
    pd.testing.assert_frame_equal(resumed.history, whole.history)
    pd.testing.assert_frame_equal(resumed.held_out, whole.held_out)
    assert 10**9 - Interrupted.left[0] < opened
    assert list(work.iterdir()) == []


def test_what_a_fold_said_is_forgotten_when_an_option_changes(scenes, tmp_path):
    images = scenes(24)
    options = [BRIEF.model_copy(update={"folds": 2, "learning_rate": r}) for r in (0.001, 0.01)]
    keys = {training_fingerprint(images, np.array([True]), None, NETWORK, each) for each in options}
    assert len(keys) == 2


def test_temperature_and_threshold_travel_with_the_model(scenes, tmp_path):
    trained = train_person_filter(
        scenes(80), NETWORK, BRIEF.model_copy(update={"folds": 2, "recall": 0.8})
    )
    save_network(tmp_path / "model", trained.model)
    loaded = load_network(tmp_path / "model", "cosmop.people.network.build_person_filter")

    assert float(loaded.threshold) == trained.metrics["threshold"] != 0.5
    assert float(loaded.temperature) == pytest.approx(trained.metrics["calibration"]["temperature"])
    assert float(loaded.temperature) != 1
    people = trained.held_out.query("is_person")["logit"].to_numpy(np.float32)
    is_kept = loaded.probabilities(people) >= float(loaded.threshold)
    assert is_kept.sum() == 40 - 8 + 1  # of 41 with the next one, 8 lie below the 8th


def test_weights_from_before_there_was_a_threshold_keep_one_half():
    model = create_person_filter(NETWORK)
    state = {k: v for k, v in model.state_dict().items() if k not in ("threshold", "temperature")}
    model.threshold.fill_(0.9)
    model.load_state_dict(state)

    assert (float(model.threshold), float(model.temperature)) == (0.5, 1.0)


def test_too_few_people_for_the_recall_keep_everything_and_say_so(scenes, caplog):
    with caplog.at_level(logging.WARNING):
        trained = train_person_filter(scenes(40), NETWORK, BRIEF)

    assert trained.metrics["threshold"] == 0
    assert "recall of 0.95 needs 19 held-out images with people, got 4" in caplog.text


def test_recall_is_told_by_number_and_size_where_the_manifest_knows(scenes):
    images = scenes(40)
    is_person = images.manifest["is_person"]
    people = pd.Series(np.where(is_person, 3, 0)).astype("Int64").mask(~is_person, 0)
    known = images.with_columns(people=people, largest_person_share=np.where(is_person, 0.2, 0.0))
    metrics = train_person_filter(known, NETWORK, BRIEF).metrics

    assert list(metrics["recall_by_people"]) == ["2 to 5"]
    assert metrics["recall_by_people"]["2 to 5"] == metrics["recall"]
    assert list(metrics["at_threshold"]["recall_by_largest_person_share"]) == ["0.1 to 0.3"]


def test_a_damaged_image_in_the_middle_is_named(scenes):
    images = scenes(16)
    images.files[7].write_bytes(b"no image")
    with pytest.raises(InputError, match=f"The image .*{images.files[7].name} must be as it was"):
        train_person_filter(images, NETWORK, BRIEF)
