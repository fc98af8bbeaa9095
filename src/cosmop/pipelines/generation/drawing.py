"""A drawing of the two networks of StyleGAN2 as kedro-viz shows them: a Mermaid flow chart."""

from collections.abc import Iterator

from kedro.pipeline.preview_contract import MermaidPreview

from cosmop.pipelines.drawings import NATURAL_SIZE, box, shown, shown_value
from cosmop.stylegan2.options import NetworkOptions, TrainingOptions
from cosmop.stylegan2.presets import completed


def draw_networks() -> MermaidPreview:
    """Return the networks that this environment's options ask for."""
    network, _ = completed(
        shown_value("generation.preset"),
        shown("generation.network", NetworkOptions),
        shown("generation.training", TrainingOptions),
    )
    return MermaidPreview(chart_of(network), meta=NATURAL_SIZE)


def chart_of(options: NetworkOptions) -> str:
    """Return both networks level by level, as Mermaid (Karras et al. 2020a, figure 7)."""
    lines = ["flowchart TB", *_generator(options), *_discriminator(options)]
    return "\n".join(lines) + "\n"


def _generator(options: NetworkOptions) -> Iterator[str]:
    last = options.num_levels - 1
    layers = f"{options.mapping_layers} dense layers"
    yield "subgraph Generator"
    yield "direction TB"
    yield box("m", f"mapping: {layers}", f"{options.z_dim} normal numbers → {options.w_dim} styles")
    if options.num_classes:
        yield f"{box('labels', f'{options.num_classes} labels')} --> m"
    yield f"{box('k', 'constant', _maps(options, 0))} --> g0"
    for level in range(options.num_levels):
        convolutions = "1 convolution" if level == 0 else "doubling, 2 convolutions"
        yield box(f"g{level}", convolutions, _maps(options, level))
        yield f"m -.-> g{level}"
        yield f"g{level} --> image"
    yield from (f"g{level} --> g{level + 1}" for level in range(last))
    yield box("image", "each level to RGB, summed", _image(options))
    yield "end"


def _discriminator(options: NetworkOptions) -> Iterator[str]:
    last = options.num_levels - 1
    block = "residual block" if options.discriminator_skip == "residual" else "2 convolutions"
    yield "subgraph Discriminator"
    yield "direction TB"
    first = box("i", f"image, real or generated: {_image(options)}", f"to {_maps(options, last)}")
    yield f"{first} --> d{last}"
    for level in range(last, 0, -1):
        halved = box(f"d{level}", f"{block}, halving", _maps(options, level - 1))
        yield f"{halved} --> d{level - 1}"
    groups = f"deviation in groups of {options.minibatch_group}"
    yield f"{box('d0', groups, f'convolution, {_maps(options, 0)}')} --> logit"
    if options.num_classes:
        labels = box("c", f"{options.num_classes} labels", f"{options.label_layers} dense layers")
        yield f"{labels} --> logit"
    yield box("logit", "2 dense layers", "logit: how real")
    yield "end"


def _maps(options: NetworkOptions, level: int) -> str:
    rows, columns = options.level_size(level)
    return f"{rows} × {columns}, {options.level_channels(level)} maps"


def _image(options: NetworkOptions) -> str:
    return f"{options.height} × {options.width} × {options.image_channels}"
