"""Mixing, truncation and walks agree with what seeds mean elsewhere."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.stylegan2.exploring import (
    interpolate,
    label_of,
    mix_styles,
    spherical_path,
    sweep_truncation,
    synthesise,
)
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions
from cosmop.stylegan2.sampling import draw_inputs, sample_images

ROWS, COLUMNS = [3, 1], [5, 3, 8]


def generator_of(num_classes: int = 0, width: int = 16) -> Generator:
    torch.manual_seed(0)
    generator = Generator(
        NetworkOptions(
            height=16, width=width, channel_base=64, channel_max=8, z_dim=8, w_dim=8,
            mapping_layers=1, num_classes=num_classes,
        )
    )  # fmt: skip
    torch.nn.init.normal_(generator.mapping.w_average)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.constant_(parameter, 0.5)
    return generator


def sampled(generator: Generator, seeds: list[int], truncation: float = 1.0) -> NDArray[np.uint8]:
    batches = sample_images(generator, seeds, truncation=truncation, device="cpu")
    return np.concatenate(list(batches))


def assert_same(expected: NDArray[np.uint8], actual: NDArray[np.uint8]) -> None:
    assert expected.shape == actual.shape
    assert np.abs(expected.astype(int) - actual).max() <= 1  # sums in another order: one level


def test_mixing_no_layer_gives_each_row_its_own_image() -> None:
    mixed = mix_styles(generator_of(), ROWS, COLUMNS, [], device="cpu")

    for column in range(3):
        assert_same(sampled(generator_of(), ROWS), mixed[:, column])


def test_mixing_a_seed_with_itself_changes_nothing() -> None:
    mixed = mix_styles(generator_of(), ROWS, COLUMNS, [0, 1, 2], truncation=0.7, device="cpu")

    assert_same(sampled(generator_of(), [3], 0.7)[0], mixed[0, 1])
    assert not np.array_equal(mixed[0, 0], mixed[0, 1])


def test_mixing_all_layers_gives_the_columns_styles_with_the_noise_of_the_row() -> None:
    generator = generator_of()
    z_columns, _ = draw_inputs(generator, COLUMNS)
    _, noises = draw_inputs(generator, [ROWS[1]])
    expected = synthesise(generator, generator.mapping(z_columns).detach(), noises, "cpu")

    mixed = mix_styles(generator, ROWS, COLUMNS, range(6), device="cpu")

    assert_same(expected, mixed[1])


def test_the_layers_of_the_column_are_those_asked_for() -> None:
    generator = generator_of()
    (row, column), noises = draw_inputs(generator, [3, 5])[0], draw_inputs(generator, [3])[1]
    styles = {"row": generator.mapping(row[None]), "column": generator.mapping(column[None])}
    chosen = [styles["column" if layer in (1, 4) else "row"][:, layer] for layer in range(6)]
    expected = synthesise(generator, torch.stack(chosen, 1).detach(), noises, "cpu")

    assert_same(expected[0], mix_styles(generator, [3], [5], [4, 1], device="cpu")[0, 0])


def test_a_layer_that_the_network_lacks_is_refused() -> None:
    with pytest.raises(InputError, match=r"from 0 to 5 .* got \[6, -1\]"):
        mix_styles(generator_of(), ROWS, COLUMNS, [0, 6, -1], device="cpu")


def test_truncation_runs_from_the_mean_image_to_that_of_the_seed() -> None:
    generator = generator_of()
    mean = generator.mapping.w_average.expand(2, 6, -1)

    swept = sweep_truncation(generator, ROWS, [0.0, 0.4, 1.0], device="cpu")

    assert_same(synthesise(generator, mean, draw_inputs(generator, ROWS)[1], "cpu"), swept[:, 0])
    assert_same(sampled(generator, ROWS, 0.4), swept[:, 1])
    assert_same(sampled(generator, ROWS), swept[:, 2])


def test_a_spherical_path_turns_steadily_from_end_to_end() -> None:
    ends = torch.nn.functional.normalize(torch.randn(2, 9, generator=torch.Generator()), dim=1)

    path = spherical_path(ends[0], ends[1], torch.linspace(0, 1, 6))

    steps = torch.cosine_similarity(path[:-1], path[1:]).acos()
    assert torch.equal(path[0], ends[0])
    assert torch.allclose(path[-1], ends[1], atol=1e-6)
    assert torch.allclose(path.norm(dim=1), torch.ones(6), atol=1e-6)
    assert torch.allclose(steps, steps.mean(), rtol=1e-4)


def test_a_path_from_a_vector_to_itself_stays_and_to_its_negative_is_refused() -> None:
    here = torch.tensor([1.0, 2.0, 3.0])

    assert torch.allclose(spherical_path(here, here, torch.tensor([0.0, 0.3])), here)
    with pytest.raises(InputError, match="opposite"):
        spherical_path(here, -here, torch.tensor([0.5]))


@pytest.mark.parametrize("space", ["z", "w"])
def test_a_walk_passes_through_its_seeds_and_ends_where_it_began(space: str) -> None:
    generator = generator_of(width=24)
    z, noises = draw_inputs(generator, [4, 9, 2])
    stops = synthesise(
        generator, generator.mapping(z).detach(), [noise[:1] for noise in noises], "cpu"
    )

    frames = list(interpolate(generator, [4, 9, 2], 40, space=space, device="cpu"))  # type: ignore[arg-type]

    assert len(frames) == 120
    assert frames[0].shape == (16, 24, 3)
    assert_same(sampled(generator, [4])[0], frames[0])
    assert_same(stops, np.stack(frames[::40]))
    jumps = [
        np.abs(one.astype(int) - other).mean()
        for one, other in zip(frames, [*frames[1:], frames[0]], strict=True)
    ]
    assert max(jumps) < 0.1 * np.abs(stops[0].astype(int) - stops[1]).mean()


def test_halfway_in_w_is_the_mean_style() -> None:
    generator = generator_of()
    z, noises = draw_inputs(generator, [4, 9])
    mean = generator.mapping(z).detach().mean(0, keepdim=True)

    frames = list(interpolate(generator, [4, 9], 2, space="w", device="cpu"))

    assert_same(synthesise(generator, mean, [n[:1] for n in noises], "cpu")[0], frames[1])


@pytest.mark.parametrize(("seeds", "frames"), [([4], 3), ([4, 5], 0), ([4, -5], 3)])
def test_walks_that_lead_nowhere_are_refused(seeds: list[int], frames: int) -> None:
    with pytest.raises(InputError):
        interpolate(generator_of(), seeds, frames, device="cpu")


def test_criteria_become_a_row_of_labels() -> None:
    generator = generator_of(3)
    label = label_of(generator, ["2", "0"])
    assert label is not None
    expected = next(sample_images(generator, [5], labels=label[None], device="cpu"))

    swept = sweep_truncation(generator, [5], [1.0], label=label, device="cpu")

    assert label.tolist() == [1, 0, 1]
    assert_same(expected, swept[0])


def test_criteria_are_called_by_the_names_they_were_trained_with() -> None:
    options = generator_of(2).options.model_copy(update={"class_names": ("snow", "dogs")})
    label = label_of(Generator(options), ["dogs"])

    assert label is not None
    assert label.tolist() == [0, 1]
    assert label_of(generator_of(), []) is None


@pytest.mark.parametrize(("criteria", "count"), [(["3"], 3), ([], 3), (["0"], 0), (["dogs"], 3)])
def test_criteria_that_the_generator_does_not_know_are_refused(
    criteria: list[str], count: int
) -> None:
    with pytest.raises(InputError, match="The generator wants"):
        label_of(generator_of(count), criteria)
