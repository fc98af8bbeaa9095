import pytest
import torch
from torch import nn
from torchvision import models

from cosmop.errors import InputError
from cosmop.people.backbones import build_backbone, feature_dimensions, trunk_of
from cosmop.people.binary_network import BinaryNetwork
from cosmop.people.blocks import let_learn, set_training, trunk_blocks
from cosmop.people.options import NetworkDesign

# The module that takes the pooled features, by family; 32 px give a VGG a map of one position,
# so that its 7×7 pooling copies it. Inception needs 75 px.
FAMILIES = {
    "resnet18": ("fc", 64),
    "googlenet": ("fc", 64),
    "inception_v3": ("fc", 96),
    "shufflenet_v2_x0_5": ("fc", 64),
    "regnet_y_400mf": ("fc", 64),
    "mnasnet0_5": ("classifier", 64),
    "densenet121": ("classifier", 64),
    "efficientnet_b0": ("classifier", 64),
    "mobilenet_v2": ("classifier", 64),
    "mobilenet_v3_small": ("classifier", 64),
    "convnext_tiny": ("classifier", 64),
    "vgg11": ("classifier", 32),
    "swin_t": ("head", 64),
}
_ASKED = ("googlenet", "inception_v3", "vgg11")  # they warn, or take seconds to initialise


@pytest.mark.parametrize("name", FAMILIES)
def test_the_trunk_ends_where_torchvision_pools(name):
    door, side = FAMILIES[name]
    settings = {"init_weights": name != "vgg11"} if name in _ASKED else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = models.get_model(name, weights=None, **settings).eval()
    if hasattr(network, "transform_input"):
        network.transform_input = True  # as with torchvision's weights
    trunk = trunk_of(network)
    dimensions = feature_dimensions(network, trunk)
    setattr(network, door, nn.Identity())
    x = torch.rand((2, 3, side, side), generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():  # in float64: random weights without batch statistics amplify rounding
        pooled = network.double()(x)
        map_NDhw = trunk.double()(x)

    expected = pooled.reshape(2, dimensions, -1).mean(2)
    torch.testing.assert_close(map_NDhw.mean((2, 3)), expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("name", ["vit_b_16", "maxvit_t"])
def test_a_network_without_a_map_of_features_is_refused(name):
    with torch.device("meta"):
        network = build_backbone(name)
    with pytest.raises(InputError, match="must end in a map of features"):
        trunk_of(network)


def test_a_wrong_name_gets_near_ones():
    with pytest.raises(InputError, match=r"got 'resnet5'.*'resnet50'"):
        build_backbone("resnet5")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vgg16", 5),
        ("vgg16_bn", 5),
        ("alexnet", 3),
        ("resnet50", 5),
        ("resnet_small", 4),
        ("densenet121", 8),
        ("efficientnet_b0", 9),
        ("regnet_y_400mf", 5),
        ("convnext_tiny", 8),
    ],
)
def test_every_weight_of_a_trunk_is_in_one_block(name, expected):
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        trunk = trunk_of(build_backbone(name))
    blocks = trunk_blocks(trunk)
    in_blocks = [id(p) for block in blocks for module in block for p in module.parameters()]

    assert len(blocks) == expected
    assert in_blocks == [id(p) for p in trunk.parameters()]


def test_the_last_block_of_a_vgg_begins_after_the_fourth_pooling():
    with torch.device("meta"):
        trunk = trunk_of(build_backbone("vgg16"))
    convolutions = [m for m in trunk_blocks(trunk)[-1] if isinstance(m, nn.Conv2d)]

    assert [(m.in_channels, m.out_channels) for m in convolutions] == [(512, 512)] * 3


@pytest.mark.parametrize("learning_blocks", [0, 1, 3, None])
def test_only_the_last_blocks_and_the_head_learn(learning_blocks):
    network = BinaryNetwork(NetworkDesign(backbone="resnet_small", image_size=(32, 32)))
    let_learn(network, learning_blocks)
    set_training(network, learning_blocks)
    stages = ["conv1", "layer1", "layer2", "layer3"]
    learning = stages[len(stages) - learning_blocks :] if learning_blocks is not None else stages

    for name in stages:
        part = network.trunk.get_submodule(name)
        assert all(p.requires_grad == (name in learning) for p in part.parameters()), name
        assert part.training == (name in learning), name
    assert all(p.requires_grad for p in network.head.parameters())


def test_more_blocks_than_there_are_are_refused():
    network = BinaryNetwork(NetworkDesign(backbone="resnet_small", image_size=(32, 32)))
    with pytest.raises(InputError, match="at most 4, the blocks of resnet_small, got 5"):
        let_learn(network, 5)
