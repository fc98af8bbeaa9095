"""The page about people and nobody on real photographs, from its document."""

from typing import Any

from cosmop.reports.tables import markdown_table

_NAMES = {
    "scratch": "ResNeXt (small), from scratch, 96 × 96",
    "resnet56": "CIFAR ResNet-56, frozen, 32 × 32, and a logistic regression",
    "fastestdet": "FastestDet, best box of at least 0.5 % of the image",
}
_INSIDE = (
    *("accuracy", "balanced_accuracy", "recall", "specificity", "precision"),
    *("average_precision", "auroc"),
)
_OUTSIDE = (
    ("crowd38", "recall"),
    ("indoor85", "recall"),
    ("indoor85", "specificity"),
)


def page(document: dict[str, Any]) -> str:
    """Write the page."""
    return "\n\n".join(
        (
            "# People or nobody on real photographs",
            _introduction(document),
            "```bash\npython docs/results/person_filter.py measure --data DIR\n"
            "python docs/results/person_filter.py write\n```",
            "## Cross-validated on objects1000, at a score of 0.5",
            _inside(document),
            f"## The same at the threshold for a recall of {document['recall']:g}",
            _at_threshold(document),
            "## On street and indoor photographs",
            _outside(document),
            "## Which crowds are found, at a score of 0.5",
            _crowds(document),
            "## What was run",
            _facts(document) + "\n",
        )
    )


def _introduction(document: dict[str, Any]) -> str:
    counts = {name: f"{c['people']} + {c['none']}" for name, c in document["images"].items()}
    inside = document["images"]["objects1000"]
    always_no = inside["none"] / (inside["people"] + inside["none"])
    return (
        "Three ways to tell photographs with people from those without. No ImageNet weights are at "
        "hand, so the study's ResNeXt-101 is not among them, and the first two are **modest, as "
        "was to be expected**: a network that has seen nothing but a few hundred photographs, and "
        "one that has learnt ten kinds of things (none of them a person) at 32 × 32 pixels. "
        f"Always saying no is right in {always_no:.3f} of objects1000; a guess has an average "
        f"precision of {1 - always_no:.3f} and an AUROC of 0.5. The detector has learnt "
        "from COCO's photographs of people with boxes and shows what pretraining is worth; some of "
        "ours may be near relatives of COCO's.\n\n"
        f"Photographs (people + none): objects1000 {counts['objects1000']}, labelled by one "
        f"annotator by eye, the unsure ones left out; crowd38 {counts['crowd38']}, streets; "
        f"indoor85 {counts['indoor85']}, frames of few rooms, so correlated that their intervals "
        "are too narrow. Crowd38 holds people only and indoor85 hardly any, so AUROC and average "
        "precision over both also tell streets from rooms.\n\n"
        f"Figures on objects1000 are of {document['folds']}-fold cross-validation (the detector is "
        "not fitted, its photographs are only split). Temperature and threshold of each part were "
        "chosen on the other parts, so that no figure comes from photographs that chose it; those "
        "of the finished filter are chosen on all of objects1000, and the outer sets were looked "
        f"at only by finished filters. Intervals are 95 %, seed {document['seed']}. Settings were "
        "fixed beforehand; each figure comes from one run. No speed is claimed here."
    )


def _inside(document: dict[str, Any]) -> str:
    rows = [
        (name, *(found["inside"][figure] for figure in _INSIDE))
        for name, found in _by_name(document)
    ]
    counts = document["images"]["objects1000"]
    n = sum(counts.values())
    return (
        markdown_table(("filter", *(figure.replace("_", " ") for figure in _INSIDE)), rows)
        + f"\n\nn = {n:,}. With balanced class weights the first two trade accuracy for recall: "
        f"compare with the {counts['none'] / n:.3f} of always saying no."
    )


def _at_threshold(document: dict[str, Any]) -> str:
    rows = []
    for name, found in _by_name(document):
        inside, at = found["inside"], found["inside"]["at_threshold"]
        calibration = inside["calibration"]
        rows.append(
            (
                *(name, at["recall_to_expect"], at["recall"], at["specificity"], at["precision"]),
                f"{calibration['temperature']:.3g}",
                f"{calibration['error_before']:.3f} → {calibration['error_after']:.3f}",
            )
        )
    columns = ("filter", "recall to expect", "recall", "specificity", "precision")
    return (
        markdown_table((*columns, "temperature", "calibration error"), rows)
        + "\n\n“Recall to expect” is what the finished threshold promises on further photographs "
        "of this kind; “recall” is what the thresholds chosen on the other parts kept. The "
        "calibration error is that before and after the temperature, the latter cross-fitted. The "
        "detector's scores were not made to be probabilities, nor the others' with balanced "
        "weights: a temperature changes how sure they are, not the point where yes and no balance."
        + "".join(f"\n\n{words}: {said}" for words, said in _warnings(document))
    )


def _warnings(document: dict[str, Any]) -> list[tuple[str, str]]:
    told = [
        (name, found["inside"]["at_threshold"]["warning"]) for name, found in _by_name(document)
    ]
    return [(name, sentence) for name, sentence in told if sentence]


def _outside(document: dict[str, Any]) -> str:
    rows = []
    for name, found in _by_name(document):
        outside = found["outside"]
        for where, words in (("at_half", "0.5"), ("at_threshold", "its threshold")):
            shares = [outside[where][image_set][share] for image_set, share in _OUTSIDE]
            rows.append((name, words, *shares, outside["average_precision"], outside["auroc"]))
    columns = [f"{image_set}: {share}" for image_set, share in _OUTSIDE]
    table = markdown_table(("filter", "at", *columns, "AP over both", "AUROC over both"), rows)
    both = sum(sum(document["images"][name].values()) for name in ("crowd38", "indoor85"))
    people = document["images"]["crowd38"]["people"] + document["images"]["indoor85"]["people"]
    return table + (
        f"\n\nOver both: n = {both}, of which {people} with people, so a guess has an average "
        f"precision of {people / both:.2f}. A recall of crowds alone says little of a filter that "
        "says yes often; read it beside the specificity. The six indoor frames with a person are "
        "few, and in four of them the largest person has less than 0.5 % of the image, which "
        "FastestDet's score leaves out by its setting (Visual Wake Words calls them empty)."
    )


def _crowds(document: dict[str, Any]) -> str:
    groups: dict[str, Any] = {}
    for _, found in _by_name(document):
        groups |= found["outside"]["at_half"]["crowd38"]["recall_by_people"]
    names = [name for name in ("1", "2 to 5", "6 to 20", "over 20") if name in groups]
    rows = [
        (
            name,
            *(found["outside"]["at_half"]["crowd38"]["recall_by_people"][group] for group in names),
        )
        for name, found in _by_name(document)
    ]
    return markdown_table(
        ("filter", *(f"{name} people (n = {groups[name]['n']})" for name in names)), rows
    )


def _by_name(document: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(words, document["filters"][name]) for name, words in _NAMES.items()]


def _facts(document: dict[str, Any]) -> str:
    filters, training = document["filters"], document["training"]
    state = " with changes" if document["is_changed"] else ""
    lines = [
        f"{words}: weights SHA-256 `{filters[name]['checksum'][:16]}…`."
        for name, words in _NAMES.items()
    ]
    lines += [
        f"From scratch: {training['epochs']} epochs of batches of {training['batch_size']}, "
        f"learning rate {training['learning_rate']:g}, balanced class weights, "
        f"{document['folds']} folds and a last fit on all.",
        "Computed in bfloat16, a score of that network moves by at most "
        f"{filters['scratch']['bfloat16_moved']:.4f} on objects1000.",
        f"Commit {document['commit'][:8]}{state}, torch {document['torch']}.",
    ]
    return "\n".join(f"- {line}" for line in lines)
