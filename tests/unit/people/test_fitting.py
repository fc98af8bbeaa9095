import json
import logging

import numpy as np
import pandas as pd
import pytest
import torch

from cosmop.errors import InputError
from cosmop.people.binary_network import BinaryNetwork, seeded
from cosmop.people.checkpoints import Checkpoints, FitState
from cosmop.people.fit_plan import FitPlan
from cosmop.people.fitting import fit_binary_network
from cosmop.people.options import AugmentationOptions, NetworkDesign, Stage
from cosmop.people.pixels import ArrayPixels, LabelledPixels

DESIGN = NetworkDesign(backbone="resnet_small", image_size=(24, 24), hidden_units=(8,))
STAGES = (
    Stage(steps_share=0.3, learning_blocks=0, learning_rate=0.01),
    Stage(steps_share=0.3, learning_blocks=1),
    Stage(steps_share=0.4),
)


def plan(**changes):
    settings = {
        "what": "test",
        "steps": 4,
        "batch_size": 4,
        "learning_rate": 0.003,
        "weight_decay": 0.01,
        "evaluate_every_steps": 2,
        "augmentation": AugmentationOptions(
            rotation_degrees=10, colour_share=0.2, jpeg_quality_min=60
        ),
        "device": torch.device("cpu"),
        "seed": 3,
    }
    return FitPlan(**(settings | changes))


class SwitchedOffError(Exception):
    """As if the machine had been switched off."""


class Pixels(ArrayPixels):
    """Ends the training when it asks for a batch too many."""

    def __init__(self, images, allowed=10**6):
        super().__init__(images)
        object.__setattr__(self, "left", [allowed])

    def take(self, indices):
        self.left[0] -= 1
        if self.left[0] < 0:
            raise SwitchedOffError
        return super().take(indices)


def part(count, seed=0, share=0.5, pixels=ArrayPixels):
    chance = np.random.default_rng(seed)
    images = chance.integers(0, 256, (count, 24, 24, 3), dtype=np.uint8)
    labels = np.arange(count) < count * share
    images[labels, :, :12] //= 3
    return LabelledPixels(pixels(images), labels, np.arange(count))


def fit(plan, workspace=None, pixels=ArrayPixels, seed=0):
    network = seeded(BinaryNetwork, DESIGN, 1)
    history = fit_binary_network(
        network, part(10, seed, pixels=pixels), part(6, 1), plan, workspace=workspace
    )
    return network, history


def interrupt(plan, workspace, batches):
    with pytest.raises(SwitchedOffError):
        # The fingerprint reads the pixels once before the first batch.
        fit(plan, workspace, pixels=lambda images: Pixels(images, batches + 1))


RESUMED = plan(steps=12, stages=STAGES, keep_best=True, class_weights="balanced")


@pytest.fixture(scope="module")
def uninterrupted():
    return fit(RESUMED)


@pytest.mark.parametrize("batches", [1, 3, 9])
def test_an_interrupted_fit_goes_on_to_the_same_bits(tmp_path, uninterrupted, batches):
    whole, history = uninterrupted
    interrupt(RESUMED, tmp_path, batches)
    left = [path.name for path in tmp_path.rglob("*.json")]
    network, resumed_history = fit(RESUMED, tmp_path)

    assert bool(left) == (batches >= 2)
    assert network.checksum() == whole.checksum()
    pd.testing.assert_frame_equal(resumed_history, history)
    assert list(tmp_path.iterdir()) == []  # nothing is left of a finished fit


def test_the_best_look_before_the_interruption_is_not_forgotten(tmp_path):
    too_fast = plan(steps=12, keep_best=True, learning_rate=0.3, patience_evaluations=3)
    whole, history = fit(too_fast)
    interrupt(too_fast, tmp_path, 7)
    network, resumed_history = fit(too_fast, tmp_path)

    assert history["step"][history["validation_loss"].argmin()] <= 6
    assert network.checksum() == whole.checksum()
    pd.testing.assert_frame_equal(resumed_history, history)


def test_resuming_takes_only_the_steps_that_are_left(tmp_path):
    interrupt(RESUMED, tmp_path, 9)
    network = seeded(BinaryNetwork, DESIGN, 1)
    training = part(10, pixels=lambda images: Pixels(images, 1 + 12 - 8))

    fit_binary_network(network, training, part(6, 1), RESUMED, workspace=tmp_path)
    assert training.pixels.left == [0]


@pytest.mark.parametrize("damage", ["cut", "flipped", "no numbers"])
def test_a_damaged_checkpoint_is_said_and_the_one_before_it_is_used(
    tmp_path, caplog, uninterrupted, damage
):
    whole, _ = uninterrupted
    interrupt(RESUMED, tmp_path, 9)
    newest = max(tmp_path.rglob("*.safetensors"))
    content = bytearray(newest.read_bytes())
    if damage == "cut":
        newest.write_bytes(content[:-100])
    elif damage == "flipped":
        content[-5] ^= 1
        newest.write_bytes(content)
    else:
        newest.with_suffix(".json").write_text("{")

    with caplog.at_level(logging.WARNING):
        network, _ = fit(RESUMED, tmp_path)
    assert "The checkpoint of step 8" in caplog.text
    assert "The checkpoint of step 7" not in caplog.text
    assert network.checksum() == whole.checksum()


def test_numbers_that_were_changed_are_noticed(tmp_path, caplog):
    interrupt(RESUMED, tmp_path, 9)
    newest = max(tmp_path.rglob("*.json"))
    said = json.loads(newest.read_text())
    said["numbers"] = said["numbers"].replace("taken", "token")
    newest.write_text(json.dumps(said))

    fit(RESUMED, tmp_path)
    assert "its numbers were changed" in caplog.text


def test_when_all_checkpoints_are_damaged_the_fit_starts_anew(tmp_path, caplog, uninterrupted):
    whole, history = uninterrupted
    interrupt(RESUMED, tmp_path, 9)
    for path in tmp_path.rglob("*.safetensors"):
        path.write_bytes(b"")
    network, again = fit(RESUMED, tmp_path)

    assert caplog.text.count("is damaged") == 2
    assert network.checksum() == whole.checksum()
    pd.testing.assert_frame_equal(again, history)


@pytest.mark.parametrize("changes", [{"learning_rate": 0.004}, {"stages": STAGES[2:]}])
def test_other_settings_start_anew_and_leave_the_first_fit_alone(tmp_path, changes):
    interrupt(RESUMED, tmp_path, 9)
    before = sorted(tmp_path.rglob("*"))
    stages = (Stage(steps_share=1.0),) if "stages" in changes else STAGES
    other = FitPlan(**(vars(RESUMED) | changes | {"stages": stages}))
    whole, _ = fit(other)
    network, _ = fit(other, tmp_path)

    assert network.checksum() == whole.checksum()
    assert sorted(tmp_path.rglob("*")) == before


def test_other_pixels_start_anew(tmp_path):
    interrupt(RESUMED, tmp_path, 9)
    whole, _ = fit(RESUMED, seed=5)

    assert fit(RESUMED, tmp_path, seed=5)[0].checksum() == whole.checksum()


def test_a_checkpoint_does_not_change_the_result_and_is_no_pickle(tmp_path, uninterrupted):
    whole, _ = uninterrupted
    interrupt(RESUMED, tmp_path, 9)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert sorted(path.suffix for path in files) == [".json", ".json"] + [".safetensors"] * 2
    assert all(b"torch._utils" not in path.read_bytes() for path in files)
    assert fit(RESUMED, tmp_path / "other")[0].checksum() == whole.checksum()


def test_a_last_stage_that_cannot_be_is_refused_before_the_first_step():
    stages = (*STAGES[:2], Stage(steps_share=0.4, learning_blocks=9))
    network = seeded(BinaryNetwork, DESIGN, 1)
    before = network.checksum()
    with pytest.raises(InputError, match="at most 4, the blocks of resnet_small, got 9"):
        fit_binary_network(network, part(10), None, plan(steps=12, stages=stages))

    assert network.checksum() == before


def test_a_checkpoint_that_cannot_be_written_is_one_sentence(tmp_path):
    checkpoints = Checkpoints(tmp_path, "f" * 64)
    checkpoints.folder.rmdir()
    with pytest.raises(InputError, match="checkpoint of step 5 was to be written to"):
        checkpoints.save(FitState(5, {"a": torch.zeros(2)}, {}))


def test_a_workspace_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="must be a folder that can be written, got"):
        fit(RESUMED, tmp_path / "file")


def test_the_history_says_the_stage():
    _, history = fit(plan(steps=10, stages=STAGES))

    assert list(zip(history["step"], history["stage"], strict=True)) == [
        (2, 1),
        (3, 1),  # the end of a stage is looked at, too
        (4, 2),
        (6, 2),
        (8, 3),
        (10, 3),
    ]


def test_frozen_blocks_keep_weights_and_batch_statistics():
    stages = (Stage(steps_share=1.0, learning_blocks=1),)
    network, _ = fit(plan(stages=stages))
    fresh = seeded(BinaryNetwork, DESIGN, 1).state_dict()
    changed = {
        name.split(".")[1]
        for name, value in network.trunk.state_dict(prefix="trunk.").items()
        if not torch.equal(value, fresh[name])
    }

    assert changed == {"layer3"}


def test_patience_goes_over_to_the_next_stage():
    _, history = fit(
        plan(steps=60, stages=STAGES, patience_evaluations=2, learning_rate=0.3, weight_decay=0)
    )

    assert history["stage"].unique().tolist() == [1, 2, 3]
    assert history["stage"].value_counts().min() >= 2  # each stage is given patience of its own
    assert history["step"].iloc[-1] < 60


def test_balanced_classes_weigh_the_same_in_both_losses():
    settings = {"steps": 1, "batch_size": 100, "augmentation": AugmentationOptions(flip=False)}
    network = seeded(BinaryNetwork, DESIGN.model_copy(update={"dropout_share": 0.0}), 1)
    training, validation = part(20, share=0.2), part(10, 1, share=0.3)
    with torch.no_grad():
        x = network.train().preprocess(training.batch(np.arange(20)))
        logits = network.requires_grad_(False)(x).double().numpy()
    network = seeded(BinaryNetwork, DESIGN.model_copy(update={"dropout_share": 0.0}), 1)
    history = fit_binary_network(
        network, training, validation, plan(**settings, class_weights="balanced")
    )

    losses = np.log1p(np.exp(np.where(training.labels, -logits, logits)))
    expected = (losses[training.labels].mean() + losses[~training.labels].mean()) / 2
    assert history["train_loss"].item() == pytest.approx(expected, rel=1e-5)
    scores = network.predict(validation.batch(np.arange(10))).astype(float)
    losses = -np.log(np.where(validation.labels, scores, 1 - scores))
    weights = np.where(validation.labels, 20 / (2 * 4), 20 / (2 * 16))
    assert history["validation_loss"].item() == pytest.approx(
        np.average(losses, weights=weights), rel=1e-5
    )


def test_half_precision_changes_little_and_float16_needs_cuda():
    _, full = fit(plan())
    _, half = fit(plan(mixed_precision=True))

    assert half["train_loss"].to_numpy() == pytest.approx(full["train_loss"], rel=0.05)
    assert not half.equals(full)
    with pytest.raises(InputError, match="float16 needs a CUDA device, got 'cpu'"):
        fit(plan(mixed_precision=True, mixed_precision_type="float16"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_half_precision_learns_on_a_device_and_resumes(tmp_path, kind):
    changes = {"mixed_precision": True, "mixed_precision_type": kind}
    settings = plan(steps=12, stages=STAGES, device=torch.device("cuda"), **changes)
    interrupt(settings, tmp_path, 9)
    _, history = fit(settings, tmp_path)

    assert history["step"].iloc[-1] == 12
    assert np.isfinite(history["train_loss"]).all()
