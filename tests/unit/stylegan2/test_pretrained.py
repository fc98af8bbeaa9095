"""The networks give the official numbers from the official weights."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cosmop.errors import InputError
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.losses import r1_penalty
from cosmop.stylegan2.pretrained import load_official_state
from tests.official_networks import (
    network_options,
    official_discriminator,
    official_generator,
    random_networks,
)

_SHARED = Path(os.environ.get("COSMOP_SHARED_DATA", Path(__file__).parents[4] / "shared/data"))
_FILES = ("stylegan2_32.npz", "stylegan2_32_conditional.npz")
_TOLERANCE = 1e-4
_OTHER_NETWORKS = (
    {"resolution": 8, "mapping_layers": 1},
    {"resolution": 8, "channel_max": 3, "discriminator_skip": "none", "num_classes": 2},
    {"resolution": 16, "num_classes": 3, "label_layers": 2, "z_dim": 9, "w_dim": 5},
    {"resolution": 16, "num_classes": 1, "z_dim": 3, "w_dim": 7, "mapping_layers": 5},
    {"resolution": 32, "image_channels": 1, "discriminator_skip": "none", "mapping_layers": 8},
    {"resolution": 64, "channel_base": 333, "channel_max": 17, "image_channels": 1},
    {"resolution": 128, "channel_base": 500, "channel_max": 500},
    {"resolution": 256, "channel_base": 256, "channel_max": 8, "num_classes": 4},
)


@pytest.fixture(params=_FILES)
def official(request: pytest.FixtureRequest) -> dict[str, Tensor]:
    path = _SHARED / "parity" / request.param
    if not path.exists():
        pytest.skip(f"the official weights and outputs are not on this machine ({request.param})")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(np.array(arrays[name])) for name in arrays.files}


def _part(official: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in official.items() if k.startswith(prefix)}


def _generator(official: dict[str, Tensor]) -> Generator:
    network = load_official_state(_part(official, "G."))
    assert isinstance(network, Generator)
    return network


def _discriminator(official: dict[str, Tensor]) -> Discriminator:
    network = load_official_state(_part(official, "D."))
    assert isinstance(network, Discriminator)
    return network


def _assert_equal(expected: Tensor, came: Tensor) -> None:
    scale = expected.abs().max()
    assert (came - expected).abs().max() <= _TOLERANCE * scale


def test_styles_equal_the_official_ones(official: dict[str, Tensor]) -> None:
    generator = _generator(official)
    z, labels = official["z"], official["labels"]

    _assert_equal(official["ws"], generator.mapping(z, labels))
    _assert_equal(official["ws_trunc07"], generator.mapping(z, labels, truncation=0.7))


def test_images_equal_the_official_ones(official: dict[str, Tensor]) -> None:
    synthesis = _generator(official).synthesis

    _assert_equal(official["image"], synthesis(official["ws"]))
    _assert_equal(official["image_trunc07"], synthesis(official["ws_trunc07"], noise="constant"))
    _assert_equal(official["image_mixed"], synthesis(official["mixed_ws"]))


def test_logits_equal_the_official_ones(official: dict[str, Tensor]) -> None:
    logits = _discriminator(official)(official["real"], official["labels"])

    _assert_equal(official["logits"].squeeze(1), logits)


def test_r1_and_its_gradient_by_every_weight_equal_the_official_ones(
    official: dict[str, Tensor],
) -> None:
    discriminator = _discriminator(official).requires_grad_()
    real = official["real"].requires_grad_()

    penalty = r1_penalty(real, discriminator(real, official["labels"]))
    (penalty / 2).mean().backward()

    _assert_equal(official["r1_penalty"], penalty.detach())
    renamed = load_official_state(
        {**_part(official, "D."), **_part(official, "r1_grad.")}
    ).state_dict()  # the official gradients, put under our names
    for name, parameter in discriminator.named_parameters():
        if parameter.grad is None:  # the penalty does not depend on the last bias
            assert renamed[name].abs().max() == 0
        else:
            _assert_equal(renamed[name], parameter.grad)


def test_sizes_come_from_the_tensors(official: dict[str, Tensor]) -> None:
    options = _generator(official).options

    resolution, channel_base, channel_max, z_dim, mapping_layers = official["config"].tolist()
    assert (options.height, options.width) == (resolution, resolution)
    assert (options.channel_base, options.channel_max) == (channel_base, channel_max)
    assert (options.z_dim, options.w_dim) == (z_dim, z_dim)
    assert options.mapping_layers == mapping_layers
    assert options.num_classes == official["labels"].shape[1]


@pytest.mark.parametrize("sizes", _OTHER_NETWORKS)
def test_networks_of_any_size_come_back_from_the_official_names(sizes: dict[str, object]) -> None:
    torch.manual_seed(0)
    options = network_options(**sizes)
    generator, discriminator = random_networks(options)
    z, labels = torch.randn(2, options.z_dim), torch.eye(5)[:2, : options.num_classes]

    imported = load_official_state(official_generator(generator).state_dict())
    images = generator(z, labels, truncation=0.7)
    assert isinstance(imported, Generator)
    assert torch.equal(images, imported(z, labels, truncation=0.7))
    judging = load_official_state(official_discriminator(discriminator).state_dict())
    assert isinstance(judging, Discriminator)
    assert torch.equal(discriminator(images, labels), judging(images, labels))


@pytest.mark.parametrize("kind", ["generator", "discriminator"])
def test_no_tensor_may_be_missing_or_have_other_axes(kind: str) -> None:
    generator, discriminator = random_networks(network_options(num_classes=2))
    layouts = {
        "generator": official_generator(generator),
        "discriminator": official_discriminator(discriminator),
    }
    state = layouts[kind].state_dict()
    load_official_state(state)

    for name in state:
        for other in (state[name][None], torch.zeros(0)):
            with pytest.raises(InputError):
                load_official_state({**state, name: other})
        if not name.endswith("resample_filter"):  # it is the same in every network
            with pytest.raises(InputError):
                load_official_state({k: v for k, v in state.items() if k != name})


def test_images_at_every_resolution_of_the_discriminator_are_refused_by_name() -> None:
    _, discriminator = random_networks(network_options(channel_max=4))  # equal channels throughout
    state = official_discriminator(discriminator).state_dict()
    state["b8.fromrgb.weight"] = state["b16.fromrgb.weight"]
    state["b8.fromrgb.bias"] = state["b16.fromrgb.bias"]

    with pytest.raises(InputError, match=r"blocks\.1\.fromrgb\.bias"):
        load_official_state(state)


def test_a_tensor_that_asks_for_an_impossible_network_is_refused_before_one_is_made() -> None:
    generator, _ = random_networks(network_options())
    state = official_generator(generator).state_dict()
    state["synthesis.b4.conv1.weight"] = torch.zeros(1_000_000, 1, 1, 1)  # else 36 TB of weights

    with pytest.raises(InputError, match="synthesis"):
        load_official_state(state)


def test_another_filter_is_refused_by_name(official: dict[str, Tensor]) -> None:
    state = _part(official, "D.")

    for other in (torch.ones(4, 4), torch.ones(12), torch.ones(1)):
        with pytest.raises(InputError, match=r"b16\.resample_filter"):
            load_official_state({**state, "b16.resample_filter": other})


def test_a_tensor_of_another_shape_is_refused_by_name(official: dict[str, Tensor]) -> None:
    state = _part(official, "D.")
    state["b4.fc.bias"] = torch.zeros(7)

    with pytest.raises(InputError, match=r"dense\.bias.*\(7,\)"):
        load_official_state(state)


def test_a_state_without_a_network_is_refused() -> None:
    with pytest.raises(InputError, match="got 1 tensors without either"):
        load_official_state({"weight": torch.zeros(1)})
