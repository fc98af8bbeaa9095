"""Layers of StyleGAN2: equalised weights, binomial resampling, modulated convolution.

Legend: N batch, C channels, I in, O out, H W pixels, D latent, L layers.
Activations are channels-last: the depthwise filters run several times faster that way on a CPU.
Layers compute in the type of the activations they get; styles and factors stay float32.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_SQRT2 = math.sqrt(2)
_EPSILON = 1e-8
_BINOMIAL = (1.0, 3.0, 3.0, 1.0)
_FLOAT16_CLAMP = 256.0  # float16 ends at 65,504: larger activations are cut off (ADA, appendix D)


def binomial_filter() -> Tensor:
    """The 4x4 low-pass filter [1, 3, 3, 1] of StyleGAN2, float32, with sum 1."""
    row = torch.tensor(_BINOMIAL) / sum(_BINOMIAL)
    return torch.outer(row, row)


def blur(x_NCHW: Tensor, filter_44: Tensor, *, padding: int, gain: float = 1.0) -> Tensor:
    """Filter each channel with zero padding on all sides; `gain` multiplies the result."""
    if x_NCHW.is_cuda:
        return _shifted_sum(_shifted_sum(F.pad(x_NCHW, [padding] * 4), 2, 1, gain), 3, 1)
    return _depthwise(x_NCHW, gain * filter_44, padding=padding, stride=1)


def downsample(x_NCHW: Tensor, filter_44: Tensor) -> Tensor:
    """Halve both sides after low-pass filtering."""
    if x_NCHW.is_cuda:
        return _shifted_sum(_shifted_sum(F.pad(x_NCHW, [1] * 4), 2, 2), 3, 2)
    return _depthwise(x_NCHW, filter_44, padding=1, stride=2)


def upsample(x_NCHW: Tensor, filter_44: Tensor) -> Tensor:
    """Double both sides: insert zeros, then filter with gain 4 so that the brightness stays."""
    if x_NCHW.is_cuda:
        return _interleaved(_interleaved(x_NCHW, 2), 3)
    channels = x_NCHW.shape[1]
    weight = (4 * filter_44).to(x_NCHW.dtype).expand(channels, 1, 4, 4)
    return F.conv_transpose2d(x_NCHW, weight, stride=2, padding=1, groups=channels)


def _depthwise(x_NCHW: Tensor, filter_44: Tensor, *, padding: int, stride: int) -> Tensor:
    channels = x_NCHW.shape[1]
    if stride > 1 and x_NCHW.dtype == torch.bfloat16:  # its gradient has no fast kernel on a CPU
        return _depthwise(x_NCHW.float(), filter_44, padding=padding, stride=stride).bfloat16()
    weight = filter_44.to(x_NCHW.dtype).expand(channels, 1, 4, 4)
    return F.conv2d(x_NCHW, weight, stride=stride, padding=padding, groups=channels)


def _shifted_sum(x_NCHW: Tensor, axis: int, stride: int, gain: float = 1.0) -> Tensor:
    """Filter along one axis by adding shifted views, which torch.compile fuses into one kernel.

    On CUDA a depthwise convolution of channels-last tensors can be tens of times slower.
    """
    length = (x_NCHW.shape[axis] - len(_BINOMIAL)) // stride + 1
    taps = [
        x_NCHW.narrow(axis, start, (length - 1) * stride + 1)[_every(axis, stride)] * (gain * tap)
        for start, tap in enumerate(number / sum(_BINOMIAL) for number in _BINOMIAL)
    ]
    return (taps[0] + taps[1]) + (taps[2] + taps[3])


def _every(axis: int, stride: int) -> tuple[slice, ...]:
    return (slice(None),) * axis + (slice(None, None, stride),)


def _interleaved(x_NCHW: Tensor, axis: int) -> Tensor:
    """Double one axis: even pixels lean on the neighbour before, odd ones on the one behind."""
    pad = [0, 0, 1, 1] if axis == 2 else [1, 1, 0, 0]
    padded, length = F.pad(x_NCHW, pad), x_NCHW.shape[axis]
    before, behind = padded.narrow(axis, 0, length), padded.narrow(axis, 2, length)
    pair = torch.stack([x_NCHW * 0.75 + before * 0.25, x_NCHW * 0.75 + behind * 0.25], axis + 1)
    return pair.flatten(axis, axis + 1)


def normalise_second_moment(x_ND: Tensor) -> Tensor:
    """Scale each vector to a mean square of 1."""
    return x_ND * (x_ND.square().mean(1, keepdim=True) + _EPSILON).rsqrt()


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.2; its gain of the square root of 2 is already in the weights.

    The function is positively homogeneous, so the gain may be applied before it, where it is free.
    `x` is overwritten: saving the memory traffic is worth some percent of a step on a CPU.
    """
    x = F.leaky_relu(x, 0.2, inplace=True)
    return x.clamp(-_FLOAT16_CLAMP, _FLOAT16_CLAMP) if x.dtype == torch.float16 else x


class EqualisedLinear(nn.Module):
    """Dense layer with equalised learning rate (progressive GAN, Karras et al. 2018, section 4.1).

    The stored weights are normal; they are scaled by ``rate / sqrt(in_features)`` when used.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        activated: bool = False,
        bias_start: float = 0.0,
        rate: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / rate)  # [OI]
        self.bias = nn.Parameter(torch.full((out_features,), bias_start))  # [O]
        self.activated = activated
        gain = _SQRT2 if activated else 1.0
        self.weight_gain = gain * rate / math.sqrt(in_features)
        self.bias_gain = gain * rate

    def forward(self, x_NI: Tensor) -> Tensor:
        """Return [N, O]."""
        bias = self.bias if self.bias_gain == 1 else self.bias * self.bias_gain
        x_NO = F.linear(x_NI, self.weight * self.weight_gain, bias)
        return leaky_relu(x_NO) if self.activated else x_NO


class EqualisedConv(nn.Module):
    """Convolution with equalised learning rate; if asked, halves the size or activates."""

    filter_44: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        activated: bool = True,
        has_bias: bool = True,
        downsamples: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))  # [OIkk]
        self.bias = nn.Parameter(torch.zeros(out_channels)) if has_bias else None
        self.register_buffer("filter_44", binomial_filter(), persistent=False)
        self.activated = activated
        self.downsamples = downsamples
        self.gain = _SQRT2 if activated else 1.0

    def forward(self, x_NCHW: Tensor, gain: float = 1.0) -> Tensor:
        """Return the layer's output times `gain`."""
        kernel, gain = self.weight.shape[-1], gain * self.gain
        weight = (self.weight * (gain / math.sqrt(self.weight[0].numel()))).to(x_NCHW.dtype)
        bias = None if self.bias is None else (self.bias * gain).to(x_NCHW.dtype)
        stride, padding = 1, kernel // 2
        if self.downsamples and kernel == 1:
            x_NCHW, padding = downsample(x_NCHW, self.filter_44), 0
        elif self.downsamples:  # the blur leaves the odd border that the strided convolution eats
            x_NCHW, stride, padding = blur(x_NCHW, self.filter_44, padding=2), 2, 0
        x_NCHW = F.conv2d(x_NCHW, weight, bias, stride=stride, padding=padding)
        return leaky_relu(x_NCHW) if self.activated else x_NCHW


def demodulation(weight_OIkk: Tensor, style_NI: Tensor) -> Tensor:
    """Return factors [N, O] that give modulated filters unit norm (StyleGAN2, equation 3)."""
    energy_OI = weight_OIkk.square().sum((2, 3))
    return (F.linear(style_NI.square(), energy_OI) + _EPSILON).rsqrt()


class ModulatedConv(nn.Module):
    """Style-modulated 3x3 convolution, noise, bias, leaky ReLU (StyleGAN2, section 2.2).

    Scaling the input by the style and the output by the demodulation factor equals convolving
    each image with its own modulated and demodulated filter, at the price of one dense convolution.
    """

    filter_44: Tensor
    noise_constant: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        w_dim: int,
        size: tuple[int, int],
        *,
        upsamples: bool = False,
    ) -> None:
        super().__init__()
        self.affine = EqualisedLinear(w_dim, in_channels, bias_start=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))  # [OIkk]
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_constant", torch.randn(size))
        self.register_buffer("filter_44", binomial_filter(), persistent=False)
        self.size = size
        self.upsamples = upsamples

    def forward(self, x_NIHW: Tensor, w_ND: Tensor, noise_HW: Tensor | None) -> Tensor:
        """Return [N, O, H, W]; `noise_HW` is [H, W] or [N, 1, H, W] of standard normal numbers."""
        weight: Tensor = self.weight
        style_NI = self.affine(w_ND)
        if x_NIHW.dtype == torch.float16:
            weight, style_NI = _small(weight, style_NI)
        factor_NO = demodulation(weight, style_NI) * _SQRT2
        weight = weight.to(x_NIHW.dtype)
        x = x_NIHW * style_NI.to(x_NIHW.dtype)[:, :, None, None]
        if self.upsamples:
            x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            x = blur(x, self.filter_44, padding=1, gain=4)
        else:
            x = F.conv2d(x, weight, padding=1)
        shift = (self.bias * _SQRT2).to(x.dtype)[None, :, None, None]
        x = torch.addcmul(shift, x, factor_NO.to(x.dtype)[:, :, None, None])
        if noise_HW is not None:
            x = x + (noise_HW * (self.noise_strength * _SQRT2)).to(x.dtype)
        return leaky_relu(x)


def _small(weight_OIkk: Tensor, style_NI: Tensor) -> tuple[Tensor, Tensor]:
    """Scale filters and styles so that float16 sums do not overflow; demodulation undoes it."""
    largest = weight_OIkk.abs().amax((1, 2, 3), keepdim=True)
    weight = weight_OIkk / (largest * math.sqrt(weight_OIkk[0].numel()))
    return weight, style_NI / style_NI.abs().amax(1, keepdim=True)


class ToImage(nn.Module):
    """Modulated 1x1 convolution to colours, without demodulation (StyleGAN2, figure 7)."""

    def __init__(self, in_channels: int, image_channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = EqualisedLinear(w_dim, in_channels, bias_start=1.0)
        self.weight = nn.Parameter(torch.randn(image_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(image_channels))

    def forward(self, x_NIHW: Tensor, w_ND: Tensor) -> Tensor:
        """Return [N, image channels, H, W], float32."""
        height, width = x_NIHW.shape[2:]
        style_NI = self.affine(w_ND) / math.sqrt(self.weight.shape[1])
        filter_NIC = (self.weight.flatten(1) * style_NI[:, None]).transpose(1, 2)
        # A view, since activations are channels-last.
        pixels_NPI = x_NIHW.permute(0, 2, 3, 1).flatten(1, 2)
        image_NPC = torch.bmm(pixels_NPI, filter_NIC.to(x_NIHW.dtype)).to(self.bias.dtype)
        image_NPC = image_NPC + self.bias
        return image_NPC.view(len(x_NIHW), height, width, -1).permute(0, 3, 1, 2)
