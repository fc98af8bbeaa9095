"""DINOv2 (Oquab et al. 2023, arXiv 2304.07193) through timm, as dgm-eval uses it.

Stein et al. 2023 (arXiv 2306.04675) found distances on its features nearest to human judgement.
Images are resized to 224×224 as Pillow's bicubic does, rounded, and normalised as for ImageNet; the
feature is the class token after the last norm. Position embeddings are brought from the published
37×37 grid to 16×16 as DINOv2's own code does.

Shape suffixes: N batch, C channels, H W pixels, D features.
"""

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cosmop.classifiers.feature_networks import FeatureNetwork
from cosmop.classifiers.options import FeatureOptions
from cosmop.classifiers.resizing import resize_as_pillow
from cosmop.errors import InputError, first_line
from cosmop.people.weights import StateDict, load_state, read_weights

TIMM_NAMES = {
    "dinov2_vits14": "vit_small_patch14_dinov2.lvd142m",
    "dinov2_vitb14": "vit_base_patch14_dinov2.lvd142m",
    "dinov2_vitl14": "vit_large_patch14_dinov2.lvd142m",
}
INPUT_PX = 224
_PATCH_PX = 14
_OFFSET = 0.1  # DINOv2 interpolates by (grid + 0.1) / published grid, which its features depend on
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


class DinoV2(FeatureNetwork):
    """uint8 images [N, H, W, 3] of any size to class tokens [N, D]."""

    resize = "bicubic"
    pooling = "class_token"

    def __init__(self, transformer: nn.Module) -> None:
        super().__init__()
        self.body = transformer
        self.mean_C11: Tensor
        self.std_C11: Tensor
        mean, std = torch.tensor(_IMAGENET_MEAN), torch.tensor(_IMAGENET_STD)
        self.register_buffer("mean_C11", mean.reshape(3, 1, 1), persistent=False)
        self.register_buffer("std_C11", std.reshape(3, 1, 1), persistent=False)

    def prepare(self, images_NHWC: Tensor) -> Tensor:
        """Resize uint8 images to 224×224, round, and normalise them."""
        x_NCHW = resize_as_pillow(images_NHWC, INPUT_PX).div_(255)
        return (x_NCHW - self.mean_C11) / self.std_C11

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return the class tokens [N, D]."""
        features: Tensor = self.body(x_NCHW)
        return features


def load_dinov2(options: FeatureOptions) -> tuple[str, DinoV2]:
    """Return the DINOv2 that ``kind`` names, and what to call it.

    Weights come from ``weights_path`` (Meta's file or timm's), or from timm's usual place, which
    downloads them once; ``pretrained: none`` leaves them random.

    Raises:
        InputError: timm is not installed; weights that are absent, altered or of another network.
    """
    timm = _import_timm(options.kind)
    transformer = _build(timm, options.kind, img_size=INPUT_PX)
    if options.weights_path is None and options.pretrained == "none":
        return f"{options.kind}_random", DinoV2(transformer)
    if options.weights_path is not None:
        what = str(Path(options.weights_path).expanduser())
        state = read_weights(Path(what), options.weights_sha256)
    else:
        what = TIMM_NAMES[options.kind]
        state = _published(timm, options.kind)
    load_state(transformer, _at_input_size(state), what)
    return options.kind, DinoV2(transformer)


def resample_positions(positions_1TD: Tensor, side: int) -> Tensor:
    """Bring position embeddings [1, 1 + s², D] to a grid of side² as DINOv2's code does.

    The class token's own, which comes first, stays as it is.
    """
    given = int((positions_1TD.shape[1] - 1) ** 0.5)
    if given == side:
        return positions_1TD
    grid_1Dss = positions_1TD[:, 1:].reshape(1, given, given, -1).permute(0, 3, 1, 2)
    scale = (side + _OFFSET) / given
    resampled = F.interpolate(grid_1Dss.float(), scale_factor=(scale, scale), mode="bicubic")
    patches = resampled.permute(0, 2, 3, 1).flatten(1, 2).to(positions_1TD.dtype)
    return torch.cat([positions_1TD[:, :1], patches], dim=1)


def _at_input_size(state: StateDict) -> StateDict:
    kept = {name: tensor for name, tensor in state.items() if name != "mask_token"}
    if "pos_embed" in kept and kept["pos_embed"].ndim == 3:
        kept["pos_embed"] = resample_positions(kept["pos_embed"], INPUT_PX // _PATCH_PX)
    return kept


def _import_timm(kind: str) -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise InputError(
            f"Features of kind {kind!r} need the package timm, which is not installed; install "
            "`cosmop[dinov2]` or choose another `kind`."
        ) from error


def _build(timm: Any, kind: str, **settings: Any) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built: nn.Module = timm.create_model(TIMM_NAMES[kind], num_classes=0, **settings)
    return built


def _published(timm: Any, kind: str) -> StateDict:
    try:
        return _build(timm, kind, pretrained=True).state_dict()
    except Exception as error:
        raise InputError(
            f"Features of kind {kind!r} need the weights {TIMM_NAMES[kind]}, which were neither in "
            f"timm's cache nor to be downloaded ({first_line(error)}); "
            "set `weights_path` with `weights_sha256`, or choose another `kind`."
        ) from error
