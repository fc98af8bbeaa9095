"""What holds for every augmentation: no waiting, no rounding, the same gradients when compiled."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from cosmop.stylegan2.augmenting import Drawn, augmented, drawn_for, is_known_idle
from cosmop.stylegan2.options import AnyAugmentation, AugmentationOptions, DiffAugmentOptions

_KINDS = [
    pytest.param(options, channels, id=f"{options.kind}-{channels}")
    for options in (AugmentationOptions(), DiffAugmentOptions())
    for channels in (1, 3)
]
_every_kind = pytest.mark.parametrize(("options", "channels"), _KINDS)


def _images(channels: int, dtype: torch.dtype = torch.float64) -> Tensor:
    random = torch.Generator().manual_seed(9)
    return torch.rand((3, channels, 6, 8), generator=random, dtype=dtype) * 2 - 1


def _drawn(options: AnyAugmentation, channels: int, strength: Tensor, seed: int = 0) -> Drawn:
    random = torch.Generator().manual_seed(seed)
    return drawn_for((3, channels, 6, 8), strength, random, options)


@_every_kind
def test_drawing_and_applying_never_wait_for_a_value(
    options: AnyAugmentation, channels: int
) -> None:
    with FakeTensorMode():
        x, strength = torch.rand(3, channels, 6, 8), torch.rand(())
        y = augmented(x, _drawn(options, channels, strength))

        assert y.shape == x.shape
        with pytest.raises(DataDependentOutputException):
            float(strength)  # what the mode refuses


class _MadeFromNumbers(TorchDispatchMode):
    """Counts tensors made of Python numbers, which a CUDA device would have to be sent."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten.lift_fresh.default
        return func(*args, **(kwargs or {}))


@_every_kind
def test_no_constant_is_sent_to_the_device(options: AnyAugmentation, channels: int) -> None:
    x, strength = _images(channels), torch.ones(())

    with _MadeFromNumbers() as made:
        augmented(x, _drawn(options, channels, strength))
        assert made.count == 0
        torch.tensor([1.0])
    assert made.count == 1


@_every_kind
def test_autocast_does_not_coarsen_positions_or_colours(
    options: AnyAugmentation, channels: int
) -> None:
    x, strength = _images(channels, torch.float32), torch.tensor(0.8)
    expected = augmented(x, _drawn(options, channels, strength))

    with torch.autocast("cpu", torch.bfloat16):
        came = augmented(x, _drawn(options, channels, strength))
    assert torch.equal(expected, came)


@_every_kind
def test_the_gradient_is_the_adjoint(options: AnyAugmentation, channels: int) -> None:
    x, y = _images(channels).requires_grad_(), _images(channels).flip(0, 2)
    drawn = _drawn(options, channels, torch.ones(()))
    linear = augmented(x, drawn) - augmented(torch.zeros_like(x), drawn)

    (adjoint,) = torch.autograd.grad(linear, x, y)
    torch.testing.assert_close((linear * y).sum(), (x * adjoint).sum())


@pytest.fixture
def compiling() -> Iterator[None]:
    """Trace R1 as training does, and refuse a second compilation."""
    with torch._dynamo.config.patch(trace_autograd_ops=True, error_on_recompile=True):
        torch._dynamo.reset()
        yield
        torch._dynamo.reset()


def _curved_judge(channels: int) -> nn.Module:
    """A smooth network: a second derivative that got lost cannot look right."""
    torch.manual_seed(5)
    convolution, dense = nn.Conv2d(channels, 4, 3), nn.Linear(4 * 4 * 6, 1)
    return nn.Sequential(convolution, nn.Softplus(), nn.Flatten(), dense, nn.Softplus()).double()


def _gradients(judge: nn.Module, r1: Callable[..., Any], *given: Any) -> dict[str, Tensor]:
    judge.zero_grad()
    r1(*given).backward()
    return {name: p.grad.clone() for name, p in judge.named_parameters() if p.grad is not None}


@_every_kind
def test_r1_is_the_same_compiled_and_never_compiles_again(
    compiling: None, options: AnyAugmentation, channels: int
) -> None:
    _assert_compiles(options, channels, "aot_eager")


@pytest.mark.slow  # writes C++ and compiles it
@pytest.mark.parametrize("options", [AugmentationOptions(), DiffAugmentOptions()])
def test_r1_is_the_same_in_the_code_that_inductor_writes(
    compiling: None, options: AnyAugmentation
) -> None:
    if not (shutil.which("c++") or shutil.which("g++")):
        pytest.skip("torch.compile needs a C++ compiler on the CPU, and there is none.")
    _assert_compiles(options, 3, "inductor")


def _assert_compiles(options: AnyAugmentation, channels: int, backend: str) -> None:
    judge, x = _curved_judge(channels), _images(channels).requires_grad_()

    def r1(x: Tensor, drawn: Drawn) -> Tensor:
        logits = judge(augmented(x, drawn))
        (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
        return gradient.square().sum()

    compiled = torch.compile(r1, fullgraph=True, backend=backend)
    for seed, strength in enumerate((0.2, 0.9)):
        drawn = _drawn(options, channels, torch.tensor(strength), seed)
        expected, came = (_gradients(judge, how, x, drawn) for how in (r1, compiled))

        assert came.keys() == dict(judge.named_parameters()).keys()
        torch.testing.assert_close(came, expected)


def test_at_strength_0_every_image_comes_back_to_the_last_bit_so_nothing_needs_doing() -> None:
    options, none = AugmentationOptions(), torch.zeros(())
    images = _images(3, torch.float32)

    assert torch.equal(augmented(images, _drawn(options, 3, none)), images)
    assert is_known_idle(none, options)
    assert not is_known_idle(torch.tensor(0.01), options)
    assert not is_known_idle(none, DiffAugmentOptions())
    assert not is_known_idle(torch.zeros((), device="meta"), options)
