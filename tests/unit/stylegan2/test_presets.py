"""Presets: the published values, and what is given goes first."""

import pytest

from cosmop.errors import InputError
from cosmop.stylegan2.options import AugmentationOptions, NetworkOptions, TrainingOptions
from cosmop.stylegan2.presets import PRESETS, completed

# Batch, minibatch group, channel base, rate, gamma, EMA kimg, ramp, mapping layers: table 2 of the
# ADA paper's appendix and the options of its release; auto by its formulas at 256 and 1024 pixels.
_PUBLISHED = {
    ("stylegan2", 256): (32, 4, 32768, 0.002, 10, 10, None, 8),
    ("paper256", 256): (64, 8, 16384, 0.0025, 1, 20, None, 8),
    ("paper512", 512): (64, 8, 32768, 0.0025, 0.5, 20, None, 8),
    ("paper1024", 1024): (32, 4, 32768, 0.002, 2, 10, None, 8),
    ("cifar", 32): (64, 32, 32768, 0.0025, 0.01, 500, 0.05, 2),
    ("auto", 256): (16, 4, 16384, 0.0025, 0.8192, 5, 0.05, 2),
    ("auto", 128): (32, 4, 16384, 0.0025, 0.1024, 10, 0.05, 2),
    ("auto", 512): (8, 4, 32768, 0.0025, 6.5536, 2.5, 0.05, 2),
    ("auto", 1024): (4, 4, 32768, 0.002, 52.4288, 1.25, 0.05, 2),
}


def _complete(preset: str, side: int, **training: object) -> tuple[NetworkOptions, TrainingOptions]:
    network = NetworkOptions.model_validate({"height": side, "width": side})
    return completed(preset, network, TrainingOptions.model_validate(training))


@pytest.mark.parametrize(("preset", "side"), _PUBLISHED)
def test_presets_have_the_published_values(preset: str, side: int) -> None:
    network, training = _complete(preset, side)

    came = (
        training.batch_size,
        network.minibatch_group,
        network.channel_base,
        training.learning_rate,
        training.effective_r1_gamma(side, side),
        training.effective_ema_kimg,
        training.ema_ramp,
        network.mapping_layers,
    )
    assert came == pytest.approx(_PUBLISHED[preset, side])


def test_cifar_has_no_path_length_no_mixing_and_a_plain_discriminator() -> None:
    network, training = _complete("cifar", 32)

    assert (training.path_length_weight, training.style_mixing) == (0, 0)
    assert network.discriminator_skip == "none"


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_given_goes_before_the_preset(preset: str) -> None:
    _, training = _complete(preset, 256, batch_size=8, r1_gamma=3.0)

    assert (training.batch_size, training.r1_gamma) == (8, 3.0)


def test_more_processes_make_the_batch_of_auto_larger() -> None:
    _, training = _complete("auto", 256, processes=4)

    assert training.batch_size == 64
    assert training.effective_r1_gamma(256, 256) == pytest.approx(0.2048)


def test_transfer_adapts_faster_and_has_no_ramp_unless_told_otherwise() -> None:
    _, training = _complete("auto", 256, resume_from="network.pkl")
    given = AugmentationOptions(ada_kimg=300.0)
    _, told = _complete("auto", 256, resume_from="network.pkl", augmentation=given, ema_ramp=0.1)

    assert isinstance(training.augmentation, AugmentationOptions)
    assert (training.augmentation.ada_kimg, training.ema_ramp) == (100, None)
    assert isinstance(told.augmentation, AugmentationOptions)
    assert (told.augmentation.ada_kimg, told.ema_ramp) == (300, 0.1)


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"one of auto, stylegan2, paper256.*got 'paper128'"):
        _complete("paper128", 128)


@pytest.mark.parametrize(("height", "width"), [(100, 100), (36, 36), (256, 40), (4, 4)])
def test_sizes_that_are_no_base_times_a_power_of_two_are_refused(height: int, width: int) -> None:
    with pytest.raises(InputError):
        NetworkOptions.model_validate({"height": height, "width": width})
