"""The page of the evaluation on CIFAR horses and photographs, from the kept document."""

from collections.abc import Mapping, Sequence
from typing import Any

from cosmop.reports.estimates import format_estimate
from cosmop.reports.tables import markdown_table

_SHOWN = ("auroc", "average_precision", "precision", "recall", "accuracy")
_MEASURES = {
    "kernel_distance": "kernel distance",
    "mind": "MIND",
    "recall": "recall",
    "coverage": "coverage",
    "precision": "precision",
    "density": "density",
    "distance": "Fréchet distance (papers only)",
}


def page(document: Mapping[str, Any]) -> str:
    """Return the page in Markdown."""
    parts = [
        "# Judging synthetic horses, and people on photographs",
        _words(document),
        "## Distances",
        _distances(document["distances"]),
        "## Copies",
        _copies(document["memorisation"]),
        "## Judges: is it a horse?",
        _judges(document["horses"]),
        _one_class(document["horses"]["one_class"]),
        "## Synthetic horses accepted",
        _acceptance(document["horses"]["acceptance"]),
        "## Do the synthetic horses help?",
        _study(document["augmentation_study"]),
        "## Judges: are there people on the photograph?",
        _photographs(document["photographs"]),
    ]
    return "\n\n".join(parts) + "\n"


def _words(document: Mapping[str, Any]) -> str:
    counts, generator = document["images"], document["generator"]
    extractor = document["distances"]["extractor"]
    return (
        f"CIFAR-10 as lossy JPEG, 32 × 32 pixels: training {counts['train'][0]:,} horses and "
        f"{counts['train'][1]:,} images of the nine other classes, validation "
        f"{counts['validation'][0]} + {counts['validation'][1]}, test {counts['test'][0]:,} + "
        f"{counts['test'][1]:,} from CIFAR's own test images. StyleGAN2 of this project, trained "
        f"on the training horses alone (ADA and mirror, {generator['kimg']:g} kimg, seed "
        f"{generator['seed']}, the snapshot with the smallest distance to the training horses: "
        f"{generator['picked_kimg']:g} kimg); {counts['synthetic']:,} synthetic horses, seeds 0, "
        f"1, …, no truncation. Features: `{extractor['name']}`, weights SHA-256 "
        f"`{extractor['checksum'][:16]}…`, 64 dimensions. Intervals are 95 %, seed "
        f"{document['seed']}, commit {document['commit'][:8]}, torch {document['torch']}.\n\n"
        "**What these figures show, and what not.** The ResNet-56 was trained on CIFAR-10 *with "
        "its labels*, on 50,000 images of which our training **and validation** images are a part: "
        "it knows what a horse is, so the judges on its features are better here than on a subject "
        "that no network has seen, and thresholds set on the validation horses refuse more test "
        "horses than the 10 % they promise. The snapshot was chosen by a distance on the same "
        "features. On the photographs the same network is out of its depth, which is the other "
        "end. CIFAR's test images hold near copies of training images, which were left in (they "
        "set no threshold in the search for copies). Distances are not FID. Settings were fixed "
        "before the test images were looked at, and each figure comes from one run; the test for "
        "gains was made stricter (seeds as well as images) after a first version of the last "
        "table had been seen. The generator and the trainings of the augmentation study are kept "
        "from an earlier run with the same settings and images (commit 489a3558); all else is of "
        "the commit above.\n\n"
        "```bash\n"
        "python docs/results/evaluation.py generator --data DIR --work FOLDER\n"
        "python docs/results/evaluation.py measure --data DIR --work FOLDER\n"
        "python docs/results/evaluation.py write\n```"
    )


def _distances(distances: Mapping[str, Any]) -> str:
    rows = []
    for key, label in _MEASURES.items():
        measure = distances["to_test"][key]
        estimate = {name: measure[name] for name in ("value", "low", "high")}
        rows.append(
            [
                f"{label} (n={measure['n_generated']:,} ↔ {measure['n_real']:,})",
                format_estimate(estimate),
                format_estimate({**measure["at_floor_n"], "n": None}),
                format_estimate({**measure["floor"], "n": None}),
                "yes" if measure["is_beyond_floor"] else "no",
            ]
        )
    first = distances["to_test"]["kernel_distance"]
    head = [
        *("measure", "synthetic ↔ test", f"the same, {first['floor']['n']} a side"),
        *("real ↔ real, as many", "beyond the floor"),
    ]
    words = "The first interval is one of 95 %, the others hold 95 % of random subsets."
    return f"{markdown_table(head, rows)}\n\n{words}"


def _copies(found: Mapping[str, Any]) -> str:
    measures = [
        ("ratio of distances below the threshold", found, "flagged"),
        ("the same of thumbnails", found["thumbnails"], "flagged"),
        ("perceptual hash within the radius", found, "phash_hits"),
        ("any of these", found, "found"),
    ]
    rows = [
        [words, *(format_estimate(shares[name]) for name in (key, f"{key}_held_out"))]
        for words, shares, key in measures
    ]
    table = markdown_table(["share", "synthetic", "test horses"], rows)
    words = (
        f"{found['held_out_left_out']} test horses within the hash radius of a training horse set "
        "no threshold; they count in the last column. There the test horses are judged as the "
        f"synthetic ones are: in {found['held_out_parts']} random parts, each by thresholds that "
        "the other parts set, with Clopper-Pearson intervals (hits by hash need no threshold). By "
        f"one ratio alone about {found['null_share']:.4f} is expected of images that copy nothing, "
        "whatever they are; by any of these together only the last column says."
    )
    return f"Verdict: **{found['verdict']}**. {found['reason']}\n\n{table}\n\n{words}"


def _judges(document: Mapping[str, Any]) -> str:
    baselines = document["baselines"]
    rows: list[Sequence[str]] = [
        [name.replace("_", " "), *(format_estimate(baselines[name].get(key)) for key in _SHOWN)]
        for name in ("always_negative", "always_positive")
    ]
    rows += [
        [judge.replace("_", " "), *(_short(figures[key]) for key in _SHOWN)]
        for judge, figures in document["judges"].items()
    ]
    return markdown_table(["judge", *(key.replace("_", " ") for key in _SHOWN)], rows)


def _short(estimate: Mapping[str, Any]) -> str:
    return format_estimate({**estimate, "n": None})


def _one_class(report: Mapping[str, Any]) -> str:
    shares = [report[f"variance_share_{name}"] for name in ("training", "held_out")]
    warning = report["warning"] or "No warning."
    return (
        f"The study's one-class SVM, here on the flattened 8 × 8 × 64 map: {report['components']} "
        f"components keep {shares[0]:.1%} of the variance of {report['n_training']:,} training "
        f"horses and {shares[1]:.1%} of that of {report['n_held_out']} held-out ones. {warning}"
    )


def _acceptance(acceptance: Mapping[str, Any]) -> str:
    rows = []
    for judge, shares in acceptance.items():
        corrected = shares["corrected"]
        shown = corrected["reason"] if "reason" in corrected else _short(corrected)
        sets = ("synthetic", "real_positives", "real_negatives")
        rows.append(
            [judge.replace("_", " "), *(_short(shares[name]) for name in sets), shown],
        )
    head = ["judge", "synthetic", "real horses", "real others", "synthetic, corrected"]
    words = (
        "The correction (Rogan & Gladen) takes it that a judge accepts a synthetic horse as "
        "readily as a real one. The judges disagree by more than their intervals, so that does "
        "not hold for all of them: read the corrected shares as a range over judges."
    )
    return f"{markdown_table(head, rows)}\n\n{words}"


def _study(study: Mapping[str, Any]) -> str:
    gains = {
        (row["arm"], row["fraction"]): row
        for row in study["comparisons"]
        if row["against"] == "real"
    }
    rows = []
    for arm in study["arms"]:
        row = gains.get((arm["name"], arm["fraction"]))
        rows.append(
            [
                f"{arm['fraction']:.0%}",
                arm["label"],
                f"{arm['n_real']:,} + {arm['n_synthetic']:,}",
                _short(arm["accuracy"]),
                _short(arm["auroc"]),
                _short(row["gain"]) if row else "",
                f"{row['p_adjusted']:.3g}" if row else "",
                ("yes" if row["is_significant"] else "no") if row else "",
            ]
        )
    smallest = study["smallest_detectable_gain"]
    head = [
        *("of the real data", "arm", "real + synthetic", "accuracy", "AUROC"),
        *("gain over real alone", "adjusted p", "shown"),
    ]
    words = (
        f"{len(study['seeds'])} paired seeds, {study['steps']} optimiser steps each, "
        f"{study['n_test']:,} test images, `{study['classifier']['backbone']}` from random "
        "weights.\n\n"
        f"**{study['conclusion']}**\n\nSmallest gain that the McNemar test would have shown on "
        f"this test set with 80 % power: {smallest['value']:.3f}. *Shown*: the exact McNemar test "
        "over images and Student's over seeds, corrected over the arms of a fraction, and an "
        "interval without 0. The synthetic images come from one generator, trained on all training "
        "horses, whatever the fraction."
    )
    return words + "\n\n" + markdown_table(head, rows)


def _photographs(document: Mapping[str, Any]) -> str:
    counts = document["judges"]["knn"]["prevalence"]
    words = (
        f"{counts['n']} photographs, {counts['value']:.1%} with people, 5-fold cross-validated, "
        "shrunk to 32 × 32 pixels for the same ResNet-56; no synthetic images. The features know "
        "ten classes, none of them people: a lower bound, and what the table is for is to see "
        "which judges do worse than saying no. Scores of five fits are pooled, which costs AUROC "
        "and average precision something."
    )
    return words + "\n\n" + _judges(document)
