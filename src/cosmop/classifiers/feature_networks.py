"""Networks as extractors use them: images are prepared in float32, then the layers compute.

Shape suffixes: N batch, C channels, H W pixels, h w positions of the feature map, D features.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from cosmop.people.binary_network import BinaryNetwork


class FeatureNetwork(nn.Module, ABC):
    """Turns uint8 images into features: ``network(network.prepare(images))``.

    Attributes:
        body: The layers with weights; they alone are cast when less precision is asked for.
        image_size: Height and width that images must have, or None where `prepare` resizes.
        resize: How images come to the network's size, for the recipe.
        pooling: What becomes of the positions, for the recipe.
    """

    body: nn.Module
    image_size: tuple[int, int] | None = None
    resize: str
    pooling: str = "average"

    @abstractmethod
    def prepare(self, images_NHWC: Tensor) -> Tensor:
        """Bring uint8 images [N, H, W, 3] to what `forward` takes, float32 [N, 3, H', W']."""

    @abstractmethod
    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return the features [N, D] of prepared images in the computing type of `body`."""

    def simplify(self) -> None:
        """Rewrite the layers into faster ones that compute the same; called once, for good."""


class TrunkFeatures(FeatureNetwork):
    """The trunk of a binary network: pooled features [N, D], or the map, flattened [N, h·w·D]."""

    resize = "lanczos"

    def __init__(self, network: BinaryNetwork, *, is_pooled: bool) -> None:
        super().__init__()
        self.body = network.trunk
        self.image_size = network.design.image_size
        self.pooling = network.design.pooling if is_pooled else "none"
        self._network = network

    def prepare(self, images_NHWC: Tensor) -> Tensor:
        """Bring uint8 images to the mean and deviation that the trunk expects."""
        return self._network.preprocess(images_NHWC)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return the features; they are pooled in float32 whatever the trunk computes in."""
        map_NDhw = self._network.feature_map(x_NCHW).float()
        if self.pooling == "none":
            return map_NDhw.permute(0, 2, 3, 1).flatten(1)
        if self.pooling == "maximum":
            return map_NDhw.amax((2, 3))
        return map_NDhw.mean((2, 3))
