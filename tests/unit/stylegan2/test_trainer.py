"""Training: its schedule, its reproducibility, and how it refuses and stops."""

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save

from cosmop.errors import InputError
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.image_data import ResidentImages
from cosmop.stylegan2.options import AugmentationOptions, NetworkOptions, TrainingOptions
from cosmop.stylegan2.steps import average_weights, draw_style_changes, lazy_adam
from cosmop.stylegan2.trainer import Snapshot, TrainingDivergedError, TrainingRun, TrainingState
from cosmop.stylegan2.transfer import StartingWeights

_NETWORK = NetworkOptions(
    height=8, width=8, channel_base=32, channel_max=4, z_dim=4, w_dim=4, mapping_layers=1
)
_STEP_KIMG = 0.008  # one batch of eight


def _training(steps: int, **others: object) -> TrainingOptions:
    given = {
        "batch_size": 8,
        "total_kimg": steps * _STEP_KIMG,
        "snapshot_kimg": 6 * _STEP_KIMG,
        "r1_interval": 4,
        "device": "cpu",
        "seed": 5,
        "augmentation": AugmentationOptions(strength_start=0.5, ada_kimg=1),
        **others,
    }
    return TrainingOptions.model_validate(given)


def _images(count: int = 40, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


def _snapshots(training: TrainingOptions, **others: object) -> list[Snapshot]:
    resume = others.get("resume")
    assert resume is None or isinstance(resume, TrainingState)
    return list(TrainingRun(_images(), _NETWORK, training).snapshots(resume))


def _assert_same_state(expected: TrainingState, came: TrainingState) -> None:
    assert expected.scalars == came.scalars
    assert expected.tensors.keys() == came.tensors.keys()
    for name, tensor in expected.tensors.items():
        assert torch.equal(tensor, came.tensors[name]), name


def _through_bytes(state: TrainingState) -> TrainingState:
    tensors, scalars = state.state_dict()
    return TrainingState.from_parts(load(save(tensors)), json.loads(json.dumps(scalars)))


@pytest.fixture(scope="module")
def straight() -> Sequence[Snapshot]:
    return _snapshots(_training(12))


def test_snapshots_come_at_zero_at_each_interval_and_at_the_end() -> None:
    came = [snapshot.kimg for snapshot in _snapshots(_training(14))]

    assert came == [0, 0.048, 0.096, 0.112]


def test_resuming_from_saved_bytes_gives_the_same_weights_as_never_stopping(
    straight: Sequence[Snapshot],
) -> None:
    half = _snapshots(_training(6))[-1]
    (resumed,) = _snapshots(_training(12), resume=_through_bytes(half.state))

    _assert_same_state(straight[1].state, half.state)
    _assert_same_state(straight[2].state, resumed.state)
    assert straight[2].generator.checksum() == resumed.generator.checksum()


def test_a_state_stays_as_it_is_when_a_run_goes_on_from_it(straight: Sequence[Snapshot]) -> None:
    state = _through_bytes(straight[1].state)
    _snapshots(_training(12), resume=state)

    _assert_same_state(straight[1].state, state)


def test_resuming_an_untrained_state_is_starting(straight: Sequence[Snapshot]) -> None:
    resumed = _snapshots(_training(12), resume=_through_bytes(straight[0].state))

    _assert_same_state(straight[2].state, resumed[-1].state)


def test_equal_seeds_give_equal_runs_and_other_seeds_others(straight: Sequence[Snapshot]) -> None:
    again, other = _snapshots(_training(12)), _snapshots(_training(12, seed=6))

    _assert_same_state(straight[2].state, again[2].state)
    assert straight[2].generator.checksum() != other[2].generator.checksum()


def test_snapshots_do_not_change_when_training_goes_on(straight: Sequence[Snapshot]) -> None:
    assert straight[0].generator.checksum() != straight[1].generator.checksum()
    assert not straight[1].generator.training
    assert not any(p.requires_grad for p in straight[1].generator.parameters())
    weight = straight[1].state.tensors["average.synthesis.constant"]
    assert torch.equal(weight, straight[1].generator.synthesis.constant)


def test_statistics_hold_losses_augmentation_and_speed(straight: Sequence[Snapshot]) -> None:
    wanted = {
        "generator_loss", "discriminator_loss", "r1_penalty", "path_length", "real_sign",
        "augmentation_strength", "seconds_per_kimg",
    }  # fmt: skip

    assert wanted <= straight[1].statistics.keys()
    assert all(np.isfinite(value) for value in straight[1].statistics.values())


def test_class_labels_and_mirrored_images_train() -> None:
    network = _NETWORK.model_copy(update={"num_classes": 2})
    labels = np.eye(2, dtype=np.int64)[np.arange(40) % 2]

    last = list(TrainingRun(_images(), network, _training(2, mirror=True), labels).snapshots())[-1]
    assert last.state.tensors["generator.mapping.dense.embedding.weight"].shape == (4, 2)


def test_the_fingerprint_knows_options_and_images_but_not_how_long_or_where() -> None:
    def fingerprint(images: NDArray[np.uint8], training: TrainingOptions) -> str:
        return TrainingRun(images, _NETWORK, training).fingerprint

    one = fingerprint(_images(), _training(12))
    assert one == fingerprint(_images(), _training(24, snapshot_kimg=1.0, device="auto"))
    assert one != fingerprint(_images(), _training(12, learning_rate=0.001))
    assert one != fingerprint(_images(seed=1), _training(12))


def test_a_state_of_other_settings_is_refused_naming_each_difference(
    straight: Sequence[Snapshot],
) -> None:
    with pytest.raises(
        InputError, match=r"batch_size is 4 and was 8; training\.seed is 6 and was 5"
    ):
        _snapshots(_training(12, batch_size=4, seed=6), resume=straight[1].state)


def test_an_incomplete_state_is_refused(straight: Sequence[Snapshot]) -> None:
    tensors, scalars = straight[1].state.state_dict()
    kept = {name: t for name, t in tensors.items() if not name.startswith("discriminator.")}

    with pytest.raises(InputError, match="tensors of the discriminator, got none"):
        _snapshots(_training(12), resume=TrainingState.from_parts(kept, scalars))


def test_a_non_finite_weight_stops_before_the_update_and_names_step_and_tensor(
    straight: Sequence[Snapshot],
) -> None:
    state = _through_bytes(straight[1].state)
    state.tensors["discriminator.out.bias"].fill_(float("nan"))

    with pytest.raises(TrainingDivergedError, match=r"generator_loss update of step 6.*the loss"):
        _snapshots(_training(12), resume=state)


@pytest.mark.parametrize(
    ("target", "expected"), [(0.0, 0.5 + 0.064), (1.0, 0.5 - 0.064)], ids=["up", "down"]
)
def test_the_strength_moves_by_images_over_ada_kimg(target: float, expected: float) -> None:
    # Eight steps of eight images with ada_kimg 1 move it by 0.064 in all; 0 < r_t < 1.
    options = AugmentationOptions(strength_start=0.5, ada_kimg=1, target=target)
    training = _training(8, augmentation=options, learning_rate=1e-3)

    last = _snapshots(training)[-1]
    assert last.statistics["augmentation_strength"] == pytest.approx(expected)


def test_the_strength_never_exceeds_its_cap() -> None:
    options = AugmentationOptions(strength_start=0.5, strength_cap=0.51, ada_kimg=0.1, target=0.0)

    last = _snapshots(_training(8, augmentation=options, learning_rate=1e-3))[-1]
    assert last.statistics["augmentation_strength"] == pytest.approx(0.51)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (_images(7), "at least 8 images.*got 7"),
        (_images().astype(np.float32), "uint8 images.*got float32"),
        (_images()[:, :, :4], r"\[N, 8, 8, 3\], got uint8 of shape \[40, 8, 4, 3\]"),
    ],
)
def test_unusable_images_are_refused(images: NDArray[np.uint8], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainingRun(images, _NETWORK, _training(1))


def test_fewer_images_than_a_batch_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"at least 16 images with a batch size of 16, got 11 \(and 1 held"
    ):
        TrainingRun(_images(12), _NETWORK, _training(1, batch_size=16))


def test_a_batch_that_cannot_be_grouped_is_refused() -> None:
    with pytest.raises(InputError, match="minibatch_group 4, got 6"):
        TrainingRun(_images(), _NETWORK, _training(1, batch_size=6))


def test_labels_that_do_not_fit_the_network_are_refused() -> None:
    with pytest.raises(InputError, match=r"with 0 classes.*got \(40, 2\)"):
        TrainingRun(_images(), _NETWORK, _training(1), np.zeros((40, 2)))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_is_refused_where_there_is_none() -> None:
    with pytest.raises(InputError, match="has 0 CUDA devices, got 'cuda' for process 0"):
        TrainingRun(_images(), _NETWORK, _training(1, device="cuda"))


def test_each_image_and_its_mirror_come_once_an_epoch_in_a_new_order() -> None:
    data = ResidentImages(_images(10), None, mirror=True, seed=1, device=torch.device("cpu"))
    first, second = data.indices(0, 20), data.indices(20, 20)

    assert sorted(first) == sorted(second) == list(range(20))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.concatenate([first, second])[15:25], data.indices(15, 10))


def test_mirrored_places_give_mirrored_images_between_minus_one_and_one() -> None:
    images = _images(10)
    data = ResidentImages(images, None, mirror=True, seed=1, device=torch.device("cpu"))

    x_NCHW, _ = data.batch(0, 20)
    for x, place in zip(x_NCHW, data.indices(0, 20), strict=True):
        image = images[place % 10][:, ::-1] if place >= 10 else images[place]
        expected = torch.from_numpy(image / np.float32(127.5) - 1).permute(2, 0, 1)
        torch.testing.assert_close(x, expected)


def test_a_share_of_images_changes_style_at_any_layer_but_the_first() -> None:
    change = draw_style_changes(9000, 6, 0.9, torch.Generator().manual_seed(0))
    counts = torch.bincount(change, minlength=7)

    assert counts[0] == 0
    expected = torch.tensor([1620.0] * 5)  # 0.9 of 9000 over layers 1 to 5
    assert ((counts[1:6] - expected).abs() < 5 * (1620 * 0.82) ** 0.5).all()
    assert abs(int(counts[6]) - 900) < 5 * (9000 * 0.09) ** 0.5


def test_lazy_adam_scales_rate_and_decay_by_k_over_k_plus_one() -> None:
    group = lazy_adam(torch.nn.Linear(1, 1), 0.0025, 16).param_groups[0]

    assert group["lr"] == pytest.approx(0.0025 * 16 / 17)
    assert group["betas"] == pytest.approx((0.0, 0.99 ** (16 / 17)))


def test_averaging_keeps_its_share_of_weights_and_copies_buffers(
    straight: Sequence[Snapshot],
) -> None:
    average, new = copy.deepcopy(straight[0].generator), straight[2].generator
    before = average.synthesis.constant.clone()
    expected = 0.75 * before + 0.25 * new.synthesis.constant

    average_weights(average, new, 0.75)
    torch.testing.assert_close(average.synthesis.constant, expected)
    assert torch.equal(average.mapping.w_average, new.mapping.w_average)


def test_held_out_images_are_never_trained_on() -> None:
    run = TrainingRun(_images(), _NETWORK, _training(1, held_out_share=0.25))
    data = ResidentImages(
        _images(), None, mirror=False, seed=5, device=torch.device("cpu"), held_out=run.held_out
    )
    trained_on, _ = data.batch(0, 30)
    kept_back, _ = data.held_out_batch(0, 10)

    assert run.held_out.sum() == data.num_held_out == 10
    every = torch.cat([trained_on, kept_back]).flatten(1)
    expected = torch.from_numpy(_images()).permute(0, 3, 1, 2).flatten(1) / 127.5 - 1
    assert {tuple(row) for row in every.tolist()} == {tuple(row) for row in expected.tolist()}


def test_the_held_out_gap_is_one_where_held_out_images_look_like_fakes() -> None:
    training = _training(20, held_out_share=0.25, augmentation=None, learning_rate=0.01)
    held_out = TrainingRun(_images(), _NETWORK, training).held_out
    images = np.where(held_out[:, None, None, None], 128, 255) - _images() // 4
    alike = 255 - _images() // 4

    def gap(pixels: NDArray[np.generic]) -> float:
        run = TrainingRun(pixels.astype(np.uint8), _NETWORK, training)
        return list(run.snapshots())[-1].statistics["held_out_gap"]

    assert gap(images) > 0.5
    assert abs(gap(alike)) < 0.3


def test_a_softened_state_takes_half_the_step(straight: Sequence[Snapshot]) -> None:
    training = _training(12, path_length_weight=0.0)
    before = _snapshots(training)[1].state
    whole, half = (
        _snapshots(_training(7, path_length_weight=0.0), resume=state)[-1].state
        for state in (before, before.softened())
    )

    assert (half.scalars["rate_factor"], half.scalars["gamma_factor"]) == (0.5, 2)
    assert half.softened().number("rate_factor") == 0.25
    for name, start in before.part("generator").items():
        if "w_average" not in name and "constant" not in name:
            moved = whole.tensors[f"generator.{name}"] - start
            torch.testing.assert_close(
                half.tensors[f"generator.{name}"] - start, moved / 2, rtol=1e-3, atol=2e-5
            )


def test_frozen_blocks_keep_their_weights_and_the_others_move() -> None:
    first, last = _snapshots(_training(6, freeze_blocks=1))
    before, after = first.state.part("discriminator"), last.state.part("discriminator")
    kept = {name for name in before if torch.equal(before[name], after[name])}

    assert kept == {name for name in before if name.startswith(("from_image.", "blocks.0."))}


def test_more_frozen_blocks_than_there_are_are_refused() -> None:
    with pytest.raises(InputError, match="at most the 1 blocks of the discriminator, got 2"):
        _snapshots(_training(1, freeze_blocks=2))


def test_training_from_earlier_weights_begins_with_them(straight: Sequence[Snapshot]) -> None:
    earlier = straight[2].state
    weights = StartingWeights(Generator(_NETWORK), Discriminator(_NETWORK), Generator(_NETWORK))
    weights.generator.load_state_dict(earlier.part("generator"))
    weights.discriminator.load_state_dict(earlier.part("discriminator"))
    weights.average.load_state_dict(earlier.part("average"))
    run = TrainingRun(_images(), _NETWORK, _training(1), weights=weights)
    begun = next(iter(run.snapshots()))

    assert begun.generator.checksum() == weights.average.checksum()
    for name, tensor in earlier.part("discriminator").items():
        assert torch.equal(begun.state.tensors[f"discriminator.{name}"], tensor)
    assert run.fingerprint != TrainingRun(_images(), _NETWORK, _training(1)).fingerprint


def test_weights_of_other_sizes_are_refused_naming_them() -> None:
    other = _NETWORK.model_copy(update={"z_dim": 8})
    weights = StartingWeights(Generator(other), Discriminator(_NETWORK), Generator(other))

    with pytest.raises(InputError, match=r"z_dim is 8 and not 4; set generation\.network"):
        TrainingRun(_images(), _NETWORK, _training(1), weights=weights)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_trains_nearly_as_float32_does(precision: str) -> None:
    still = {"learning_rate": 1e-9, "augmentation": None}
    half, full = (
        _snapshots(_training(6, precision=name, **still))[-1] for name in (precision, "float32")
    )

    for name in ("generator_loss", "discriminator_loss", "r1_penalty", "path_length"):
        assert half.statistics[name] == pytest.approx(full.statistics[name], rel=0.03), name
        assert half.statistics[name] != full.statistics[name], name
    assert all(value.dtype == torch.float32 for value in half.generator.parameters())


@pytest.mark.parametrize(("precision", "half"), [("bfloat16", torch.bfloat16), ("float32", None)])
def test_snapshots_generate_in_the_precision_of_training_from_float32_weights(
    precision: str, half: torch.dtype | None
) -> None:
    snapshot = _snapshots(_training(1, precision=precision))[-1]
    plain = Generator(_NETWORK).eval().requires_grad_(requires_grad=False)
    plain.load_state_dict(snapshot.state.part("average"))
    z_ND = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    exact, came = plain(z_ND), snapshot.generator(z_ND)
    plain.synthesis.set_half(half, 4)

    assert torch.equal(came, plain(z_ND))
    assert torch.equal(came, exact) == (half is None)
    assert float((came - exact).abs().mean()) < 0.02 * float(exact.std())
    assert snapshot.generator.checksum() == plain.checksum()


_STARVED = """
import resource
import numpy as np
import torch
from cosmop.stylegan2.options import NetworkOptions, TrainingOptions
from cosmop.stylegan2.trainer import TrainingRun

torch.set_num_threads(1)
network = NetworkOptions(height=128, width=128, channel_max=32, minibatch_group=2)
training = TrainingOptions(batch_size=64, device="cpu", precision="float32", augmentation=None)
run = TrainingRun(np.zeros((80, 128, 128, 3), np.uint8), network, training)
snapshots = run.snapshots()
next(snapshots)
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 700 * 2**20,) * 2)
next(snapshots)
"""


@pytest.mark.slow  # a process of its own tries smaller and smaller batches
def test_out_of_memory_says_which_batch_size_fits() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STARVED],
        check=False,
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    message = done.stderr.strip().splitlines()[-1]
    assert "batch size of 64 wants more memory than cpu has" in message
    fitting = re.search(r"set batch_size to (\d+)\.$", message)
    assert fitting, message
    assert int(fitting[1]) < 64
