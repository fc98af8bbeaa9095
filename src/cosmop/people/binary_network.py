"""A binary image network: convolutional trunk, pooling over positions, linear layers, one logit.

Shape suffixes: N batch, H W pixels, C channels, h w positions of the feature map, D features.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from cosmop.people.backbones import feature_dimensions, load_backbone, trunk_of
from cosmop.people.options import NetworkDesign, WeightsOptions
from cosmop.people.weights import state_checksum

# Mean and deviation of ImageNet's RGB values, which torchvision's weights expect.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_NO_WEIGHTS = WeightsOptions(pretrained="none")
_UNCALIBRATED = {"temperature": 1.0, "threshold": 0.5}

NetworkT = TypeVar("NetworkT", bound="BinaryNetwork")


class BinaryNetwork(nn.Module):
    """Says yes or no about an image.

    Attributes:
        design: What the network looks like.
        dimensions: Number of features D.
        temperature: What logits are divided by before they become probabilities (Guo et al. 2017,
            1706.04599, section 4.2); 1 until calibrated.
        threshold: The probability from which on the answer is yes; 0.5 until one was chosen.
    """

    def __init__(self, design: NetworkDesign, weights: WeightsOptions = _NO_WEIGHTS) -> None:
        super().__init__()
        backbone = load_backbone(design.backbone, weights)
        self.design = design
        self.trunk = trunk_of(backbone)
        self.dimensions = feature_dimensions(backbone, self.trunk)
        self.head = _linear_layers((self.dimensions, *design.hidden_units), design.dropout_share)
        mean, std = torch.tensor(_IMAGENET_MEAN), torch.tensor(_IMAGENET_STD)
        self.mean_C11: Tensor
        self.std_C11: Tensor
        self.register_buffer("mean_C11", mean.reshape(3, 1, 1), persistent=False)
        self.register_buffer("std_C11", std.reshape(3, 1, 1), persistent=False)
        self.temperature: Tensor
        self.threshold: Tensor
        for name, value in _UNCALIBRATED.items():
            self.register_buffer(name, torch.tensor(value))

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Load weights; those saved before there was a calibration leave it undone."""
        undone = {name: torch.tensor(value) for name, value in _UNCALIBRATED.items()}
        return super().load_state_dict(undone | dict(state_dict), *args, **kwargs)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build the network that `describe` described; its weights are random until loaded."""
        return cls(NetworkDesign.model_validate(config))

    def describe(self) -> dict[str, Any]:
        """Return what is needed to build the same network again, as plain JSON values."""
        return {name: _plain(getattr(self.design, name)) for name in NetworkDesign.model_fields}

    def checksum(self) -> str:
        """Return the SHA-256 (hex) of all weights."""
        return state_checksum(self)

    def unit_range(self, images_NHWC: NDArray[np.uint8] | Tensor) -> Tensor:
        """Bring uint8 images [N, H, W, 3] to float [N, 3, H', W'] in 0..1 at the network's size."""
        images = torch.as_tensor(images_NHWC).to(self.mean_C11.device)
        x_NCHW = images.permute(0, 3, 1, 2).to(torch.float32) / 255
        if tuple(x_NCHW.shape[2:]) != self.design.image_size:
            size = self.design.image_size
            x_NCHW = F.interpolate(x_NCHW, size, mode="bilinear", antialias=True)
        return x_NCHW

    def normalise(self, x_NCHW: Tensor) -> Tensor:
        """Bring float images in 0..1 to the mean and deviation the trunk expects."""
        x_NCHW = (x_NCHW - self.mean_C11) / self.std_C11
        return x_NCHW.contiguous(memory_format=torch.channels_last)

    def preprocess(self, images_NHWC: NDArray[np.uint8] | Tensor) -> Tensor:
        """Bring uint8 images [N, H, W, 3] to what `forward` takes, on the network's device."""
        return self.normalise(self.unit_range(images_NHWC))

    def feature_map(self, x_NCHW: Tensor) -> Tensor:
        """Return the features at each position, [N, D, h, w]."""
        features: Tensor = self.trunk(x_NCHW)
        return features

    def pool(self, map_NDhw: Tensor) -> Tensor:
        """Return a map of features pooled over positions, [N, D]."""
        if self.design.pooling == "maximum":
            return map_NDhw.amax((2, 3))
        return map_NDhw.mean((2, 3))

    def features(self, x_NCHW: Tensor) -> Tensor:
        """Return the features pooled over positions, [N, D]."""
        return self.pool(self.feature_map(x_NCHW))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return one logit per image, [N]; positive means yes."""
        logits: Tensor = self.head(self.features(x_NCHW)).squeeze(1)
        return logits

    @torch.no_grad()
    def logits(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logit of each uint8 image of one batch, before calibration, float32 [N]."""
        self.eval()
        logits: NDArray[np.float32] = self(self.preprocess(images_NHWC)).float().cpu().numpy()
        return logits

    def probabilities(self, logits_N: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the calibrated probabilities that `logits_N` stand for, float32 [N] in 0..1."""
        scaled_N = torch.from_numpy(logits_N) / self.temperature.cpu()
        probabilities: NDArray[np.float32] = torch.sigmoid(scaled_N).numpy()
        return probabilities

    def predict(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of yes for each image of one batch, float32 [N] in 0..1."""
        return self.probabilities(self.logits(images_NHWC))


def seeded(
    network: type[NetworkT],
    design: NetworkDesign,
    seed: int,
    weights: WeightsOptions | None = None,
) -> NetworkT:
    """Build a `network` whose random weights depend on `seed` alone.

    Args:
        network: The class to build.
        design: What it looks like; if it also says where weights come from, that counts.
        seed: Of the random weights.
        weights: Where weights come from, instead of what `design` says.

    Raises:
        InputError: An unknown backbone, or weights that are absent, altered or of another network.
    """
    if weights is None:
        weights = design if isinstance(design, WeightsOptions) else _NO_WEIGHTS
    plain = NetworkDesign(**{name: getattr(design, name) for name in NetworkDesign.model_fields})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return network(plain, weights)


def _linear_layers(widths: Sequence[int], dropout_share: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width, following in zip(widths, [*widths[1:], 1], strict=True):
        if dropout_share > 0:
            layers.append(nn.Dropout(dropout_share))
        layers += [nn.Linear(width, following), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
