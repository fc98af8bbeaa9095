import copy
import logging

import numpy as np
import pytest
import torch
from torch import nn

from cosmop.people import devices, inference
from cosmop.people.devices import multiplies_bfloat16, pick_precision
from cosmop.people.inference import MOST_MOVED, FastNetwork
from cosmop.people.network import PersonFilterOptions, create_person_filter

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model():
    """A ResNeXt with the study's blocks and batch norms that do something."""
    options = PersonFilterOptions(
        backbone="resnext50_32x4d", pretrained="none", image_size=(64, 64), hidden_units=(32, 8)
    )
    network = create_person_filter(options).eval()
    chance = torch.Generator().manual_seed(0)
    for module in network.trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=chance)
            module.running_var.uniform_(0.5, 1.5, generator=chance)
    return network


@pytest.fixture(scope="module")
def touchy(model):
    """The same, whose scores spread over 0..1 by differences that are small beside the features."""
    network = copy.deepcopy(model)
    last, logits = network.head[-1], network.logits(images())
    last.bias.data -= float(logits.mean())
    for values in (last.weight, last.bias):
        values.data *= 2 / float(logits.std())
    return network


def images(count=10, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return coarse.repeat(16, axis=1).repeat(16, axis=2)


def moved(model, precision):
    fast = FastNetwork(model, CPU, precision)
    return np.abs(fast.predict(images()) - model.predict(images())).max(), fast.dtype


def test_scores_are_those_of_the_network_within_the_stated_distance(model, touchy):
    assert np.ptp(touchy.predict(images())) > 0.8
    assert moved(touchy, "float32")[0] < 1e-4
    assert moved(model, "bfloat16")[0] < MOST_MOVED


def test_a_network_that_bfloat16_would_change_too_much_is_left_in_float32(
    model, touchy, monkeypatch, caplog
):
    monkeypatch.setattr(inference, "pick_precision", lambda wanted, device: torch.bfloat16)
    assert moved(touchy, "bfloat16")[0] > MOST_MOVED

    with caplog.at_level(logging.WARNING):
        distance, dtype = moved(touchy, "auto")
    assert (distance < 1e-4, dtype) == (True, torch.float32)
    assert "all are computed in float32" in caplog.text
    assert moved(model, "auto")[1] == torch.bfloat16


def test_the_network_itself_is_left_as_it_was(model):
    before = model.checksum()
    FastNetwork(model, CPU, "bfloat16").predict(images(2))

    assert model.checksum() == before
    assert any(isinstance(module, nn.BatchNorm2d) for module in model.trunk.modules())
    assert next(model.parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ("processor: 0\nflags\t\t: fpu avx512f avx512_bf16 sse2\n", torch.bfloat16),
        ("processor: 0\nflags\t\t: fpu amx_bf16 amx_tile\n", torch.bfloat16),
        ("processor: 0\nFeatures\t: fp asimd bf16\n", torch.bfloat16),
        ("processor: 0\nflags\t\t: fpu avx2 avx512f\nbugs: bf16\n", torch.float32),
        (None, torch.float32),
    ],
)
def test_bfloat16_is_taken_where_the_processor_says_it_multiplies_it(
    tmp_path, monkeypatch, facts, expected
):
    file = tmp_path / "cpuinfo"
    if facts is not None:
        file.write_text(facts)
    monkeypatch.setattr(devices, "_CPU_FACTS", file)

    assert pick_precision("auto", CPU) == expected
    assert pick_precision("float32", CPU) == torch.float32
    assert pick_precision("bfloat16", CPU) == torch.bfloat16


def test_what_torch_says_of_this_processor_agrees():
    says = getattr(torch.cpu, "get_capabilities", dict)()
    if "avx512_bf16" not in says:
        pytest.skip("this version of torch does not say what the processor can do")
    assert multiplies_bfloat16(CPU) == bool(says["avx512_bf16"] or says["amx_bf16"])
