"""The losses against closed forms."""

import math

import torch

from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.losses import (
    discriminator_loss,
    generator_loss,
    path_length_penalty,
    path_lengths,
    r1_penalty,
)
from cosmop.stylegan2.options import NetworkOptions


def test_adversarial_losses_are_negative_log_probabilities() -> None:
    fake, real = torch.tensor([0.5, -1.0]), torch.tensor([2.0, 0.0])
    expected_generator = -(fake.sigmoid().log().mean())
    expected = -((1 - fake.sigmoid()).log().mean()) - real.sigmoid().log().mean()

    torch.testing.assert_close(generator_loss(fake), expected_generator)
    torch.testing.assert_close(discriminator_loss(fake, real), expected)


def test_r1_of_a_linear_discriminator_is_the_squared_norm_of_its_weights() -> None:
    weight = torch.randn(3, 4, 4, dtype=torch.float64)
    real = torch.randn(5, 3, 4, 4, dtype=torch.float64, requires_grad=True)

    penalty = r1_penalty(real, (real * weight).sum((1, 2, 3)))
    torch.testing.assert_close(penalty, weight.square().sum().expand(5))


def test_r1_of_a_quadratic_discriminator_and_its_gradient_have_closed_forms() -> None:
    scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    real = torch.randn(2, 1, 3, 3, dtype=torch.float64, requires_grad=True)

    penalty = r1_penalty(real, scale * real.square().sum((1, 2, 3)))
    (by_scale,) = torch.autograd.grad(penalty.sum(), scale)

    energy = real.detach().square().sum((1, 2, 3))
    torch.testing.assert_close(penalty, 4 * scale**2 * energy)
    torch.testing.assert_close(by_scale, 8 * scale.detach() * energy.sum())


def test_path_length_of_a_linear_generator_is_the_norm_of_the_back_projected_noise() -> None:
    matrix = torch.randn(2 * 3 * 4, 2 * 5, dtype=torch.float64)  # two layers of five styles
    ws = torch.randn(3, 2, 5, dtype=torch.float64, requires_grad=True)
    noise = torch.randn(3, 2, 3, 4, dtype=torch.float64)
    image = (ws.flatten(1) @ matrix.T).view(3, 2, 3, 4)

    back = (noise.flatten(1) / math.sqrt(12)) @ matrix
    expected = back.view(3, 2, 5).square().sum(2).mean(1).sqrt()
    torch.testing.assert_close(path_lengths(image, ws, noise), expected)


def test_path_length_penalty_follows_the_running_mean_without_a_gradient_through_it() -> None:
    lengths = torch.tensor([1.0, 3.0], requires_grad=True)

    penalty, mean = path_length_penalty(lengths, lengths.mean(), torch.tensor(4.0), decay=0.5)
    (by_lengths,) = torch.autograd.grad(penalty, lengths)

    torch.testing.assert_close(mean, torch.tensor(3.0))  # half-way from 4 to 2
    torch.testing.assert_close(penalty.detach(), torch.tensor(2.0))
    torch.testing.assert_close(by_lengths, torch.tensor([-2.0, 0.0]))


def test_path_length_gradient_by_a_weight_equals_a_finite_difference() -> None:
    torch.manual_seed(1)
    options = NetworkOptions(
        height=8, width=8, channel_base=32, channel_max=4, z_dim=4, w_dim=4, mapping_layers=1
    )
    generator = Generator(options).double()
    z, noise = torch.randn(2, 4).double(), torch.randn(2, 3, 8, 8).double()
    weight = generator.synthesis.levels[1].conv0.weight

    def total() -> torch.Tensor:
        ws = generator.mapping(z)
        return path_lengths(generator.synthesis(ws), ws, noise).sum()

    (gradient,) = torch.autograd.grad(total(), weight)
    step = 1e-6
    with torch.no_grad():
        weight[1, 2, 0, 1] += step
    above = total().detach()
    with torch.no_grad():
        weight[1, 2, 0, 1] -= 2 * step
    below = total().detach()
    torch.testing.assert_close(
        (above - below) / (2 * step), gradient[1, 2, 0, 1], rtol=1e-5, atol=1e-7
    )
