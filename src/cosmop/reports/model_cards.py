"""Model cards: what each of a study's four models is, how good it is, and what it is not for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cosmop.errors import InputError
from cosmop.reports.cards import Card, bullets, plain_table
from cosmop.reports.estimates import (
    FIGURE_COLUMNS,
    as_estimate,
    figure_row,
    flatten_metrics,
    path_words,
)
from cosmop.reports.facts import Metrics
from cosmop.reports.model_kinds import KINDS, ModelKind

_LICENCE = (
    "Not settled. The weights are made from images that belong to others; settle the terms before "
    "handing them on."
)


@dataclass(frozen=True)
class _Figure:
    name: str
    raw: object


def model_card(
    name: str,
    *,
    metrics: Metrics,
    data: Mapping[str, str],
    parameters: Metrics,
    limits: Sequence[str] = (),
    version: str = "",
    code_version: str = "",
) -> str:
    """Write the card of one model, Markdown with YAML front matter.

    Args:
        name: As in the catalog: a key of `cosmop.reports.model_kinds.KINDS`.
        metrics: Nested figures, numbers or ``{"value", "low", "high", "n"}``; lists are left out.
        data: Versions of the data sets it was made from, by name.
        parameters: Of its training, nested.
        limits: What this version was found not to do, one sentence each.
        version: Of the model.
        code_version: Of the program.

    Raises:
        InputError: No such model.
    """
    if name not in KINDS:
        raise InputError(f"A model card wants one of {', '.join(KINDS)}, got {name!r}; choose one.")
    kind, figures = KINDS[name], list(_figures(metrics))
    words = [kind.summary] + ([f"Version {version}."] if version else [])
    return Card(_front(kind, figures), kind.registered, " ".join(words), [
        ("## Model Details", bullets(_details(kind, code_version))),
        ("## Uses", kind.uses),
        ("### Out-of-Scope Use", kind.not_for),
        ("## Bias, Risks, and Limitations", bullets([*limits, *kind.limits])),
        ("## How to Get Started with the Model", _loading(name, version)),
        ("## Training Details", kind.training),
        ("### Training Data", plain_table(["data set", "version"], data.items())),
        ("### Training Hyperparameters", _parameters(parameters)),
        ("## Evaluation", _evaluation(kind, figures)),
    ]).markdown()  # fmt: skip


def _front(kind: ModelKind, figures: Sequence[_Figure]) -> dict[str, Any]:
    """Return the front matter; ``model-index`` holds the figures that have a value and a name."""
    results = [
        {"type": one.name.replace(" ", "_"), "name": one.name, "value": estimate.value}
        for one in figures
        if (estimate := as_estimate(one.raw)) is not None and estimate.low is not None
    ]
    task = {"type": kind.task}
    data = {"type": "cosmop", "name": kind.tested_on}
    index = [
        {"name": kind.registered, "results": [{"task": task, "dataset": data, "metrics": results}]}
    ]
    return {
        "license": "other",
        "license_name": "not-settled",
        "library_name": kind.library,
        "pipeline_tag": kind.task,
        "tags": ["cosmop", *kind.tags],
    } | ({"model-index": index} if results else {})


def _figures(metrics: Metrics) -> Iterator[_Figure]:
    for path, raw in flatten_metrics(metrics):
        if as_estimate(raw) is not None or isinstance(raw, str | bool):
            yield _Figure(path_words(path), raw)


def _details(kind: ModelKind, code_version: str) -> list[str]:
    told = [f"Model type: {kind.architecture}", f"Licence: {_LICENCE}"]
    return told + ([f"Made by: {code_version}"] if code_version else [])


def _loading(name: str, version: str) -> str:
    pinned = f" --load-versions={name}:{version}" if version else ""
    return f'```bash\nkedro run{pinned}\n```\n\nIn a notebook: `catalog.load("{name}")`.'


def _parameters(parameters: Metrics) -> str:
    rows = [(".".join(path), _value(raw)) for path, raw in flatten_metrics(parameters)]
    return plain_table(["parameter", "value"], rows)


def _value(raw: object) -> str:
    return f"{raw:g}" if isinstance(raw, float) else str(raw)


def _evaluation(kind: ModelKind, figures: Sequence[_Figure]) -> str:
    if not figures:
        return "Not evaluated yet."
    table = plain_table(FIGURE_COLUMNS, [figure_row(one.name, one.raw) for one in figures])
    return f"On {kind.tested_on}. {kind.measured}\n\n{table}"
