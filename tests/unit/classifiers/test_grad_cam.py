import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cosmop.classifiers.grad_cam import grad_cam, overlay, relevance_map
from cosmop.errors import InputError
from cosmop.people.binary_network import BinaryNetwork, seeded
from cosmop.people.options import NetworkDesign

DESIGN = NetworkDesign(backbone="resnet_small", image_size=(64, 96))


def network(**changes):
    return seeded(BinaryNetwork, DESIGN.model_copy(update=changes), 0).eval()


def pictures(count, height=64, width=96, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


class Corner(nn.Module):
    """Sees brightness in cells of 8 pixels, and only in the upper left of the image."""

    def forward(self, x_NCHW):
        map_NChw = F.avg_pool2d(x_NCHW, 8)
        seen = torch.zeros_like(map_NChw)
        seen[:, :, :2, :2] = map_NChw[:, :, :2, :2].clamp(min=0)
        return seen


def test_a_network_that_looks_at_one_corner_is_seen_to_do_so():
    model = network()
    model.trunk, model.head = Corner(), nn.Linear(3, 1)
    nn.init.constant_(model.head.weight, 1.0)
    image = np.zeros((1, 64, 96, 3), dtype=np.uint8)
    image[:, :16, :16] = image[:, -16:, -16:] = 255

    (cam,) = grad_cam(model, image)
    y, x = np.unravel_index(cam.argmax(), cam.shape)
    assert max(y, x) < 16
    assert cam.max() == 1
    assert cam[:16, :16].mean() > 0.8
    assert cam[24:].max() == cam[:, 24:].max() == 0


def test_with_one_linear_layer_it_is_the_class_activation_map():
    # Zhou et al. 2016 (1512.04150): the weights of the linear layer times the map of features.
    model = network()
    x = model.preprocess(pictures(3))
    with torch.no_grad():
        map_NDhw = model.feature_map(x)
        cam = torch.einsum("d,ndhw->nhw", model.head[-1].weight[0], map_NDhw)
    positions = map_NDhw.shape[2] * map_NDhw.shape[3]

    torch.testing.assert_close(relevance_map(model, x) * positions, cam.clamp(min=0))
    torch.testing.assert_close(
        relevance_map(model, x, toward="no") * positions, (-cam).clamp(min=0)
    )


@pytest.mark.parametrize("pooling", ["average", "maximum"])
def test_with_hidden_layers_it_is_the_published_definition(pooling):
    model = network(hidden_units=(16, 8), pooling=pooling)
    for x_1CHW in model.preprocess(pictures(3))[:, None]:
        kept = []
        handle = model.trunk.register_forward_hook(
            lambda _, given, map_1Dhw, kept=kept: (
                (map_1Dhw.retain_grad(), kept.append(map_1Dhw))[2:] or None
            )
        )
        model(x_1CHW).sum().backward()
        handle.remove()
        slow = torch.zeros(kept[0].shape[2:])
        for feature in range(model.dimensions):
            slow += kept[0].grad[0, feature].mean() * kept[0][0, feature].detach()

        found = relevance_map(model, x_1CHW)[0]
        torch.testing.assert_close(found, slow.clamp(min=0), rtol=1e-4, atol=1e-8)


def test_maps_are_as_large_as_the_images_and_do_not_depend_on_the_batch():
    model, images = network(), pictures(5, 80, 70)
    maps = grad_cam(model, images)
    one_by_one = grad_cam(model, images, batch_size=1)

    assert maps.shape == (5, 80, 70)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    np.testing.assert_allclose(maps, one_by_one, atol=1e-4)


def test_where_nothing_speaks_for_the_answer_the_map_is_zero():
    model = network()
    nn.init.constant_(model.head[-1].weight, -1.0)  # the trunk ends in a ReLU

    assert not grad_cam(model, pictures(2)).any()
    assert grad_cam(model, pictures(2), toward="no").max() == 1


def test_it_leaves_no_gradients_and_works_where_gradients_are_off():
    model = network()
    with torch.no_grad():
        maps = [grad_cam(model, pictures(1), toward=answer) for answer in ("yes", "no")]

    assert any(found.any() for found in maps)
    assert all(p.grad is None for p in model.parameters())
    assert grad_cam(model, pictures(0)).shape == (0, 64, 96)


def test_an_overlay_leaves_zero_alone_and_grows_lighter_with_the_map():
    image = np.full((1, 11, 3), 9, dtype=np.uint8)
    cam = np.linspace(0, 1, 11)[None]

    mixed = overlay(image, cam)
    assert mixed.dtype == np.uint8
    assert mixed[0, 0].tolist() == [9, 9, 9]
    assert overlay(image, cam, 1.0)[0, -1].tolist() == [252, 255, 164]
    grey = overlay(image, cam, 1.0)[0] @ [0.299, 0.587, 0.114]
    assert (np.diff(grey[1:]) > 0).all()


def test_unusable_images_and_maps_are_refused_in_one_sentence():
    with pytest.raises(InputError, match=r"uint8 images \[N, H, W, 3\], got float64"):
        grad_cam(network(), np.zeros((1, 8, 8, 3)))
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    with pytest.raises(InputError, match=r"as large as its image \[8, 8\], got \[4, 8\]"):
        overlay(image, np.zeros((4, 8)))
    with pytest.raises(InputError, match=r"values in 0\.\.1"):
        overlay(image, np.full((8, 8), np.nan))
    with pytest.raises(InputError, match="uint8 image"):
        overlay(image[:, :, 0], np.zeros((8, 8)))
