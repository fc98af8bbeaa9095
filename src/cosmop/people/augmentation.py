"""Augmentation: chance is drawn in one place (`draw_augmentation`), applied in another.

Shape suffixes: N batch, H W pixels, C channels.
"""

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from cosmop.people.options import AugmentationOptions

_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601


@dataclass(frozen=True)
class DrawnAugmentation:
    """What happens to each image of a batch.

    Attributes:
        linear: [N, 2, 2], where a vector of the result lies in the given image, in pixels (x, y).
        shift: [N, 2], where the centre of the result lies in the given image, in half sides (x, y).
        brightness, contrast, saturation: [N], factors; 1 changes nothing.
        jpeg_quality: int [N], 1..100; 100 leaves the image as it is.
    """

    linear: Tensor
    shift: Tensor
    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    jpeg_quality: Tensor


def draw_augmentation(
    count: int, options: AugmentationOptions, generator: torch.Generator
) -> DrawnAugmentation:
    """Draw what happens to each of `count` images."""

    def uniform(limit: float, *shape: int) -> Tensor:
        return (torch.rand(count, *shape, generator=generator) * 2 - 1) * limit

    crop = 1 - (1 - options.crop_side_min) * torch.rand(count, generator=generator)
    mirrored = (torch.rand(count, generator=generator) < 0.5) & options.flip
    linear = _rotation(uniform(math.radians(options.rotation_degrees)))
    linear = linear @ _shear(uniform(math.radians(options.shear_degrees)))
    linear = linear * (crop * (1 + uniform(options.zoom_share)))[:, None, None]
    linear[:, :, 0] *= 1 - 2 * mirrored[:, None].float()
    inside = uniform(1, 2) * (1 - crop)[:, None]  # a crop stays inside the image
    lowest = options.jpeg_quality_min
    return DrawnAugmentation(
        linear=linear,
        shift=inside + 2 * uniform(options.shift_share, 2),
        brightness=1 + uniform(options.colour_share),
        contrast=1 + uniform(options.colour_share),
        saturation=1 + uniform(options.colour_share),
        jpeg_quality=torch.randint(lowest, 101, (count,), generator=generator),
    )


def _rotation(angle_N: Tensor) -> Tensor:
    cos, sin = angle_N.cos(), angle_N.sin()
    return torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)


def _shear(angle_N: Tensor) -> Tensor:
    one, zero = torch.ones_like(angle_N), torch.zeros_like(angle_N)
    return torch.stack([torch.stack([one, angle_N.tan()], 1), torch.stack([zero, one], 1)], 1)


def apply_jpeg(images_NHWC: Tensor, drawn: DrawnAugmentation) -> Tensor:
    """Encode each uint8 image [N, H, W, 3] (CPU) as JPEG of the drawn quality and decode it."""
    if (drawn.jpeg_quality >= 100).all():
        return images_NHWC
    images = images_NHWC.clone()
    for index, quality in enumerate(drawn.jpeg_quality.tolist()):
        if quality < 100:
            file = io.BytesIO()
            Image.fromarray(images[index].numpy()).save(file, "JPEG", quality=quality)
            images[index] = torch.from_numpy(np.array(Image.open(file)))
    return images


def apply_affine(x_NCHW: Tensor, drawn: DrawnAugmentation) -> Tensor:
    """Resample each float image at the drawn positions, bilinear; outside it is mirrored."""
    height, width = x_NCHW.shape[2:]
    half = torch.tensor([width, height], dtype=torch.float32)  # pixels per unit of the grid
    linear = drawn.linear * half[None, None, :] / half[None, :, None]
    theta = torch.cat([linear, drawn.shift[:, :, None]], 2).to(x_NCHW.device)
    grid = F.affine_grid(theta, list(x_NCHW.shape), align_corners=False)
    return F.grid_sample(
        x_NCHW, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )


def apply_colour(x_NCHW: Tensor, drawn: DrawnAugmentation) -> Tensor:
    """Scale brightness, saturation (about each grey), contrast (about the mean); stay in 0..1."""
    if all((f == 1).all() for f in (drawn.brightness, drawn.saturation, drawn.contrast)):
        return x_NCHW

    def factor(drawn_N: Tensor) -> Tensor:
        return drawn_N.to(x_NCHW.device)[:, None, None, None]

    weights = torch.tensor(_LUMINANCE, device=x_NCHW.device).reshape(1, 3, 1, 1)
    x_NCHW = x_NCHW * factor(drawn.brightness)
    grey = (x_NCHW * weights).sum(1, keepdim=True)
    x_NCHW = grey + (x_NCHW - grey) * factor(drawn.saturation)
    mean = grey.mean((2, 3), keepdim=True)
    return (mean + (x_NCHW - mean) * factor(drawn.contrast)).clamp(0, 1)
