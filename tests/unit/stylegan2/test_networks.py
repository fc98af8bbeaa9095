"""Shapes, sizes and invariants of generator and discriminator."""

import json

import pytest
import torch

from cosmop.errors import InputError
from cosmop.stylegan2.discriminator import (
    Discriminator,
    build_discriminator,
    minibatch_deviation,
)
from cosmop.stylegan2.generator import Generator, build_generator
from cosmop.stylegan2.objectives import alternate
from cosmop.stylegan2.options import NetworkOptions


def _options(height: int = 16, width: int = 16, **others: object) -> NetworkOptions:
    sizes = {"channel_base": 128, "channel_max": 8, "z_dim": 6, "w_dim": 5, "mapping_layers": 2}
    return NetworkOptions.model_validate({"height": height, "width": width, **sizes, **others})


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("height", "width", "channels", "classes"),
    [(16, 16, 3, 0), (24, 32, 3, 0), (16, 32, 1, 3), (48, 40, 3, 2)],
)
def test_any_possible_size_goes_through_both_networks(
    height: int, width: int, channels: int, classes: int
) -> None:
    options = _options(height, width, image_channels=channels, num_classes=classes)
    generator, discriminator = Generator(options), Discriminator(options)
    labels = torch.eye(classes)[[0, 1, 0, 1]] if classes else None

    ws = generator.mapping(torch.randn(4, 6), labels)
    image = generator.synthesis(ws)
    assert ws.shape == (4, options.num_ws, 5)
    assert image.shape == (4, channels, height, width)
    assert discriminator(image, labels).shape == (4,)


@pytest.mark.parametrize(("height", "width"), [(100, 100), (32, 256), (9, 9), (36, 32)])
def test_impossible_sizes_are_refused_with_the_size_that_came(height: int, width: int) -> None:
    with pytest.raises(InputError, match=f"{height} by {width} has the base"):
        _options(height, width)


def test_published_sizes_have_the_published_channels_and_layers() -> None:
    options = NetworkOptions()  # 256 pixels

    expected = [512, 512, 512, 512, 256, 128, 64]
    assert expected == [options.level_channels(level) for level in range(options.num_levels)]
    assert options.num_ws == 14
    assert NetworkOptions(height=256, width=192).base_size == (8, 6)


def test_published_networks_have_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        generator = Generator(NetworkOptions())
        discriminator = Discriminator(NetworkOptions())

    millions = [
        sum(p.numel() for p in network.parameters()) / 1e6 for network in (generator, discriminator)
    ]
    assert [round(count, 1) for count in millions] == [24.8, 24.0]


def test_truncation_zero_is_the_mean_style_for_everyone() -> None:
    generator = Generator(_options())
    generator.mapping.w_average.normal_()

    ws = generator.mapping(torch.randn(3, 6), truncation=0.0)
    torch.testing.assert_close(
        ws, generator.mapping.w_average.expand(3, generator.options.num_ws, -1)
    )


def test_the_mean_style_moves_towards_the_batch_by_its_decay() -> None:
    mapping = Generator(_options()).mapping
    mapping.track_average(torch.full((4, 5), 2.0), decay=0.75)

    torch.testing.assert_close(mapping.w_average, torch.full((5,), 0.5))


def test_noise_modes_differ_only_where_noise_has_strength() -> None:
    generator = Generator(_options())
    ws = generator.mapping(torch.randn(2, 6))
    without, constant = (generator.synthesis(ws, noise=mode) for mode in ("none", "constant"))
    assert torch.equal(without, constant)  # noise strength begins at zero

    for level in generator.synthesis.levels:
        torch.nn.init.ones_(level.conv1.noise_strength)
    assert not torch.equal(without, generator.synthesis(ws, noise="constant"))
    first, second = (generator.synthesis(ws, noise="random") for _ in range(2))
    assert not torch.equal(first, second)


def test_minibatch_deviation_is_that_of_every_mth_image() -> None:
    x = torch.randn(8, 3, 2, 2)

    extra = minibatch_deviation(x, group=4)[:, 3]
    for first in range(2):
        group = x[first::2]
        expected = group.std(0, unbiased=False).mean()
        torch.testing.assert_close(extra[first::2], expected.expand(4, 2, 2))


def test_a_batch_that_cannot_be_grouped_is_refused() -> None:
    with pytest.raises(InputError, match="groups of 4, got a batch of 6"):
        minibatch_deviation(torch.zeros(6, 1, 2, 2), group=4)


@pytest.mark.parametrize("count", [4, 8, 12])
def test_alternating_fakes_and_reals_in_one_batch_gives_the_logits_of_two(count: int) -> None:
    discriminator = Discriminator(_options()).double()
    fake, real = torch.randn(2, count, 3, 16, 16).double()

    together = discriminator(alternate(fake, real))
    torch.testing.assert_close(together[0::2], discriminator(fake))
    torch.testing.assert_close(together[1::2], discriminator(real))


def test_labels_change_images_and_logits() -> None:
    options = _options(num_classes=2)
    generator, discriminator = Generator(options), Discriminator(options)
    z, image = torch.randn(4, 6), torch.randn(4, 3, 16, 16)
    first, second = torch.eye(2)[[0] * 4], torch.eye(2)[[1] * 4]

    assert not torch.allclose(generator(z, first), generator(z, second))
    assert not torch.allclose(discriminator(image, first), discriminator(image, second))


def test_missing_labels_are_refused_with_the_wanted_shape() -> None:
    generator = Generator(_options(num_classes=3))

    with pytest.raises(InputError, match=r"shape \[N, 3\], got none"):
        generator.mapping(torch.randn(2, 6))


def test_a_description_survives_json_and_builds_the_same_network() -> None:
    options = _options(24, 32, num_classes=2)
    for original, build in (
        (Generator(options), build_generator),
        (Discriminator(options), build_discriminator),
    ):
        built = build(json.loads(json.dumps(original.describe())))
        built.load_state_dict(original.state_dict())

        assert original.checksum() == built.checksum()
        assert original.options == built.options


def test_a_changed_weight_changes_the_checksum() -> None:
    generator = Generator(_options())
    before = generator.checksum()
    with torch.no_grad():
        generator.synthesis.constant[0, 0, 0] += 1e-6

    assert before != generator.checksum()


def test_a_description_of_the_other_network_is_refused() -> None:
    with pytest.raises(InputError, match="kind 'generator', got 'discriminator'"):
        build_generator(Discriminator(_options()).describe())
