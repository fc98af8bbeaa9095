"""The page of results about labels, from what ``labels.py`` has measured."""

from typing import Any

import numpy as np

from cosmop.metrics.intervals import Interval
from cosmop.reports.tables import markdown_table

_MEASURES = {"auc": "area under the ROC curve", "right": "answers right"}
_SHOWN = (60, 120, 240)


def page(document: dict[str, Any]) -> str:
    """Return the page in Markdown."""
    settings = document["settings"]
    versions = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    most, step = settings["most"], settings["step"]
    parts = [
        "# Labels: what suggestions save, and which errors are found",
        f"Made by code (`python docs/results/labels.py measure --work FOLDER`; {versions}) on "
        f"{document['images']} drawn scenes of the demo's kind, whose truth is known, from seeds "
        "that the demo does not use. The features are those of the demo's person filter "
        f"({document['dimensions']} dimensions), trained on other scenes to tell whether there is "
        f"a person (accuracy there {document['person_filter_accuracy']:.3f}). Intervals are 95 %, "
        f"by bootstrap over {settings['seeds']} seeds (errors: {settings['noise_seeds']}): they "
        "say how far chance in the split and in the order goes, not how other images would do.",
        "## Labels saved by asking about uncertain images first",
        f"A share of {settings['test_share']:.0%} of the scenes is kept for testing. The rest is "
        f"answered from the truth, {step} at a time, in random order and in the order of "
        "`make_label_tasks` (uncertain ones first, one in ten at random), with suggestions learnt "
        f"anew each time. *Saved* is the share of {most} labels that uncertainty order does not "
        f"need to be as good as random order is at {most}; negative: random order is the one that "
        "needs fewer.",
        _saved_table(document["learning"]),
        _curve_table(document["learning"], settings["step"]),
        "*Whole answer* is the share of test images for which every criterion is suggested "
        "rightly, so that a person has only to confirm; in brackets, what always suggesting "
        "*none* would get. A criterion with fewer than five labels of a class counts as *no*.",
        "## Planted label errors",
        "Of each criterion's labels a share is flipped at random; `find_label_issues` (cleanlab) "
        "sees the flipped ones only. *Precision*: how many of the suspected labels were flipped; "
        "chance is the share flipped. *Recall*: how many of the flipped ones are suspected. "
        "*Among the first*: the share of flipped ones when as many labels are looked at, from "
        "rank 1, as were flipped.",
        _error_table(document["errors"]),
        _reading(document),
    ]
    return "\n\n".join(parts) + "\n"


def _saved_table(learning: dict[str, Any]) -> str:
    rows = [
        [words, _MEASURES[name], _interval(found["saved"][name], percent=True)]
        for words, found in learning.items()
        for name in _MEASURES
    ]
    return markdown_table(["question", "as good by", "saved"], rows)


def _curve_table(learning: dict[str, Any], step: int) -> str:
    rows = []
    for words, found in learning.items():
        for order in ("random", "uncertainty"):
            for count in _SHOWN:
                mean = {
                    name: np.mean([run[count // step - 1] for run in curves[order]])
                    for name, curves in found["curves"].items()
                }
                whole = f"{mean['whole']:.3f} ({found['always_none']:.3f})"
                rows.append(
                    [words, order, count, f"{mean['auc']:.3f}", f"{mean['right']:.3f}", whole]
                )
    columns = ["question", "order", "labels", "area under the curve", "answers right"]
    return markdown_table([*columns, "whole answer"], rows)


def _error_table(errors: dict[str, Any]) -> str:
    names = ("suspected", "precision", "recall", "first")
    rows = [
        [words, f"{float(share):.0%}", *(_interval(found[name]) for name in names)]
        for words, shares in errors.items()
        for share, found in shares.items()
    ]
    columns = ["question", "flipped", "suspected", "precision", "recall", "among the first"]
    return markdown_table(columns, rows)


def _interval(raw: Interval, *, percent: bool = False) -> str:
    form = "{:.0%}" if percent else "{:.2f}"
    value, low, high = (form.format(raw[end]) for end in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _reading(document: dict[str, Any]) -> str:
    """Say in words which savings are real: their interval leaves zero out."""
    saved = {
        f"{words} ({_MEASURES[name]})": found["saved"][name]
        for words, found in document["learning"].items()
        for name in _MEASURES
    }
    kinds = {
        "Saves labels": [words for words, raw in saved.items() if raw["low"] > 0],
        "Costs labels": [words for words, raw in saved.items() if raw["high"] < 0],
        "Not to be told from chance": [
            words for words, raw in saved.items() if raw["low"] <= 0 <= raw["high"]
        ],
    }
    lines = [f"- {kind}: {'; '.join(which)}." for kind, which in kinds.items() if which]
    return (
        "## Reading\n\n" + "\n".join(lines) + "\n\nWhere a curve is flat, a small "
        "difference in height is a large one in labels, so those intervals are wide; they are not "
        "corrected for there being several. Suggestions are as good as the features: a "
        "filter that was taught to see people knows little of bags or uniforms. How good they are "
        "in a study of your own, its report says (answers equal to the suggestion)."
    )
