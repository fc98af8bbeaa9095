"""A drawing of the person filter as kedro-viz shows it: a Mermaid flow chart."""

from kedro.pipeline.preview_contract import MermaidPreview

from cosmop.people.options import PersonFilterOptions
from cosmop.pipelines.drawings import NATURAL_SIZE, box, shown


def draw_person_filter() -> MermaidPreview:
    """Return the person filter that this environment's options ask for."""
    chart = chart_of(shown("person_filter.network", PersonFilterOptions))
    return MermaidPreview(chart, meta=NATURAL_SIZE)


def chart_of(options: PersonFilterOptions) -> str:
    """Return the trunk, the pooling and the linear layers, as Mermaid."""
    rows, columns = options.image_size
    parts = [
        box("image", f"image {rows} × {columns} × 3", options.fit),
        box("trunk", options.backbone, f"weights: {options.pretrained}"),
        box("pool", f"{options.pooling} over positions"),
        *(
            box(f"linear{number}", f"linear layer, {units} units")
            for number, units in enumerate(options.hidden_units)
        ),
        box("logit", "linear layer, 1 logit"),
        box("probability", "over a temperature", "probability of people"),
    ]
    return "flowchart TB\n" + " --> ".join(parts) + "\n"
