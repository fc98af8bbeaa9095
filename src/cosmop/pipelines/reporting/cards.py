"""The cards of a study: of its four models, and of the two sets that it can hand on."""

from collections.abc import Iterator, Mapping
from typing import Any

from cosmop.reports.data_card_options import DataCardOptions
from cosmop.reports.dataset_cards import labelled_card, synthetic_card
from cosmop.reports.facts import StudyFacts
from cosmop.reports.model_cards import model_card

_MADE_FROM = {
    "person_filter": ("person_filter_images",),
    "generator": ("training_images", "stylegan2_snapshots"),
    "one_class_svm": ("training_images", "one_class_features"),
    "image_classifier": ("training_images", "validation_images", "classifier_images"),
}
_PARAMETERS = {
    "person_filter": ("person_filter", ("network", "training")),
    "generator": ("generation", ("network", "training", "control")),
    "one_class_svm": ("evaluation", ("one_class_features", "one_class")),
    "image_classifier": ("evaluation", ("classifier",)),
}
_LABELLED = {"train": "training_images", "validation": "validation_images", "test": "test_images"}


def model_cards(datasets: Mapping[str, Any]) -> dict[str, str]:
    """Write the card of each model, by its name in the catalog.

    Args:
        datasets: ``run_record``, ``person_filter_metrics``, ``generator_metrics``, ``distances``,
            ``memorisation``, ``one_class_metrics`` and ``classifier_metrics``.
    """
    record = datasets["run_record"]
    versions = {row["dataset"]: row["version"] for row in record.get("datasets", [])}
    return {
        name: model_card(
            name,
            metrics=_metrics(name, datasets),
            data={one: versions[one] for one in _MADE_FROM[name] if one in versions},
            parameters=_parameters(name, record.get("parameters", {})),
            limits=list(_limits(name, datasets)),
            version=versions.get(name, ""),
            code_version=record.get("code_version", ""),
        )
        for name in _MADE_FROM
    }


def _metrics(name: str, datasets: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the figures of one model, without what describes rather than measures."""
    judges = datasets["classifier_metrics"]["judges"]
    if name in judges:
        return dict(judges[name])
    if name == "person_filter":
        return dict(datasets["person_filter_metrics"])
    distances = datasets["distances"]
    named = {"distance": distances["name"], "kernel_distance": distances["kernel_name"]}
    return {
        named.get(measure, measure): {key: found[key] for key in ("value", "low", "high", "n")}
        for measure, found in distances["to_test"].items()
    } | {"best_kimg": datasets["generator_metrics"]["best"]["kimg"]}


def _parameters(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    stage, groups = _PARAMETERS[name]
    found = parameters.get(stage, {})
    return {group: found[group] for group in groups if group in found}


def _limits(name: str, datasets: Mapping[str, Any]) -> Iterator[str]:
    """Yield what this run has found wrong with a model."""
    told = {
        "person_filter": (datasets["person_filter_metrics"].get("source_leak") or {}).get(
            "sentence"
        ),
        "generator": datasets["memorisation"].get("reason"),
        "one_class_svm": datasets["one_class_metrics"].get("warning"),
    }
    if told.get(name):
        yield str(told[name])


def data_cards(
    datasets: Mapping[str, Any], facts: StudyFacts, data_card: DataCardOptions
) -> dict[str, str]:
    """Write the cards of the labelled and of the synthetic images.

    Args:
        datasets: The three split sets, and ``run_record``.
        facts: Of the whole study.
        data_card: What a person says.
    """
    schema = datasets["run_record"].get("parameters", {}).get("annotation", {}).get("schema", {})
    criteria = list(schema.get("criteria", ()))
    splits = {split: datasets[name].manifest for split, name in _LABELLED.items()}
    return {
        "labelled_images": labelled_card(
            splits, criteria, data_card, split_note=facts.test_split_note
        ),
        "synthetic_images": synthetic_card(facts, data_card),
    }
