"""Backbones: torchvision's networks, and two slim ones for CPUs, without their last layers."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import nn
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
        raise InputError(
            f"A backbone must be one of {sorted(known)}, got {name!r}; correct the name."
        )
    built: nn.Module = models.get_model(name, weights=None)
    return built


def load_backbone(name: str, weights: WeightsOptions) -> nn.Module:
    """Build the network called `name` with the weights that `weights` asks for.

    Raises:
        InputError: Unknown name, or weights that are absent, altered or of another network.
    """
    network = build_backbone(name)
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


def trunk_of(network: nn.Module) -> nn.Module:
    """Return the convolutional part of a torchvision network: images to a map of features.

    Raises:
        InputError: The network has no part that ends in a map of features (a transformer).
    """
    if isinstance(network, ResNet):
        parts = ((n, m) for n, m in network.named_children() if n not in ("avgpool", "fc"))
        return nn.Sequential(OrderedDict(parts))
    features = getattr(network, "features", None)
    if isinstance(features, nn.Module):
        return features
    raise InputError(
        f"A backbone must end in a map of features, got {type(network).__name__} which does not; "
        "use a ResNet, ResNeXt, VGG, DenseNet, EfficientNet, MobileNet or ConvNeXt."
    )


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
