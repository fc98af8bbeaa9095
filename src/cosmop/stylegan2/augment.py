"""Adaptive discriminator augmentation: draw apart from apply (Karras et al. 2020b, appendix B).

`draw_augmentation` makes one geometric and one colour transform per image, `apply_augmentation`
applies them and draws nothing. Neither waits for the device or has shapes that depend on a draw,
and a strength in a 0-d tensor may change without compiling again.

Pixels outside the image are its mirror image. Resampling is one cubic interpolation (Keys 1981) in
plain gathers: linear in the image, exact for whole pixels, differentiable any number of times on
every torch, eager or compiled. Random waves of up to half the Nyquist frequency, turned and
shifted, come out 1.5 % of their standard deviation from the ideal (bilinear: 5.9 %). The paper's
wavelet resampling gave 3.0 % at several times the cost and is not exact for whole pixels; it may
suppress more of the aliasing where images shrink.
"""

import math
from functools import reduce
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cosmop.stylegan2.options import BGC_TRANSFORMS, AugmentationOptions

_CUBIC_TAPS = 4


class DrawnAugmentation(NamedTuple):
    """One transform per image: where each output pixel comes from, and how its colour changes.

    `source` [N, 2, 3] float32 maps output to input positions (x, y, 1), in pixels from the image
    centre. `colour` [N, C, 4] float32 maps (red, green, blue, 1) to the new channels; grey has
    equal colours.
    """

    source: Tensor
    colour: Tensor


class _Draws:
    """Uniform and normal numbers for each transform; neutral where the transform is not chosen."""

    def __init__(
        self,
        num_images: int,
        strength: Tensor | float,
        random: torch.Generator,
        parts: tuple[str, ...],
    ) -> None:
        shape = (3, len(BGC_TRANSFORMS) + 1, num_images)
        numbers = torch.rand(shape, device=random.device, generator=random)
        normals = torch.randn(shape[1:], device=random.device, generator=random)
        self._gates, self._uniforms, self._extra = numbers.unbind()
        self._normals = normals
        self._strength = strength
        self._parts = parts

    def _index(self, name: str) -> int:
        return BGC_TRANSFORMS.index(name)

    def chosen(self, name: str, value_N: Tensor, neutral: float) -> Tensor:
        """Take `value_N` with the strength as probability, else `neutral`; [N]."""
        if name not in self._parts:
            return torch.full_like(value_N, neutral)
        return torch.where(self._gates[self._index(name)] < self._strength, value_N, neutral)

    def uniform(self, name: str) -> Tensor:
        """Numbers in [0, 1), [N]."""
        return self._uniforms[self._index(name)]

    def second_uniform(self, name: str) -> Tensor:
        """Other numbers in [0, 1), [N]."""
        return self._extra[self._index(name)]

    def normal(self, name: str) -> Tensor:
        """Standard normal numbers, [N]."""
        return self._normals[self._index(name)]

    def second_normal(self) -> Tensor:
        """Other standard normal numbers, [N]."""
        return self._normals[-1]

    def rotation_chosen(self, gate_N: Tensor, angle_N: Tensor) -> Tensor:
        """Take the angle with probability 1 - sqrt(1 - strength): two such make one of strength."""
        probability = 1 - (1 - self._strength) ** 0.5
        chosen = (gate_N < probability) if "rotation" in self._parts else (gate_N < 0)
        return torch.where(chosen, angle_N, 0.0)

    def rotation_gates(self) -> tuple[Tensor, Tensor]:
        """Independent uniform numbers for the first and the second rotation, [N] each."""
        return self._gates[self._index("rotation")], self._gates[-1]


def draw_augmentation(
    shape_NCHW: tuple[int, int, int, int],
    strength: Tensor | float,
    random: torch.Generator,
    options: AugmentationOptions,
) -> DrawnAugmentation:
    """Draw a transform for each image of a batch; each part has the probability `strength`.

    All numbers come from `random`, on its device; shapes never depend on what is drawn. Images that
    are not square take half turns only.

    Args:
        shape_NCHW: Of the images; 1 or 3 channels.
        strength: Probability in [0, 1], a number or a 0-d tensor; 0 draws exactly the identity.
        random: Source of the numbers; as many are taken whatever the strength and the options.
        options: Parts in use and their ranges.
    """
    num_images, channels, height, width = shape_NCHW
    draws = _Draws(num_images, strength, random, options.transforms)
    blit = _draw_blit(draws, (height, width), options)
    geometry = _draw_geometry(draws, (height, width), options)
    colour = _draw_colour(draws, options)
    if channels == 1:
        colour = colour.mean(1, keepdim=True)
    return DrawnAugmentation(_product(blit, geometry)[:, :2], colour)


def _rows(rows: list[list[Tensor]]) -> Tensor:
    """Stack numbers [N] into matrices [N, rows, columns]."""
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def _product(*matrices: Tensor) -> Tensor:
    """Multiply matrices [N, ., .] in float32, where `@` may round to TF32 or to autocast's type."""
    return reduce(lambda a, b: (a[..., None] * b[..., None, :, :]).sum(-2), matrices)


def _draw_blit(draws: _Draws, size: tuple[int, int], options: AugmentationOptions) -> Tensor:
    """Inverse of mirroring, quarter turns and whole-pixel translation: exact matrices [N, 3, 3]."""
    height, width = size
    mirrored = draws.uniform("flip") < 0.5
    sign = draws.chosen("flip", 1 - 2 * mirrored.float(), 1.0)
    turns = (draws.uniform("quarter_turn") * 4).floor()
    if height != width:
        turns = (turns / 2).floor() * 2
    turns = draws.chosen("quarter_turn", turns, 0.0)
    cosine = (turns == 0).float() - (turns == 2).float()  # exact, unlike cos(pi / 2)
    sine = (turns == 1).float() - (turns == 3).float()
    reach = options.integer_translation_max
    right = (draws.uniform("integer_translation") * 2 - 1) * reach * width
    down = (draws.second_uniform("integer_translation") * 2 - 1) * reach * height
    right = draws.chosen("integer_translation", right.round(), 0.0)
    down = draws.chosen("integer_translation", down.round(), 0.0)
    zero, one = torch.zeros_like(sign), torch.ones_like(sign)
    flip = _rows([[sign, zero, zero], [zero, one, zero], [zero, zero, one]])
    turn_back = _rows([[cosine, sine, zero], [-sine, cosine, zero], [zero, zero, one]])
    shift_back = _rows([[one, zero, -right], [zero, one, -down], [zero, zero, one]])
    return _product(flip, turn_back, shift_back)


def _rotation_back(angle_N: Tensor) -> Tensor:
    cosine, sine = angle_N.cos(), angle_N.sin()
    zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    return _rows([[cosine, sine, zero], [-sine, cosine, zero], [zero, zero, one]])


def _draw_geometry(draws: _Draws, size: tuple[int, int], options: AugmentationOptions) -> Tensor:
    """Inverse of scale, rotation, anisotropy, rotation, sub-pixel translation: [N, 3, 3]."""
    height, width = size
    scale = draws.chosen("scale", torch.exp2(draws.normal("scale") * options.scale_std), 1.0)
    aspect = torch.exp2(draws.normal("anisotropy") * options.anisotropy_std)
    aspect = draws.chosen("anisotropy", aspect, 1.0)
    first, second = (
        draws.rotation_chosen(gate, (number * 2 - 1) * math.pi * options.rotation_max)
        for gate, number in zip(
            draws.rotation_gates(),
            (draws.uniform("rotation"), draws.second_uniform("rotation")),
            strict=True,
        )
    )
    std = options.fractional_translation_std
    right = draws.normal("fractional_translation") * std * width
    down = draws.second_normal() * std * height
    right = draws.chosen("fractional_translation", right, 0.0)
    down = draws.chosen("fractional_translation", down, 0.0)
    zero, one = torch.zeros_like(scale), torch.ones_like(scale)
    stretch_back = _rows([[1 / aspect, zero, zero], [zero, aspect, zero], [zero, zero, one]])
    shift_back = _rows([[one, zero, -right], [zero, one, -down], [zero, zero, one]])
    shrink_back = _rows([[1 / scale, zero, zero], [zero, 1 / scale, zero], [zero, zero, one]])
    return _product(
        shrink_back, _rotation_back(first), stretch_back, _rotation_back(second), shift_back
    )


def _draw_colour(draws: _Draws, options: AugmentationOptions) -> Tensor:
    """Brightness, contrast, luma flip, hue rotation, saturation in this order; [N, 3, 4]."""
    bright = draws.chosen("brightness", draws.normal("brightness") * options.brightness_std, 0.0)
    contrast = torch.exp2(draws.normal("contrast") * options.contrast_std)
    contrast = draws.chosen("contrast", contrast, 1.0)
    flipped = draws.chosen("luma_flip", (draws.uniform("luma_flip") < 0.5).float(), 0.0)
    hue = (draws.uniform("hue") * 2 - 1) * math.pi * options.hue_max
    hue = draws.chosen("hue", hue, 0.0)[:, None, None]
    saturation = torch.exp2(draws.normal("saturation") * options.saturation_std)
    saturation = draws.chosen("saturation", saturation, 1.0)[:, None, None]
    identity = torch.eye(3, device=hue.device)
    luma = torch.full((3, 3), 1 / 3, device=hue.device)  # projection on the grey axis
    grey_cross = (identity.roll(1, 0) - identity.roll(1, 1)) / math.sqrt(3)
    flip = identity - 2 * luma * flipped[:, None, None]  # Householder reflection
    rotation = identity + hue.sin() * grey_cross + (1 - hue.cos()) * (luma - identity)  # Rodrigues
    saturate = identity + (saturation - 1) * (identity - luma)
    linear = _product(saturate, rotation, flip) * contrast[:, None, None]
    offset = linear.sum(2, keepdim=True) * bright[:, None, None]
    return torch.cat([linear, offset], 2)


def apply_augmentation(x_NCHW: Tensor, drawn: DrawnAugmentation) -> Tensor:
    """Return the transformed images, in the dtype of `x_NCHW`: draws nothing, waits for nothing.

    Linear in `x_NCHW` up to the brightness, differentiable any number of times, sides of at least
    3 pixels.
    """
    return _recolour(_warp(x_NCHW, drawn.source), drawn.colour)


def _recolour(x_NCHW: Tensor, colour_NC4: Tensor) -> Tensor:
    colour = colour_NC4[..., None, None]
    linear = colour[:, :, :3]
    if x_NCHW.shape[1] == 1:
        linear = linear.sum(2, keepdim=True)  # before the cast: three thirds are 1 in float32
    linear, recoloured = linear.to(x_NCHW.dtype), colour[:, :, 3].to(x_NCHW.dtype)
    for weight, channel in zip(linear.unbind(2), x_NCHW[:, None].unbind(2), strict=True):
        recoloured = recoloured + weight * channel
    return recoloured


def _warp(x_NCHW: Tensor, source_N23: Tensor) -> Tensor:
    """Sum 16 shifted copies of the mirrored image, each read at the same places [N, P]."""
    channels, height, width = x_NCHW.shape[1:]
    from_x_NP, from_y_NP = _positions(source_N23, height, width)
    column, across = _cubic_taps(from_x_NP, width, x_NCHW.dtype)
    row, down = _cubic_taps(from_y_NP, height, x_NCHW.dtype)
    stride = width + _CUBIC_TAPS - 1
    place = (row * stride + column)[:, None].expand(-1, channels, -1)
    named = (height - 1) * stride + width  # places that `place` can name
    mirrored = F.pad(x_NCHW, (1, 2, 1, 2), mode="reflect").flatten(2)
    warped = x_NCHW.new_zeros(())
    for start, line_weight in enumerate(down):
        line = x_NCHW.new_zeros(())
        for first, weight in enumerate(across, start * stride):
            line = line + mirrored[..., first : first + named].gather(2, place) * weight
        warped = warped + line * line_weight
    return warped.view(x_NCHW.shape)


def _positions(source_N23: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return where each output pixel comes from: columns and rows, in pixels from 0, [N, P]."""
    rows = torch.arange(height, device=source_N23.device, dtype=source_N23.dtype)
    columns = torch.arange(width, device=source_N23.device, dtype=source_N23.dtype)
    y, x = torch.meshgrid(rows - (height - 1) / 2, columns - (width - 1) / 2, indexing="ij")
    x_P, y_P = x.flatten(), y.flatten()
    # Written out, not a matrix product: whole-pixel transforms come out exact on every device.
    m = source_N23[..., None]  # [N, 2, 3, 1]
    from_x = m[:, 0, 0] * x_P + m[:, 0, 1] * y_P + m[:, 0, 2] + (width - 1) / 2
    from_y = m[:, 1, 0] * x_P + m[:, 1, 1] * y_P + m[:, 1, 2] + (height - 1) / 2
    return from_x, from_y


def _cubic_taps(position: Tensor, side: int, dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
    """Return the pixel before each mirrored position, and the weights of -1, 0, 1, 2 from there.

    Mirroring leaves the edge pixel single. The kernel is Keys' with a = -1/2 (equation 15).
    """
    last = side - 1
    mirrored = last - (position.remainder(2 * last) - last).abs()
    before = mirrored.floor()
    t = mirrored - before
    weights = (
        ((-0.5 * t + 1) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    return before.long(), [weight[:, None].to(dtype) for weight in weights]
