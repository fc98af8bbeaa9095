"""What the card of the synthetic images tells, from the data sets of a study."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cosmop.imaging.image_set import ImageSet
from cosmop.reports.data_card_options import DataCardOptions
from cosmop.reports.facts import StudyFacts


def synthetic_facts(
    images: ImageSet, documents: Mapping[str, Any], data_card: DataCardOptions
) -> StudyFacts:
    """Return what is known of synthetic images.

    Args:
        images: The synthetic images.
        documents: ``memorisation``, ``leak_checks``, ``distances``, ``distance_curve`` and
            ``split_manifest`` of the study.
        data_card: What a person says.
    """
    split_manifest = documents["split_manifest"]
    return StudyFacts(
        title=data_card.subject,
        stages={"synthetic": images},
        splits=_splits(split_manifest["images"]),
        split_hash=split_manifest["checksum"],
        curve=documents["distance_curve"],
        distances=documents["distances"],
        memorisation=documents["memorisation"],
        leaks=documents["leak_checks"],
        data_card=data_card.model_dump(),
    )


def _splits(images: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(images)
    label = table["is_positive"].map({True: "positive", False: "negative"})
    counts = table.assign(label=label).groupby(["split", "label"]).size()
    return counts.rename("images").reset_index()
