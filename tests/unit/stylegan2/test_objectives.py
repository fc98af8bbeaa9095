"""The four differentiable parts: right by definition, and the same when compiled."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from cosmop.stylegan2.augmenting import Drawn, drawn_for
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.losses import discriminator_loss, generator_loss
from cosmop.stylegan2.objectives import LatentDraws, Objectives
from cosmop.stylegan2.options import AugmentationOptions, NetworkOptions

_NETWORK = NetworkOptions(
    height=8, width=8, channel_base=32, channel_max=4, z_dim=4, w_dim=4, mapping_layers=2,
    num_classes=2,
)  # fmt: skip
_COUNT = 4
# A constant added to the image changes no Jacobian; one added behind the minibatch deviation moves
# the logit, but not, where everything is piecewise linear, its gradient by the image.
_WITHOUT: dict[str, set[str]] = {
    "generator": set(),
    "path_length": {f"synthesis.levels.{level}.to_image.bias" for level in (0, 1)},
    "discriminator": set(),
    "r1": {"last_conv.bias", "dense.bias", "out.bias"},
}
Part = Callable[[Objectives], Tensor]


def _networks() -> tuple[Generator, Discriminator]:
    torch.manual_seed(3)
    generator, discriminator = Generator(_NETWORK).double(), Discriminator(_NETWORK).double()
    for level in generator.synthesis.levels:
        for layer in level.convolutions():
            layer.noise_strength.data.fill_(0.3)  # zero at the start, which would hide its gradient
    return generator, discriminator


def _draws(generator: Generator) -> LatentDraws:
    z = torch.randn(2, _COUNT, 4, dtype=torch.float64)
    labels = torch.eye(2, dtype=torch.float64)[[0, 1, 1, 0]]
    noises = generator.synthesis.draw_noise(_COUNT, z)
    return LatentDraws(z, labels, torch.tensor([4, 1, 3, 4]), noises)


def _augmentation() -> Drawn:
    random = torch.Generator().manual_seed(4)
    strength = torch.tensor(0.7)
    drawn = drawn_for((_COUNT, 3, 8, 8), strength, random, AugmentationOptions())
    assert drawn is not None
    return type(drawn)(*(part.double() for part in drawn))


def _parts(generator: Generator) -> dict[str, tuple[str, Part]]:
    """Each part as a loss, with the network that it trains."""
    draws, drawn = _draws(generator), _augmentation()
    labels = draws.labels_NK
    fake, real = torch.randn(2, _COUNT, 3, 8, 8, dtype=torch.float64)
    noise = torch.randn(_COUNT, 3, 8, 8, dtype=torch.float64)
    zero = torch.zeros(_COUNT, _NETWORK.num_ws, 4, dtype=torch.float64, requires_grad=True)
    leaf = real.clone().requires_grad_()

    def discriminator_part(objectives: Objectives) -> Tensor:
        return discriminator_loss(
            *objectives.discriminator_logits((fake, real), (labels, labels), (drawn, drawn))
        )

    return {
        "generator": (
            "generator",
            lambda objectives: generator_loss(objectives.generator_logits(draws, drawn)[0]),
        ),
        "path_length": (
            "generator",
            lambda objectives: (objectives.path_lengths(draws, zero, noise)[0] - 1).square().mean(),
        ),
        "discriminator": ("discriminator", discriminator_part),
        "r1": (
            "discriminator",
            lambda objectives: objectives.r1_penalties(leaf, labels, drawn).mean(),
        ),
    }


def _gradients(objectives: Objectives, network: torch.nn.Module, part: Part) -> dict[str, Any]:
    parameters = dict(network.named_parameters())
    loss = part(objectives)
    gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    return dict(zip(parameters, gradients, strict=True))


def _compiled(objectives: Objectives, backend: str) -> Objectives:
    for name in ("generator_logits", "path_lengths", "discriminator_logits", "r1_penalties"):
        function = torch.compile(getattr(objectives, name), fullgraph=True, backend=backend)
        setattr(objectives, name, function)
    return objectives


@pytest.mark.slow  # compiles four graphs, two of them of second order
@pytest.mark.parametrize("name", ["generator", "path_length", "discriminator", "r1"])
def test_compiled_gradients_equal_eager_ones_on_each_parameter_and_none_is_missing(
    name: str,
) -> None:
    generator, discriminator = _networks()
    trained, part = _parts(generator)[name]
    network = generator if trained == "generator" else discriminator
    other = discriminator if trained == "generator" else generator
    other.requires_grad_(requires_grad=False)

    expected = _gradients(Objectives(generator, discriminator), network, part)
    with torch._dynamo.config.patch(trace_autograd_ops=True):
        compiled = _compiled(Objectives(generator, discriminator), "aot_eager")
        came = _gradients(compiled, network, part)

    for parameter, gradient in expected.items():
        if gradient is None:
            assert parameter in _WITHOUT[name], parameter
            assert came[parameter] is None or not came[parameter].any(), parameter
        else:
            torch.testing.assert_close(
                came[parameter], gradient, rtol=1e-9, atol=1e-12, msg=parameter
            )


def test_path_lengths_differentiate_by_the_styles_as_if_they_were_leaves() -> None:
    generator, discriminator = _networks()
    draws = _draws(generator)
    noise = torch.randn(_COUNT, 3, 8, 8, dtype=torch.float64)
    zero = torch.zeros(_COUNT, _NETWORK.num_ws, 4, dtype=torch.float64, requires_grad=True)
    lengths, _ = Objectives(generator, discriminator).path_lengths(draws, zero, noise)

    labels = draws.labels_NK
    w_first, w_other = (generator.mapping.style(z, labels) for z in draws.z_2ND)
    for image in range(_COUNT):
        ws = (
            torch.stack(
                [
                    w_first[image] if layer < int(draws.change_N[image]) else w_other[image]
                    for layer in range(_NETWORK.num_ws)
                ]
            )[None]
            .detach()
            .requires_grad_()
        )
        made = generator.synthesis(ws, [layer[image : image + 1] for layer in draws.noises])
        (jacobian,) = torch.autograd.grad((made * noise[image] / 8).sum(), ws)
        expected = jacobian.square().sum(2).mean().sqrt()
        torch.testing.assert_close(lengths[image], expected)


@pytest.mark.parametrize("name", ["generator", "path_length", "discriminator", "r1"])
def test_no_parameter_is_left_without_a_gradient(name: str) -> None:
    generator, discriminator = _networks()
    trained, part = _parts(generator)[name]
    network = generator if trained == "generator" else discriminator
    gradients = _gradients(Objectives(generator, discriminator), network, part)

    missing = {key for key, value in gradients.items() if value is None or not value.any()}
    assert missing <= _WITHOUT[name]
