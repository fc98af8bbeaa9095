"""What the stages decided, compared with what was drawn."""

from collections.abc import Collection
from typing import Any

import pandas as pd

from cosmop.demo.truth import CRITERIA
from cosmop.metrics.classification import classification_metrics
from cosmop.metrics.intervals import wilson

_BROKEN = ("truncated", "html", "absurd")


def compare_decisions(
    truth: pd.DataFrame,
    *,
    download_log: pd.DataFrame,
    duplicate_groups: pd.DataFrame,
    kept_ids: Collection[str],
    labels: pd.DataFrame,
) -> dict[str, Any]:
    """Return the figures of each stage against the truth; empty when there is no truth.

    Args:
        truth: One row per published file, see `cosmop.demo.gallery.draw_gallery`.
        download_log: ``location`` and ``status`` of every candidate.
        duplicate_groups: ``image_id``, ``group_id``, ``is_kept``.
        kept_ids: Images that were said to show people.
        labels: ``image_id`` and ``is_positive`` of the labelled images.

    Returns:
        ``downloads``, ``duplicates``, ``people`` and ``labels``, each share with interval and n.
    """
    if truth.empty:
        return {}
    by_image = truth.drop_duplicates("image_sha256").set_index("image_sha256")
    return {
        "downloads": _downloads(truth, download_log),
        "duplicates": _duplicates(by_image, duplicate_groups),
        "people": _people(by_image, duplicate_groups, kept_ids),
        "labels": _labels(by_image, labels),
    }


def _downloads(truth: pd.DataFrame, log: pd.DataFrame) -> dict[str, Any]:
    """Share of broken files that were refused, and of sound files that were taken."""
    files = log["location"].str.rpartition("/")[2].str.partition("?")[0]
    status = log.assign(file=files).drop_duplicates("file").set_index("file")["status"]
    met = truth[truth["file"].isin(status.index)]
    is_broken = met["fault"].str.startswith(_BROKEN).to_numpy(dtype=bool)
    is_refused = (met["file"].map(status) == "failed").to_numpy(dtype=bool)
    return {
        "broken files refused": wilson(int((is_broken & is_refused).sum()), int(is_broken.sum())),
        "sound files taken": wilson(int((~is_broken & ~is_refused).sum()), int((~is_broken).sum())),
    }


def _duplicates(by_image: pd.DataFrame, groups: pd.DataFrame) -> dict[str, Any]:
    """Precision and recall over pairs of images that show the same scene.

    Pairs of one group hang together, so these intervals are somewhat too narrow.
    """
    scenes = groups["image_id"].map(by_image["scene_id"])
    known = groups.assign(scene=scenes).dropna(subset="scene")
    found = _pairs(known.groupby("group_id").size())
    true = _pairs(known.groupby("scene").size())
    both = _pairs(known.groupby(["group_id", "scene"]).size())
    return {"precision": wilson(both, found), "recall": wilson(both, true)}


def _pairs(sizes: "pd.Series[int]") -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _people(
    by_image: pd.DataFrame, groups: pd.DataFrame, kept_ids: Collection[str]
) -> dict[str, Any]:
    unique = groups.loc[groups["is_kept"], "image_id"]
    unique = unique[unique.isin(by_image.index)]
    truth = unique.map(by_image["has_people"]).to_numpy(dtype=bool)
    said = unique.isin(set(kept_ids)).to_numpy(dtype=bool)
    figures = classification_metrics(truth, said)
    return {key: figures[key] for key in ("accuracy", "precision", "recall") if key in figures}


def _labels(by_image: pd.DataFrame, labels: pd.DataFrame) -> dict[str, Any]:
    criteria = [name for name in CRITERIA if name in labels.columns and name in by_image.columns]
    known = labels[labels["image_id"].isin(by_image.index)]
    wanted = by_image.loc[known["image_id"], criteria].to_numpy(dtype=bool)
    given = known[criteria].to_numpy(dtype=bool)
    return {
        "images labelled as drawn": wilson(int((wanted == given).all(axis=1).sum()), len(known))
    }
