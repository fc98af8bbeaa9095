import pytest
import torch
from torch import nn

from cosmop.people.backbones import build_backbone, trunk_of
from cosmop.people.batch_norms import fold_batch_norms

FAMILIES = [
    *("resnext_small", "resnet18", "densenet121", "googlenet", "regnet_y_400mf"),
    *("mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "efficientnet_b0"),
]


def with_lived_in_norms(name):
    """A trunk whose batch norms do something."""
    torch.manual_seed(0)
    trunk = trunk_of(build_backbone(name).eval()).eval()
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.running_var):
                values.data.uniform_(0.5, 1.5)
            for values in (module.bias, module.running_mean):
                values.data.normal_(0, 0.2)
    return trunk


@pytest.mark.parametrize("name", FAMILIES)
def test_a_folded_network_computes_the_same(name):
    trunk, x_NCHW = with_lived_in_norms(name), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = trunk(x_NCHW)
        fold_batch_norms(trunk)
        found = trunk(x_NCHW)

    assert float((found - expected).norm() / expected.norm()) < 1e-5
    # DenseNet's norms before a ReLU and a convolution stay; 59 of 121 follow a convolution.
    left = sum(isinstance(module, nn.BatchNorm2d) for module in trunk.modules())
    assert left == {"densenet121": 62}.get(name, 0)


def test_a_norm_of_another_width_or_without_statistics_stays():
    odd = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1))
    blind = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False))
    for network in (odd, blind):
        fold_batch_norms(network)
        assert isinstance(network[1], nn.BatchNorm2d)
