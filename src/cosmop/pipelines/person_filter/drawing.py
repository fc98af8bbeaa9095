"""A drawing of the person filter as kedro-viz shows it: a Mermaid flow chart."""

from kedro.pipeline.preview_contract import MermaidPreview

from cosmop.people.options import PersonFilterOptions
from cosmop.pipelines.stages import shown


def draw_person_filter() -> MermaidPreview:
    """Return the person filter that this environment's options ask for."""
    return MermaidPreview(chart_of(shown("person_filter.network", PersonFilterOptions)))


def chart_of(options: PersonFilterOptions) -> str:
    """Return the trunk, the pooling and the linear layers, as Mermaid."""
    rows, columns = options.image_size
    parts = [
        f"image {rows} × {columns} × 3, {options.fit}",
        f"{options.backbone}<br/>weights: {options.pretrained}",
        f"{options.pooling} over positions",
        *(f"linear layer, {units} units" for units in options.hidden_units),
        "linear layer, 1 logit",
        "divided by a temperature:<br/>probability of people",
    ]
    boxes = [f'n{number}["{part}"]' for number, part in enumerate(parts)]
    arrows = [f"n{number} --> n{number + 1}" for number in range(len(parts) - 1)]
    return "\n".join(["flowchart TB", *boxes, *arrows]) + "\n"
