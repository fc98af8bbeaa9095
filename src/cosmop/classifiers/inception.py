"""The Inception-V3 of 2015 whose features give FID (Szegedy et al. 2015, 1512.00567).

It differs from torchvision's: average pools do not count the padding, the last block takes the
maximum instead of the average, the classifier has 1008 outputs, and images are resized to 299×299
as TensorFlow 1 did (or by the "clean" resize) and scaled by (x − 128) / 128. The weights are those
converted from ``inception-2015-12-05`` (state dict in torchvision's names), SHA-256 below.

Shape suffixes: N batch, C channels, H W pixels.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import Inception3
from torchvision.models.inception import InceptionA, InceptionC, InceptionE

from cosmop.classifiers.feature_networks import FeatureNetwork
from cosmop.classifiers.options import FeatureOptions
from cosmop.classifiers.resizing import resize_clean, resize_tf1
from cosmop.errors import InputError
from cosmop.people.batch_norms import fold_batch_norms
from cosmop.people.weights import hub_folder, load_state, read_weights

WEIGHTS_FILES = (
    "pt_inception-2015-12-05-6726825d.pth",
    "weights-inception-2015-12-05-6726825d.pth",
)
WEIGHTS_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
INPUT_PX = 299
DIMENSIONS = 2048
INCEPTION_NAME = "inception_v3_2015"
# A CPU takes the first layers a few images at a time, so that their large maps stay in its cache:
# measured 1.15 times as fast in all, with the same bits.
_LAST_LARGE_LAYER = "maxpool2"
_IMAGES_IN_CACHE = 4


def _average(x_NCHW: Tensor) -> Tensor:
    return F.avg_pool2d(x_NCHW, 3, stride=1, padding=1, count_include_pad=False)


class _FidInceptionA(InceptionA):  # type: ignore[misc]  # torchvision ships no types
    def _forward(self, x: Tensor) -> list[Tensor]:
        wide = self.branch5x5_2(self.branch5x5_1(x))
        deep = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return [self.branch1x1(x), wide, deep, self.branch_pool(_average(x))]


class _FidInceptionC(InceptionC):  # type: ignore[misc]  # torchvision ships no types
    def _forward(self, x: Tensor) -> list[Tensor]:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return [self.branch1x1(x), single, double, self.branch_pool(_average(x))]


class _FidInceptionE(InceptionE):  # type: ignore[misc]  # torchvision ships no types
    def _pool(self, x: Tensor) -> Tensor:
        return _average(x)

    def _forward(self, x: Tensor) -> list[Tensor]:
        single = self.branch3x3_1(x)
        single = torch.cat([self.branch3x3_2a(single), self.branch3x3_2b(single)], 1)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        double = torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1)
        return [self.branch1x1(x), single, double, self.branch_pool(self._pool(x))]


class _FidInceptionLast(_FidInceptionE):
    def _pool(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 3, stride=1, padding=1)


class FidInception(FeatureNetwork):
    """uint8 images [N, H, W, 3] of any size to features [N, 2048]; weights random until loaded."""

    dimensions = DIMENSIONS

    def __init__(self, resize: Literal["tf1", "clean"] = "tf1") -> None:
        super().__init__()
        network = Inception3(
            num_classes=1008, aux_logits=False, transform_input=False, init_weights=False
        )
        network.Mixed_5b = _FidInceptionA(192, pool_features=32)
        network.Mixed_5c = _FidInceptionA(256, pool_features=64)
        network.Mixed_5d = _FidInceptionA(288, pool_features=64)
        network.Mixed_6b = _FidInceptionC(768, channels_7x7=128)
        network.Mixed_6c = _FidInceptionC(768, channels_7x7=160)
        network.Mixed_6d = _FidInceptionC(768, channels_7x7=160)
        network.Mixed_6e = _FidInceptionC(768, channels_7x7=192)
        network.Mixed_7b = _FidInceptionE(1280)
        network.Mixed_7c = _FidInceptionLast(2048)
        network.dropout = nn.Identity()
        self.body: nn.Module = network
        self.resize: Literal["tf1", "clean"] = resize

    def prepare(self, images_NHWC: Tensor) -> Tensor:
        """Resize uint8 images to 299×299 and scale them, float32 [N, 3, 299, 299]."""
        return _few_at_a_time(self._scaled, images_NHWC)

    def _scaled(self, images_NHWC: Tensor) -> Tensor:
        resized = resize_tf1 if self.resize == "tf1" else resize_clean
        x_NCHW = resized(images_NHWC, INPUT_PX).sub_(128).div_(128)
        return x_NCHW.contiguous(memory_format=torch.channels_last)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return the features after the last average pool, float32 [N, 2048]."""
        layers = dict(self.body.named_children())
        names = list(layers)
        middle = names.index(_LAST_LARGE_LAYER) + 1
        first = nn.Sequential(*(layers[name] for name in names[:middle]))
        rest = names[middle : names.index("avgpool")]
        x_NCHW = _few_at_a_time(first, x_NCHW)
        for name in rest:
            x_NCHW = layers[name](x_NCHW)
        return x_NCHW.float().mean((2, 3))

    def simplify(self) -> None:
        """Fold every batch norm into the convolution before it."""
        fold_batch_norms(self.body)


def _few_at_a_time(work: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
    if batch.is_cuda:
        return work(batch)
    return torch.cat([work(part) for part in torch.split(batch, _IMAGES_IN_CACHE)])


def load_inception(options: FeatureOptions) -> tuple[str, FidInception]:
    """Return the 2015 Inception with its weights, and its name.

    Weights lie at ``weights_path``, or where torch-fidelity and pytorch-fid keep them. Other
    weights than the published ones are taken only by their own ``weights_sha256``, and then the
    network goes by another name, since what it measures is not FID.

    Raises:
        InputError: Weights that are absent, altered or of another network.
    """
    path = Path(options.weights_path).expanduser() if options.weights_path else _cached_weights()
    wanted = options.weights_sha256 or WEIGHTS_SHA256
    state = read_weights(path, wanted)
    inception = FidInception(options.resize)
    load_state(inception.body, state, str(path))
    name = INCEPTION_NAME if options.resize == "tf1" else f"{INCEPTION_NAME}_clean"
    return (name if wanted == WEIGHTS_SHA256 else f"{name}_other_weights"), inception


def _cached_weights() -> Path:
    for name in WEIGHTS_FILES:
        path = hub_folder() / name
        if path.is_file():
            return path
    raise InputError(
        f"Features of kind 'inception' need the weights {WEIGHTS_FILES[0]} in {hub_folder()}, got "
        "no such file; download them once and put them there, set `weights_path`, or choose "
        "another `kind`."
    )
