import copy
import logging

import numpy as np
import pytest
import torch
from torch import nn

from cosmop.people import inference
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
    monkeypatch.setattr(inference, "multiplies_bfloat16", lambda device: True)
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
