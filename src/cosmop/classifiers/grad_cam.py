"""Grad-CAM: where in an image a network looks when it says yes.

Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization" (1610.02391). Shape suffixes: N images, H W pixels, D features, h w positions.
"""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cosmop.errors import InputError
from cosmop.people.binary_network import BinaryNetwork

__all__ = ["grad_cam", "overlay", "relevance_map"]

# Black over violet and orange to light yellow, ever lighter, so that it reads in grey, too:
# nine colours of matplotlib's "inferno" (Smith & van der Walt 2015, CC0).
_COLOURS = np.array(
    [
        (0, 0, 4),
        (31, 12, 72),
        (85, 15, 109),
        (136, 34, 106),
        (186, 54, 85),
        (227, 89, 51),
        (249, 140, 10),
        (249, 201, 50),
        (252, 255, 164),
    ],
    dtype=np.float64,
)


def grad_cam(
    model: BinaryNetwork,
    images: NDArray[np.uint8],
    *,
    toward: Literal["yes", "no"] = "yes",
    batch_size: int = 32,
) -> NDArray[np.float32]:
    """Return how much each pixel speaks for the answer, at the trunk's last map of features.

    Args:
        model: Computes on the device where it is; is in evaluation mode afterwards.
        images: uint8 [N, H, W, 3], at any size.
        toward: The answer to explain; "no" turns the logit round.
        batch_size: Images at once.

    Returns:
        float32 [N, H, W] in 0..1, bilinear from the map. The largest value of each map is 1, so
        maps say where, not how much; a map in which nothing speaks for the answer is 0.

    Raises:
        InputError: Not uint8 images [N, H, W, 3].
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise InputError(
            f"Grad-CAM needs uint8 images [N, H, W, 3], got {images.dtype} {list(images.shape)}; "
            "bring them to 0..255 RGB first."
        )
    model.eval()
    maps = np.zeros(images.shape[:3], dtype=np.float32)
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        map_Nhw = relevance_map(model, model.preprocess(batch), toward=toward)
        map_N1HW = F.interpolate(map_Nhw[:, None], batch.shape[1:3], mode="bilinear")
        peak_N111 = map_N1HW.amax((1, 2, 3), keepdim=True)
        map_N1HW = torch.where(peak_N111 > 0, map_N1HW / peak_N111, 0.0)
        maps[start : start + batch_size] = map_N1HW[:, 0].cpu().numpy()
    return maps


def relevance_map(
    model: BinaryNetwork, x_NCHW: Tensor, *, toward: Literal["yes", "no"] = "yes"
) -> Tensor:
    """Return Grad-CAM as published, before any scaling, float [N, h, w] from 0 on.

    The mean gradient of the logit over positions weighs each feature (equation 1); what remains of
    the weighted sum above 0 is the map (equation 2). `x_NCHW` is what `preprocess` returns.
    """
    with torch.no_grad():
        map_NDhw = model.feature_map(x_NCHW)
    with torch.enable_grad():
        map_NDhw = map_NDhw.detach().requires_grad_(True)
        # Images do not mix in evaluation mode, so the gradient of the sum is that of each.
        total = model.head(model.pool(map_NDhw)).sum()
        (gradient_NDhw,) = torch.autograd.grad(total, map_NDhw)
    sign = 1.0 if toward == "yes" else -1.0
    weight_ND11 = sign * gradient_NDhw.mean((2, 3), keepdim=True)
    return (weight_ND11 * map_NDhw.detach()).sum(1).clamp(min=0).float()


def overlay(
    image: NDArray[np.uint8], cam: NDArray[np.floating], strength: float = 0.65
) -> NDArray[np.uint8]:
    """Lay a map over its image: nothing where it is 0, light yellow where it is 1.

    Args:
        image: uint8 [H, W, 3].
        cam: Float [H, W] in 0..1, as from `grad_cam`.
        strength: Opacity at 1, in 0..1.

    Returns:
        uint8 [H, W, 3].

    Raises:
        InputError: Sizes that differ, or values outside 0..1.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2:] != (3,):
        raise InputError(
            f"An overlay needs a uint8 image [H, W, 3], got {image.dtype} {list(image.shape)}; "
            "bring it to 0..255 RGB first."
        )
    if cam.shape != image.shape[:2] or not ((cam >= 0) & (cam <= 1)).all():
        raise InputError(
            "An overlay needs a map of values in 0..1 as large as its image "
            f"{list(image.shape[:2])}, got {list(cam.shape)}; take it from `grad_cam`."
        )
    places = np.linspace(0, 1, len(_COLOURS))
    colour_HW3 = np.stack([np.interp(cam, places, _COLOURS[:, c]) for c in range(3)], axis=2)
    opacity_HW1 = strength * cam.astype(np.float64)[:, :, None]
    mixed_HW3 = image * (1 - opacity_HW1) + colour_HW3 * opacity_HW1
    return np.round(mixed_HW3).astype(np.uint8)
