"""What is not finite stops the update that it would spoil, on any device."""

import pytest
import torch
from torch import nn

from cosmop.stylegan2.finiteness import FiniteCheck, TrainingDivergedError
from cosmop.stylegan2.steps import lazy_adam


class _LateCheck(FiniteCheck):
    """As on a CUDA device, where looking at once would make the host wait."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"))
        self._is_free = False


def _network() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(2, 1)


def _update(network: nn.Linear, check: FiniteCheck, step: int, scale: float) -> None:
    adam = lazy_adam(network, 0.1, None)
    loss = network(torch.ones(1, 2) * scale).square().mean()
    loss.backward()
    adam.found_inf = check.add(step, "test", loss.detach(), network)
    adam.step()
    network.zero_grad()


def test_on_a_cpu_the_error_comes_before_the_update_and_names_step_and_tensor() -> None:
    network, check = _network(), FiniteCheck(torch.device("cpu"))
    _update(network, check, 0, 1.0)
    before = network.weight.clone()

    with pytest.raises(TrainingDivergedError, match=r"before the test update of step 1.*the loss"):
        _update(network, check, 1, float("inf"))
    assert torch.equal(network.weight, before)


def test_elsewhere_it_comes_later_and_the_weights_have_not_moved_since() -> None:
    network, check = _network(), _LateCheck()
    _update(network, check, 0, 1.0)
    before = network.weight.clone()
    _update(network, check, 1, float("nan"))
    _update(network, check, 2, 1.0)

    assert torch.equal(network.weight, before)
    with pytest.raises(TrainingDivergedError, match="of step 1, because the loss"):
        check.raise_if_broken()


def test_a_gradient_that_is_not_finite_is_named() -> None:
    network, check = _network(), _LateCheck()
    network.weight.grad = torch.tensor([[float("inf"), 1.0]])
    network.bias.grad = torch.ones(1)

    assert float(check.add(3, "test", torch.tensor(1.0), network)) == 1
    with pytest.raises(TrainingDivergedError, match=r"gradient of weight is not finite \(1 such"):
        check.raise_if_broken()


def test_finite_updates_are_all_made_and_looked_at_within_sixteen_steps() -> None:
    network, check = _network(), _LateCheck()
    before = network.weight.clone()
    for step in range(40):
        _update(network, check, step, 1.0)
        assert len(check._seen) <= 16

    assert not torch.equal(network.weight, before)
    check.raise_if_broken()
