"""The drawings of networks say what the real networks are."""

import re
from typing import Any

import pytest
import torch
from kedro.framework.project import configure_project, pipelines
from kedro.io import DataCatalog
from kedro_viz.data_access import data_access_manager

from cosmop.people.network import create_person_filter
from cosmop.people.options import PersonFilterOptions
from cosmop.pipelines.generation.drawing import chart_of
from cosmop.pipelines.person_filter.drawing import chart_of as chart_of_person_filter
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator, SynthesisLevel
from cosmop.stylegan2.options import NetworkOptions

SMALL: dict[str, Any] = {
    "channel_base": 256,
    "channel_max": 24,
    "z_dim": 12,
    "w_dim": 20,
    "mapping_layers": 3,
}


def boxes(chart: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)\["([^"]+)"\]', chart.replace("\N{NO-BREAK SPACE}", " ")))


@pytest.mark.parametrize("sides", [(32, 32), (48, 64)])
def test_each_level_is_drawn_with_the_size_and_maps_that_it_computes(
    sides: tuple[int, int],
) -> None:
    options = NetworkOptions(height=sides[0], width=sides[1], **SMALL)
    generator, discriminator = Generator(options), Discriminator(options)
    drawn = boxes(chart_of(options))
    seen: list[str] = []

    def note(_module: object, _inputs: object, output: torch.Tensor) -> None:
        _, maps, rows, columns = output.shape
        seen.append(f"{rows} × {columns}, {maps} maps")

    for level in generator.synthesis.levels:
        assert isinstance(level, SynthesisLevel)
        level.conv1.register_forward_hook(note)
    for block in discriminator.blocks:
        block.register_forward_hook(note)
    with torch.no_grad():
        discriminator(generator(torch.randn(4, options.z_dim)))

    last = options.num_levels - 1
    levels = [f"g{level}" for level in range(last + 1)] + [f"d{n}" for n in range(last, 0, -1)]
    assert [drawn[name].partition("<br/>")[2] for name in levels] == seen
    assert drawn["m"] == "mapping: 3 dense layers<br/>12 normal numbers → 20 styles"
    assert len([name for name in drawn if name.startswith("g")]) == len(generator.synthesis.levels)


def test_labels_are_drawn_where_the_networks_take_them() -> None:
    plain = chart_of(NetworkOptions(height=32, width=32))
    labelled = chart_of(NetworkOptions(height=32, width=32, num_classes=4))

    assert "labels" not in plain
    assert sum("4 labels" in text for text in boxes(labelled).values()) == 2
    assert labelled.count("subgraph") == labelled.count("end\n") == 2


def test_every_arrow_of_a_chart_joins_boxes_that_are_drawn() -> None:
    chart = chart_of(NetworkOptions(height=16, width=16, num_classes=2))
    arrows = re.findall(r"^(\w+)(?:\[.*\])? (?:--|-\.).*> (\w+)", chart, re.MULTILINE)

    assert len(arrows) > 12
    assert {name for arrow in arrows for name in arrow} <= set(boxes(chart))


def test_the_person_filter_is_drawn_with_its_own_linear_layers() -> None:
    options = PersonFilterOptions(
        backbone="resnext_small", pretrained="none", image_size=(48, 64), hidden_units=(16, 8)
    )
    network = create_person_filter(options)
    widths = [layer.out_features for layer in network.head if isinstance(layer, torch.nn.Linear)]

    drawn = [text for text in boxes(chart_of_person_filter(options)).values() if "linear" in text]

    assert [int(re.findall(r"\d+", text)[0]) for text in drawn] == widths == [16, 8, 1]


def test_kedro_viz_is_shown_the_networks_of_its_own_environment() -> None:
    configure_project("cosmop")
    given: dict[str, Any] = {"height": 16, "width": 16, "channel_base": 64, "channel_max": 7}
    catalog = DataCatalog()
    catalog["params:generation.preset"] = "demo"
    catalog["params:generation.network"] = given
    catalog["params:generation.training"] = {}
    data_access_manager.catalog.set_catalog(catalog)
    node = next(node for node in pipelines["__default__"].nodes if node.name == "train_stylegan2")

    drawing = node.preview()

    assert drawing.content == chart_of(
        NetworkOptions(mapping_layers=2, z_dim=64, w_dim=64, **given)  # what `demo` fills in
    )
