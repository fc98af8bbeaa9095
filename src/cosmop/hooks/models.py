"""The models that are registered: what MLflow is told of them, and which version is loaded."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.io.core import Version
from kedro.pipeline import Node, Pipeline

from cosmop.errors import InputError
from cosmop.hooks.catalogs import as_any
from cosmop.node_records import last_record, version_of
from cosmop.reports.model_cards import model_card
from cosmop.reports.model_kinds import KINDS
from cosmop.tracking import Destination, find, flatten, numbers
from cosmop.tracking.packages import short_card
from cosmop.tracking.registered import fetch, resolve

Wish = Mapping[str, Any]


def wish_of(catalog: DataCatalog, name: str) -> Any:
    """Return what a data set's ``metadata.mlflow`` asks for, None if nothing."""
    if name not in catalog:
        return None
    return (getattr(as_any(catalog, name), "metadata", None) or {}).get("mlflow")


def models_in(catalog: DataCatalog, pipeline: Pipeline) -> Iterator[tuple[str, Wish]]:
    """Yield the data sets of a pipeline that are registered models, and what they ask for."""
    for name in sorted(pipeline.datasets()):
        wish = wish_of(catalog, name)
        if isinstance(wish, Mapping):
            yield name, wish


def model_of(catalog: DataCatalog, name: str, wish: Wish) -> dict[str, Any]:
    """Describe the version of a model that has just been saved.

    Returns:
        An event for `cosmop.tracking.models.ModelShelf.register`.
    """
    dataset = as_any(catalog, name)
    version = dataset.resolve_save_version()
    event = {
        "registered": wish["registered"],
        "name": name,
        "version": version,
        "path": str(Path(dataset._get_versioned_path(version)).resolve()),
        "load": _loading(dataset, wish),
        "data": _made_from(catalog, name),
    }
    return event | {"card": _card(catalog, event, wish)}


def _card(catalog: DataCatalog, event: Mapping[str, Any], wish: Wish) -> str:
    """Return the model's card; its figures are those of this version or none."""
    name = event["name"]
    if name not in KINDS:
        return short_card(event)
    document, _, place = wish["metric"].partition(".")
    figures: Any = {}
    if _version_behind(catalog, document, name) == event["version"]:
        measured = catalog.load(document)
        figures = find(measured, place.rpartition(".")[0]) if "." in place else measured
    maker = _maker_of(name)
    inputs = [] if maker is None else maker.inputs
    options = [item for item in inputs if item.startswith("params:") and item in catalog]
    return model_card(
        name,
        metrics=figures,
        data=event["data"],
        parameters=flatten({item.removeprefix("params:"): catalog.load(item) for item in options}),
        version=event["version"],
    )


def _loading(dataset: Any, wish: Wish) -> dict[str, str] | None:
    if "takes" not in wish:
        return None
    kind = type(dataset)
    made_with = {"builder": dataset._builder} if hasattr(dataset, "_builder") else {}
    return {"type": f"{kind.__module__}.{kind.__qualname__}", "takes": wish["takes"]} | made_with


def _made_from(catalog: DataCatalog, name: str) -> dict[str, str]:
    """Return the versions of what a data set was made from within its own pipeline."""
    stage, maker = _stage_of(name), _maker_of(name)
    inputs = [] if maker is None else maker.inputs
    data = [item for item in inputs if not item.startswith(("params:", "parameters"))]
    found = {item: version for item in data if (version := version_of(catalog, item))}
    for item in found.keys() & stage.all_outputs():
        found = _made_from(catalog, item) | found
    return dict(sorted(found.items()))


def _stage_of(name: str) -> Pipeline:
    stages = (pipeline for key, pipeline in pipelines.items() if key != "__default__")
    return next((stage for stage in stages if name in stage.all_outputs()), Pipeline([]))


def judgement_of(
    catalog: DataCatalog, name: str, wish: Wish, saved: str | None
) -> dict[str, Any] | None:
    """Describe the figures that were measured of a model.

    Args:
        catalog: Where documents lie.
        name: Of the model.
        wish: Its ``metric``, ``better`` and ``test``.
        saved: Version of the model if this run made it; counts where the nodes' records do not say
            which version the figures are of.

    Returns:
        An event for `cosmop.tracking.models.ModelShelf.judge`; None if nobody knows the version.
    """
    document, _, place = wish["metric"].partition(".")
    version = _version_behind(catalog, document, name) or saved
    if not version:
        return None
    measured = catalog.load(document)
    around = place.rpartition(".")[0]
    group = find(measured, around) if around else measured
    prefix = f"{document}.{around}." if around else f"{document}."
    return {
        "registered": wish["registered"],
        "name": name,
        "version": version,
        "metric": wish["metric"],
        "better": wish["better"],
        "figure": find(measured, place),
        "test": _checksums(catalog, wish["test"]),
        "figures": {prefix + key: value for key, value in numbers(group or {}).items()},
    }


def _checksums(catalog: DataCatalog, places: list[str]) -> str | None:
    """Return what tells a test set and its measure from others; None if something is missing."""
    found = []
    for place in places:
        document, _, rest = place.partition(".")
        is_there = document in catalog and catalog.exists(document)
        found.append(find(catalog.load(document), rest) if is_there else None)
    return " ".join(map(str, found)) if all(found) else None


def _version_behind(catalog: DataCatalog, name: str, model: str) -> str | None:
    """Return the version of `model` from which the newest `name` was made, by way of others."""
    maker = _maker_of(name)
    record = None if maker is None else last_record(maker, catalog)
    if record is None or record.written.get(name, "") != version_of(catalog, name):
        return None
    if model in record.read:
        return record.read[model]
    behind = (_version_behind(catalog, item, model) for item in record.read)
    return next((version for version in behind if version), None)


def _maker_of(name: str) -> Node | None:
    return next((node for node in _stage_of(name).nodes if name in node.outputs), None)


def pin(
    catalog: DataCatalog, name: str, wanted: str, destination: Destination, save_version: str
) -> None:
    """Make a data set load the version that is registered by an alias or a number.

    What is not on this machine is downloaded to where it would have been made.

    Raises:
        InputError: No such model, alias or number, or MLflow cannot be reached.
    """
    wish = wish_of(catalog, name)
    if not isinstance(wish, Mapping):
        known = [item for item in catalog if isinstance(wish_of(catalog, item), Mapping)]
        raise InputError(
            f"`registered` must name models that are registered, {sorted(known)}, got {name!r}; "
            "correct --params."
        )
    number, version = resolve(destination, wish["registered"], wanted)
    dataset = as_any(catalog, name)
    dataset._version = Version(load=version, save=save_version)
    if not dataset.exists():
        fetch(destination, wish["registered"], number, Path(dataset._get_load_path()))
        dataset.release()
