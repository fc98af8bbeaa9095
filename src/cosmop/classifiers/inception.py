"""The Inception-V3 of 2015 whose features give FID (Szegedy et al. 2015, 1512.00567).

It differs from torchvision's: average pools do not count the padding, the last block takes the
maximum instead of the average, the classifier has 1008 outputs, and images are resized to 299×299
as TensorFlow 1 did and scaled by (x − 128) / 128. The weights are those converted from
``inception-2015-12-05`` (state dict in torchvision's names), SHA-256 below.

Shape suffixes: N batch, C channels, H W pixels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import Inception3
from torchvision.models.inception import InceptionA, InceptionC, InceptionE

WEIGHTS_FILES = (
    "pt_inception-2015-12-05-6726825d.pth",
    "weights-inception-2015-12-05-6726825d.pth",
)
WEIGHTS_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
INPUT_PX = 299
DIMENSIONS = 2048


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


class FidInception(nn.Module):
    """uint8 images [N, H, W, 3] of any size to features [N, 2048]; weights random until loaded."""

    dimensions = DIMENSIONS

    def __init__(self) -> None:
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
        self.network: nn.Module = network

    def forward(self, images_NHWC: Tensor) -> Tensor:
        """Return the features after the last average pool, float32 [N, 2048]."""
        x_NCHW = images_NHWC.permute(0, 3, 1, 2).to(torch.float32)
        x_NCHW = (resize_tf1(x_NCHW, INPUT_PX) - 128) / 128
        x_NCHW = x_NCHW.contiguous(memory_format=torch.channels_last)
        for name, layer in self.network.named_children():
            if name == "avgpool":
                break
            x_NCHW = layer(x_NCHW)
        return x_NCHW.mean((2, 3))


def resize_tf1(x_NCHW: Tensor, side_px: int) -> Tensor:
    """Resize to a square as TensorFlow 1's ``resize_bilinear(align_corners=False)`` did.

    Output pixel i reads at i × in / out: no half-pixel centres and no antialiasing. Separable, so
    it is one matrix product per axis.
    """
    height, width = x_NCHW.shape[2:]
    rows = _tf1_weights(height, side_px).to(x_NCHW)
    columns = _tf1_weights(width, side_px).to(x_NCHW)
    return rows @ x_NCHW @ columns.T


def _tf1_weights(given_px: int, wanted_px: int) -> Tensor:
    """Return how much of each given pixel a resized pixel takes, [wanted, given]."""
    position = torch.arange(wanted_px, dtype=torch.float32) * (given_px / wanted_px)
    lower = position.floor().long().clamp_max(given_px - 1)
    upper = (lower + 1).clamp_max(given_px - 1)
    share = (position - lower)[:, None]
    eye = torch.eye(given_px)
    return eye[lower] * (1 - share) + eye[upper] * share
