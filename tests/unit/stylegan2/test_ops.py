"""The layers against slow, direct definitions."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cosmop.stylegan2 import ops
from cosmop.stylegan2.ops import (
    EqualisedConv,
    EqualisedLinear,
    ModulatedConv,
    ToImage,
    binomial_filter,
    demodulation,
    downsample,
    normalise_second_moment,
    upsample,
)

_ROW = (1 / 8, 3 / 8, 3 / 8, 1 / 8)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def _correlate(x: Tensor) -> Tensor:
    """Correlate one padded [H, W] plane with the binomial filter, pixel by pixel."""
    rows, columns = x.shape[0] - 3, x.shape[1] - 3
    out = torch.zeros(rows, columns, dtype=x.dtype)
    for i in range(rows):
        for j in range(columns):
            for a in range(4):
                for b in range(4):
                    out[i, j] += _ROW[a] * _ROW[b] * x[i + a, j + b]
    return out


def test_upsampling_is_inserting_zeros_and_filtering_with_gain_four() -> None:
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    expected = torch.zeros(2, 3, 8, 10, dtype=torch.float64)
    for n in range(2):
        for c in range(3):
            sparse = torch.zeros(8, 10, dtype=torch.float64)
            sparse[::2, ::2] = x[n, c]
            expected[n, c] = 4 * _correlate(F.pad(sparse, [2, 1, 2, 1]))

    torch.testing.assert_close(upsample(x, binomial_filter()), expected)


def test_downsampling_is_filtering_and_keeping_every_second_pixel() -> None:
    x = torch.randn(1, 1, 6, 8, dtype=torch.float64)
    expected = _correlate(F.pad(x[0, 0], [1, 1, 1, 1]))[::2, ::2]

    torch.testing.assert_close(downsample(x, binomial_filter())[0, 0], expected)


def test_a_constant_image_keeps_its_value_inside_when_resampled() -> None:
    x = torch.ones(1, 2, 8, 8)

    inside_up = upsample(x, binomial_filter())[:, :, 2:-2, 2:-2]
    inside_down = downsample(x, binomial_filter())[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(inside_up, torch.ones_like(inside_up))
    torch.testing.assert_close(inside_down, torch.ones_like(inside_down))


def _modulated_reference(layer: ModulatedConv, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
    """Build each image's own demodulated filter (equations 1 to 3) and convolve with it."""
    images = []
    for n in range(len(x)):
        style = F.linear(w[n], layer.affine.weight / math.sqrt(w.shape[1]), layer.affine.bias)
        weight = layer.weight * style[None, :, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if layer.upsamples:
            y = F.conv_transpose2d(x[n : n + 1], weight.transpose(0, 1), stride=2)
            planes = [4 * _correlate(F.pad(plane, [1, 1, 1, 1])) for plane in y[0]]
            y = torch.stack(planes)[None]
        else:
            y = F.conv2d(x[n : n + 1], weight, padding=1)
        y = y + noise * layer.noise_strength + layer.bias[:, None, None]
        images.append(F.leaky_relu(y, 0.2) * math.sqrt(2))
    return torch.cat(images)


@pytest.mark.parametrize("upsamples", [False, True])
def test_modulated_convolution_equals_one_filter_per_image(upsamples: bool) -> None:
    size = (6, 8) if upsamples else (3, 4)
    layer = ModulatedConv(3, 2, 5, size, upsamples=upsamples).double()
    torch.nn.init.normal_(layer.bias)
    torch.nn.init.constant_(layer.noise_strength, 0.3)
    x, w = torch.randn(2, 3, 3, 4).double(), torch.randn(2, 5).double()

    came = layer(x, w, layer.noise_constant)
    torch.testing.assert_close(came, _modulated_reference(layer, x, w, layer.noise_constant))


def test_demodulated_filters_have_unit_norm() -> None:
    weight, style = torch.randn(4, 3, 3, 3).double(), torch.randn(2, 3).double()

    factor = demodulation(weight, style)
    filters = weight[None] * style[:, None, :, None, None] * factor[:, :, None, None, None]
    norms = filters.square().sum((2, 3, 4))
    torch.testing.assert_close(norms, torch.ones_like(norms))


def test_colours_are_a_modulated_sum_of_features_without_demodulation() -> None:
    layer = ToImage(4, 3, 5).double()
    x, w = torch.randn(2, 4, 3, 2).double(), torch.randn(2, 5).double()
    style = layer.affine(w) / 2  # the root of 4 channels
    filters = layer.weight[None, :, :, 0, 0] * style[:, None]
    expected = torch.einsum("noi,nihw->nohw", filters, x) + layer.bias[None, :, None, None]

    torch.testing.assert_close(layer(x, w), expected)


def test_equalised_layers_scale_their_weights_by_fan_in_and_gain() -> None:
    linear, conv = EqualisedLinear(6, 2, activated=True, rate=0.01), EqualisedConv(3, 2, 3)
    torch.nn.init.normal_(linear.bias)
    x, image = torch.randn(4, 6), torch.randn(1, 3, 5, 5)
    dense = F.linear(x, linear.weight * 0.01 / math.sqrt(6), linear.bias * 0.01)
    features = F.conv2d(image, conv.weight / math.sqrt(27), conv.bias, padding=1)

    torch.testing.assert_close(linear(x), F.leaky_relu(dense, 0.2) * math.sqrt(2))
    torch.testing.assert_close(conv(image), F.leaky_relu(features, 0.2) * math.sqrt(2))


def test_normalised_vectors_have_a_mean_square_of_one() -> None:
    x = normalise_second_moment(torch.randn(5, 7) * 3)

    torch.testing.assert_close(x.square().mean(1), torch.ones(5))


@pytest.mark.parametrize("upsamples", [False, True])
def test_modulated_convolution_is_twice_differentiable(upsamples: bool) -> None:
    layer = ModulatedConv(2, 2, 3, (4, 4) if upsamples else (2, 2), upsamples=upsamples).double()
    x = torch.randn(1, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    w = torch.randn(1, 3, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradgradcheck(lambda a, b: layer(a, b, None), (x, w))


@pytest.mark.parametrize("size", [(4, 4), (8, 6), (5, 7)])
def test_shifted_sums_filter_as_depthwise_convolutions_do(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    filter_44 = binomial_filter().double()

    blurred = ops._shifted_sum(ops._shifted_sum(F.pad(x, [2] * 4), 2, 1, 4.0), 3, 1)
    torch.testing.assert_close(blurred, ops.blur(x, filter_44, padding=2, gain=4))
    halved = ops._shifted_sum(ops._shifted_sum(F.pad(x, [1] * 4), 2, 2), 3, 2)
    torch.testing.assert_close(halved, ops.downsample(x, filter_44))
    doubled = ops._interleaved(ops._interleaved(x, 2), 3)
    torch.testing.assert_close(doubled, ops.upsample(x, filter_44))


def _modulated(weight: Tensor, style: Tensor) -> Tensor:
    """Return the filters of each image, [N, O, I, k, k]."""
    factor = demodulation(weight, style)[..., None, None, None]
    return weight[None] * style[:, None, :, None, None] * factor


def test_small_filters_and_styles_give_the_same_modulated_filters() -> None:
    weight, style = torch.randn(5, 4, 3, 3).double() * 300, torch.randn(2, 4).double() * 50
    small_weight, small_style = ops._small(weight, style)

    torch.testing.assert_close(
        _modulated(small_weight, small_style), _modulated(weight, style), rtol=1e-6, atol=1e-9
    )
    assert small_weight.abs().max() <= 1 / 6
    assert small_style.abs().max() <= 1
