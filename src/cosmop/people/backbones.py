"""Backbones: torchvision's networks, and two slim ones for CPUs, without their last layers."""

from collections import OrderedDict
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models.resnet import Bottleneck, ResNet

from cosmop.errors import InputError
from cosmop.people.options import WeightsOptions
from cosmop.people.weights import fetch_weights, hub_folder, load_state, read_weights


class SlimBottleneck(Bottleneck):  # type: ignore[misc]  # torchvision ships no types
    """ResNet's bottleneck block that does not widen its output fourfold: 512 features, not 2048."""

    expansion = 1


# torchvision's own ResNet class with fewer and slimmer blocks; ResNeXt is "groups > 1"
# (Xie et al. 2017, arXiv 1611.05431). Width inside a block: planes × groups × width / 64.
_SMALL: dict[str, dict[str, Any]] = {
    "resnext_small": {"layers": [1, 1, 1, 1], "groups": 8, "width_per_group": 8},
    "resnet_small": {"layers": [1, 1, 1, 1], "groups": 1, "width_per_group": 32},
}


# Without being asked to initialise, these two warn that they will stop doing so.
_ASKS_FOR_INIT = ("googlenet", "inception_v3")


def _build_small(name: str) -> nn.Module:
    """Build a slim network of three stages that sees every fourth pixel first: 256 features.

    A stride of 4 at once instead of 2 and a pooling costs half; without a fourth stage people of
    30 px are told from other things after half as many steps (measured on drawn scenes, 96×128).
    """
    network: nn.Module = ResNet(SlimBottleneck, **_SMALL[name])
    network.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=4, padding=3, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.maxpool = nn.Identity()
    network.layer4 = nn.Identity()
    network.fc = nn.Linear(256, 1000)
    return network


def build_backbone(name: str) -> nn.Module:
    """Build the whole network called `name`, with random weights.

    Raises:
        InputError: Neither one of the small networks nor one of torchvision's.
    """
    if name in _SMALL:
        return _build_small(name)
    known = [*_SMALL, *models.list_models(module=models)]
    if name not in known:
        near = get_close_matches(name, known, n=3) or ["resnet50", "vgg16", *_SMALL]
        raise InputError(
            "A backbone must be called as torchvision calls its classification networks, got "
            f"{name!r}; correct the name, for example to one of {near}."
        )
    settings = {"init_weights": True} if name in _ASKS_FOR_INIT else {}
    built: nn.Module = models.get_model(name, weights=None, **settings)
    return built


def load_backbone(name: str, weights: WeightsOptions) -> nn.Module:
    """Build the network called `name` with the weights that `weights` asks for.

    Raises:
        InputError: Unknown name, or weights that are absent, altered or of another network.
    """
    network = build_backbone(name)
    trunk_of(network)  # refuses a transformer before its weights are fetched
    if weights.weights_path is not None:
        path = Path(weights.weights_path).expanduser()
        load_state(network, read_weights(path, weights.weights_sha256), str(path))
    elif weights.pretrained == "imagenet":
        if name in _SMALL:
            raise InputError(
                f"The backbone {name!r} has no published ImageNet weights; set `pretrained: none`."
            )
        url = models.get_model_weights(name).DEFAULT.url
        load_state(network, fetch_weights(url, hub_folder()), url)
    return network


class InceptionColours(nn.Module):
    """From ImageNet's mean and deviation to the -1..1 that Inception's weights expect."""

    def __init__(self) -> None:
        super().__init__()
        std, mean = torch.tensor((0.229, 0.224, 0.225)), torch.tensor((0.485, 0.456, 0.406))
        self.scale_C11: Tensor
        self.shift_C11: Tensor
        self.register_buffer("scale_C11", (std / 0.5).reshape(3, 1, 1), persistent=False)
        self.register_buffer("shift_C11", ((mean - 0.5) / 0.5).reshape(3, 1, 1), persistent=False)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return the image in -1..1, [N, 3, H, W]."""
        return x_NCHW * self.scale_C11 + self.shift_C11


# Networks that call their children one after the other, and the children after the last map.
_CHAINS = (
    ResNet,
    models.GoogLeNet,
    models.Inception3,
    models.MNASNet,
    models.RegNet,
    models.ShuffleNetV2,
)
_AFTER_THE_MAP = {
    *("avgpool", "flatten", "dropout", "fc", "head", "classifier"),
    *("aux1", "aux2", "AuxLogits"),
}
_HOLDERS = {"features", "trunk_output", "layers"}  # children that only hold the blocks


def trunk_of(network: nn.Module) -> nn.Sequential:
    """Return the convolutional part of a torchvision network: images to a map of features.

    Its children are the network's blocks, in the order in which they compute.

    Raises:
        InputError: The network has no part that ends in a map of features (a transformer).
    """
    has_features = isinstance(getattr(network, "features", None), nn.Module)
    if not (isinstance(network, _CHAINS) or has_features):
        raise InputError(
            f"A backbone must end in a map of features, got {type(network).__name__} which does "
            "not; use a ResNet, ResNeXt, VGG, DenseNet, EfficientNet, MobileNet, ConvNeXt or Swin."
        )
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    if isinstance(network, models.GoogLeNet | models.Inception3):
        parts["colours"] = InceptionColours()
    for name, part in network.named_children():
        if name not in _AFTER_THE_MAP:
            parts.update(part.named_children() if name in _HOLDERS else [(name, part)])
    if isinstance(network, models.DenseNet):
        parts["relu"] = nn.ReLU()  # a function in torchvision's forward
    return nn.Sequential(parts).train(network.training)


def feature_dimensions(network: nn.Module, trunk: nn.Module) -> int:
    """Return the number of channels D that `trunk`, the trunk of `network`, ends in."""
    last = getattr(network, "fc", None)
    if isinstance(last, nn.Linear):
        return last.in_features
    was_training = trunk.training
    with torch.no_grad():
        channels = trunk.eval()(torch.zeros(1, 3, 64, 64)).shape[1]
    trunk.train(was_training)
    return int(channels)
