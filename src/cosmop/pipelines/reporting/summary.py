"""The study's data sets put into the words of the report."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from cosmop.imaging.image_set import ImageSet
from cosmop.reports.data_card_options import DataCardOptions
from cosmop.reports.facts import StudyFacts

_LABELS = {
    "found": "found",
    "downloaded": "downloaded",
    "unique": "without duplicates",
    "with_people": "with people",
    "labelled": "labelled",
    "positive": "positive",
}


def funnel(candidates: int, stages: Mapping[str, ImageSet]) -> pd.DataFrame:
    """Return ``stage``, ``label`` and ``images``, from found to positive."""
    counts = {"found": candidates} | {name: len(images) for name, images in stages.items()}
    counts["positive"] = int(stages["labelled"].manifest["is_positive"].sum())
    rows = [(stage, _LABELS[stage], images, "") for stage, images in counts.items()]
    return pd.DataFrame(rows, columns=["stage", "label", "images", "note"])


def headline_figures(
    study_funnel: pd.DataFrame,
    *,
    person_filter: Mapping[str, Any],
    generator: Mapping[str, Any],
    classifiers: Mapping[str, Any],
    distances: Mapping[str, Any],
    memorisation: Mapping[str, Any],
    augmentation: Mapping[str, Any],
    truth: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the short table of a study: sections of figures, most with interval and n."""
    name = generator["best"]["name"]
    smallest = augmentation["smallest_detectable_gain"]
    figures: dict[str, Any] = {
        "images": dict(zip(study_funnel["label"], study_funnel["images"].tolist(), strict=True)),
        "person_filter": {"accuracy": person_filter["accuracy"]},
        "generation": {
            f"{name} untrained": generator["untrained"]["distance"],
            f"{name} best snapshot": generator["best"]["distance"],
            "best at kimg": generator["best"]["kimg"],
            f"{name} floor (real halves)": generator["best"]["floor"],
        },
        "against_test_images": _against_real(distances),
        "copies": {
            "verdict": memorisation["verdict"],
            "found": memorisation["found"],
            "found among held-out real": memorisation["found_held_out"],
        },
        "judges": {
            judge.replace("_", " "): {key.replace("_", " "): figures[key] for key in _SHARES}
            for judge, figures in classifiers["judges"].items()
        },
        "synthetic_images_accepted": {
            judge.replace("_", " "): {"as judged": shares["synthetic"]}
            | ({} if "reason" in shares["corrected"] else {"corrected": shares["corrected"]})
            for judge, shares in classifiers["acceptance"].items()
        },
        "augmentation": {
            "conclusion": augmentation["conclusion"],
            "smallest detectable gain": smallest and smallest["value"],
        },
    }
    return figures | ({"against_truth": dict(truth)} if truth else {})


_SHARES = ("auroc", "average_precision", "precision", "recall", "accuracy")
_MEASURES = ("told_apart", "kernel_distance", "mind", "recall", "coverage")


def _against_real(distances: Mapping[str, Any]) -> dict[str, Any]:
    """Return each measure to the test images, and what real images have at the floor's n."""
    to_test = distances["to_test"]
    found: dict[str, Any] = {}
    for name in (name for name in _MEASURES if name in to_test):
        words = name.replace("_", " ")
        found[words] = _estimate(to_test[name])
        found[f"{words}, at {to_test[name]['floor']['n']} a side"] = to_test[name]["at_floor_n"]
        found[f"{words}, real ↔ real"] = to_test[name]["floor"]
    return found | {f"{distances['name']} (papers only)": _estimate(to_test["distance"])}


def _estimate(measure: Mapping[str, Any]) -> dict[str, Any]:
    return {key: measure[key] for key in ("value", "low", "high", "n")}


def study_facts(datasets: Mapping[str, Any], data_card: DataCardOptions) -> StudyFacts:
    """Return what the report shows, from the data sets by their catalog names."""
    record = datasets["run_record"]
    return StudyFacts(
        title="From keywords to an audited synthetic image set",
        subtitle="Collected, cleaned, labelled, generated and judged in one run.",
        made_at=_when(record.get("made_at", "")),
        environment=record.get("environment", ""),
        parameters=record.get("parameters", {}),
        code_version=record.get("code_version", ""),
        provenance=pd.DataFrame(record.get("datasets", [])),
        funnel=datasets["study_funnel"],
        truth=datasets["truth_metrics"] or None,
        data_card=data_card.model_dump(),
        **_collection(datasets),
        **_judgement(datasets),
    )


def _when(moment: str) -> str:
    """Write an ISO moment for people; nothing for nothing."""
    if not moment:
        return ""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _collection(datasets: Mapping[str, Any]) -> dict[str, Any]:
    groups = datasets["duplicate_groups"]
    kept = set(datasets["people_images"].ids)
    scores = datasets["person_scores"].rename(columns={"person_score": "score"})
    failed = datasets["download_log"].query("status == 'failed'")
    kinds = failed["reason"].str.replace(r" \(.*\)$", "", regex=True)
    reasons = kinds.value_counts().rename_axis("reason").reset_index(name="images")
    return {
        "stages": {
            "raw": datasets["raw_images"],
            "unique": datasets["unique_images"],
            "people": datasets["people_images"],
            "labelled": datasets["labelled_images"],
            "training (positive)": _positives(datasets["training_images"]),
            "synthetic": datasets["synthetic_images"],
        },
        "failures": reasons,
        "duplicates": {
            "images": len(groups),
            "groups": int(groups["group_id"].nunique()),
            "removed": int((~groups["is_kept"]).sum()),
        },
        "duplicate_groups": groups.rename(columns={"group_id": "group"}),
        "person_filter": _shown(datasets["person_filter_metrics"]),
        "person_curve": datasets["person_filter_curve"],
        "person_problems": datasets["person_filter_problems"],
        "flags": datasets["image_flags"],
        "curation": datasets["curation_choices"],
        "duplicate_review": "/".join(("../..", *datasets["duplicate_review"].parts[-3:], _REVIEW)),
        "labelling": datasets["label_metrics"],
        "person_scores": scores.assign(is_kept=scores["image_id"].isin(kept)),
        "splits": _splits(datasets),
    }


_REVIEW = "index.html"


def _shown(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Shorten the checksum: enough to compare by eye, and narrow enough for a phone."""
    return {**metrics, "checksum": str(metrics["checksum"])[:12]}


def _positives(images: ImageSet) -> ImageSet:
    return images.where(images.manifest["is_positive"])


def _splits(datasets: Mapping[str, Any]) -> pd.DataFrame:
    rows = []
    for split, name in (("train", "training"), ("validation", "validation"), ("test", "test")):
        is_positive = datasets[f"{name}_images"].manifest["is_positive"]
        rows += [
            {"split": split, "label": "positive", "images": int(is_positive.sum())},
            {"split": split, "label": "negative", "images": int((~is_positive).sum())},
        ]
    return pd.DataFrame(rows)


def _judgement(datasets: Mapping[str, Any]) -> dict[str, Any]:
    distances, classifiers = datasets["distances"], datasets["classifier_metrics"]
    manifest = datasets["split_manifest"]
    pictures = _pictures(datasets["test_images"], datasets["synthetic_images"])
    return _training(datasets) | {
        "distances": distances,
        "extractor": distances["extractor"],
        "classifiers": classifiers["judges"],
        "baselines": classifiers["baselines"],
        "acceptance": classifiers["acceptance"],
        "judge_curves": classifiers["curves"],
        "calibration": classifiers["calibration"],
        "by_group": classifiers["by_group"],
        "one_class": datasets["one_class_metrics"] | datasets["detector_metrics"],
        "scores": datasets["scores"],
        "score_images": pictures,
        "error_heat_maps": datasets["error_heat_maps"],
        "augmentation_study": datasets["augmentation_study"],
        "memorisation": datasets["memorisation"],
        "memorisation_images": _pictures(
            *(datasets[f"{name}_images"] for name in ("training", "validation")),
            datasets["test_images"],
            datasets["synthetic_images"],
        ),
        "leaks": datasets["leak_checks"],
        "split_hash": manifest["checksum"],
        "test_split_note": manifest["change"]["sentence"],
    }


def _training(datasets: Mapping[str, Any]) -> dict[str, Any]:
    generator, snapshots = datasets["generator_metrics"], datasets["stylegan2_snapshots"]
    return {
        "curve": datasets["distance_curve"],
        "grids": [
            (item.kimg, item.grid())
            for item, is_abandoned in zip(snapshots, snapshots.abandoned(), strict=True)
            if not is_abandoned
        ],
        "training_distances": {
            "name": generator["best"]["name"],
            "untrained": generator["untrained"]["distance"],
            "best": generator["best"]["distance"],
            "floor": generator["best"]["floor"],
        },
    }


def _pictures(*sets: ImageSet) -> ImageSet:
    manifest = pd.concat([images.manifest for images in sets], ignore_index=True)
    return ImageSet(manifest.drop_duplicates("image_id"), sets[0].store)
