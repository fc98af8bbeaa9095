import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cosmop.classifiers.image_classifier import (
    ImageClassifierOptions,
    TrainingData,
    build_image_classifier,
    predict,
    train_image_classifier,
)
from cosmop.errors import InputError
from cosmop.people.network import PersonFilterOptions, create_person_filter
from cosmop.people.options import AugmentationOptions, Stage

BRIEF = ImageClassifierOptions(
    backbone="resnet_small",
    pretrained="none",
    image_size=(32, 32),
    steps=4,
    evaluate_every_steps=2,
    batch_size=8,
    device="cpu",
)


def bars(count, seed=0, side=32):
    """Half upright bars (true), half lying ones, of any colour, size and place."""
    chance = np.random.default_rng(seed)
    images = chance.integers(0, 60, (count, side, side, 3), dtype=np.uint8)
    labels = np.arange(count) % 2 == 0
    for image, is_upright in zip(images, labels, strict=True):
        long, thick = chance.integers(14, 24), chance.integers(4, 8)
        height, width = (long, thick) if is_upright else (thick, long)
        y, x = chance.integers(0, side - height), chance.integers(0, side - width)
        image[y : y + height, x : x + width] = chance.integers(100, 256, 3)
    return TrainingData(images, labels)


LONG = BRIEF.model_copy(
    update={
        "steps": 24,
        "evaluate_every_steps": 2,
        "learning_rate": 0.003,
        "hidden_units": (8,),
        "class_weights": "balanced",
        "stages": (
            Stage(steps_share=0.4, learning_blocks=0),
            Stage(steps_share=0.3, learning_blocks=1),
            Stage(steps_share=0.3, learning_rate=0.001),
        ),
        "augmentation": AugmentationOptions(rotation_degrees=9, jpeg_quality_min=50),
    }
)


def train_long(workspace=None):
    return train_image_classifier(bars(40), bars(16, 1), LONG, workspace=workspace)


def start_long(workspace):
    program = f"""
import torch
torch.set_num_threads({torch.get_num_threads()})
from pathlib import Path
from tests.unit.classifiers.test_image_classifier import train_long
train_long(Path({str(workspace)!r}))
"""
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"}
    return subprocess.Popen([sys.executable, "-c", program], env=environment)


def wait_for(is_so, process, seconds=240):
    begun = time.monotonic()
    while not is_so():
        assert process.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() - begun < seconds
        time.sleep(0.005)


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path):
    whole = train_long()
    process = start_long(tmp_path)
    try:
        wait_for(lambda: any(p.stem >= "step-00000010" for p in tmp_path.rglob("*.json")), process)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    steps_done = max(int(path.stem[5:]) for path in tmp_path.rglob("step-*.json"))
    resumed = train_long(tmp_path)

    assert 10 <= steps_done < 24
    assert resumed.model.checksum() == whole.model.checksum()
    pd.testing.assert_frame_equal(resumed.history, whole.history)
    assert resumed.calibration == whole.calibration
    assert list(tmp_path.iterdir()) == []


def test_a_stage_leaves_what_it_does_not_train_and_the_history_says_which():
    trained = train_image_classifier(
        bars(12), bars(8, 1), LONG.model_copy(update={"steps": 10, "evaluate_every_steps": 3})
    )

    assert list(trained.history.columns) == [
        *("step", "train_loss", "validation_loss", "validation_accuracy", "stage")
    ]
    assert trained.history["stage"].tolist() == [1, 1, 2, 2, 3, 3]


def test_probabilities_are_calibrated_on_the_validation_part():
    validation = bars(80, 1)
    plain, calibrated = (
        train_image_classifier(bars(40), validation, options)
        for options in (BRIEF.model_copy(update={"calibrate": False}), BRIEF)
    )
    calibration = calibrated.calibration
    logits = calibrated.model.logits(validation.images)

    assert plain.calibration is None
    assert calibration.temperature == pytest.approx(float(calibrated.model.temperature))
    assert calibration.loss_after <= calibration.loss_before + 1e-3  # Platt's targets
    np.testing.assert_array_equal(plain.model.logits(validation.images), logits)
    np.testing.assert_allclose(
        predict(calibrated.model, validation.images, device="cpu"),
        1 / (1 + np.exp(-logits / calibration.temperature)),
        rtol=1e-5,
    )


def test_too_few_images_to_calibrate_on_are_said_so(caplog):
    trained = train_image_classifier(bars(12), bars(8, 1), BRIEF)

    assert "got 4 positive and 4 negative" in trained.calibration.reason
    assert trained.calibration.reason in caplog.text
    assert float(trained.model.temperature) == 1


def test_the_temperature_travels_with_the_weights_and_old_weights_have_none():
    trained = train_image_classifier(bars(12), bars(40, 1), BRIEF)
    again = build_image_classifier(trained.model.describe())
    state = trained.model.state_dict()
    again.load_state_dict(state)
    assert float(again.temperature) == pytest.approx(trained.calibration.temperature)
    assert float(again.temperature) != 1

    again.load_state_dict({name: value for name, value in state.items() if name != "temperature"})
    assert float(again.temperature) == 1


@pytest.mark.parametrize("backbone", ["mobilenet_v3_small", "squeezenet1_1"])
def test_any_of_torchvisions_backbones_is_fine_tuned_by_name(backbone):
    changes = {
        "backbone": backbone,
        "steps": 2,
        "stages": (Stage(steps_share=1, learning_blocks=1),),
    }
    trained = train_image_classifier(bars(8), bars(4, 1), BRIEF.model_copy(update=changes))

    scores = predict(trained.model, bars(3).images, device="cpu")
    assert ((scores >= 0) & (scores <= 1)).all()


def test_upright_bars_are_told_from_lying_ones_on_images_not_seen():
    options = BRIEF.model_copy(
        update={
            "steps": 40,
            "evaluate_every_steps": 10,
            "batch_size": 16,
            "learning_rate": 0.003,
            "augmentation": AugmentationOptions(shift_share=0.1, zoom_share=0.1),
        }
    )
    trained = train_image_classifier(bars(120), bars(40, 1), options)
    unseen = bars(100, 2)

    scores = predict(trained.model, unseen.images, device="cpu")
    assert ((scores >= 0.5) == unseen.labels).mean() >= 0.7  # chance is 0.5 ± 0.05
    assert scores.dtype == np.float32


def test_arms_of_different_size_take_the_same_steps():
    arms = [bars(10), bars(40)]
    steps = [
        train_image_classifier(arm, bars(8, 1), BRIEF).history["step"].tolist() for arm in arms
    ]

    assert steps == [[2, 4], [2, 4]]


def test_the_delivered_weights_are_those_of_the_lowest_validation_loss():
    validation = bars(20, 1)
    changes = {"steps": 12, "learning_rate": 0.05, "dropout_share": 0.0, "calibrate": False}
    options = BRIEF.model_copy(update=changes)
    trained = train_image_classifier(bars(30), validation, options)

    scores = predict(trained.model, validation.images, device="cpu").astype(float)
    loss = -np.log(np.where(validation.labels, scores, 1 - scores).clip(1e-7)).mean()
    assert loss == pytest.approx(trained.history["validation_loss"].min(), rel=1e-4)


def test_patience_stops_before_the_last_step():
    options = BRIEF.model_copy(
        update={"steps": 200, "patience_evaluations": 1, "learning_rate": 0.05}
    )
    trained = train_image_classifier(bars(20), bars(8, 1), options)

    losses = trained.history["validation_loss"].to_numpy()
    assert trained.history["step"].iloc[-1] < 200
    assert losses[-1] >= losses[:-1].min()


def test_the_same_seed_gives_the_same_weights():
    runs = [
        train_image_classifier(bars(12), bars(4, 1), options)
        for options in (BRIEF, BRIEF, BRIEF.model_copy(update={"seed": 1}))
    ]
    checksums = [run.model.checksum() for run in runs]

    assert checksums[0] == checksums[1] != checksums[2]


def test_a_warm_start_begins_with_the_person_filters_trunk():
    filter_options = PersonFilterOptions(
        backbone="resnext_small", pretrained="none", image_size=(48, 64), hidden_units=(8, 8)
    )
    person_filter = create_person_filter(filter_options, seed=9)
    before = person_filter.checksum()
    options = BRIEF.model_copy(
        update={"warm_start_from_person_filter": True, "freeze_backbone": True}
    )
    trained = train_image_classifier(bars(12), bars(4, 1), options, person_filter)

    for name, value in person_filter.trunk.state_dict().items():
        assert torch.equal(trained.model.trunk.state_dict()[name], value), name
    assert trained.model.design.backbone == "resnext_small"
    assert person_filter.checksum() == before


def test_a_classifier_built_from_its_description_gives_the_same_answers():
    trained = train_image_classifier(bars(12), bars(4, 1), BRIEF)
    again = build_image_classifier(trained.model.describe())
    again.load_state_dict(trained.model.state_dict())

    images = bars(6, 3).images
    np.testing.assert_array_equal(
        predict(again, images, device="cpu"), predict(trained.model, images, device="cpu")
    )
    assert again.checksum() == trained.model.checksum()


def test_no_images_get_no_probabilities():
    model = build_image_classifier({"backbone": "resnet_small"})

    assert predict(model, np.zeros((0, 32, 32, 3), np.uint8)).shape == (0,)


def test_unusable_training_data_is_refused_in_one_sentence():
    good = bars(8)
    only_upright = TrainingData(good.images[::2], good.labels[::2])
    with pytest.raises(InputError, match="got 4 positive, 0 negative and 8 to validate on"):
        train_image_classifier(only_upright, good, BRIEF)
    warm = BRIEF.model_copy(update={"warm_start_from_person_filter": True})
    with pytest.raises(InputError, match="needs a trained person filter, got none"):
        train_image_classifier(good, good, warm)
    with pytest.raises(InputError, match="one label per image"):
        TrainingData(good.images, good.labels[:3])
    with pytest.raises(InputError, match="uint8 images"):
        TrainingData(good.images.astype(float), good.labels)
