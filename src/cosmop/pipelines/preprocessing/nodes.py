"""Nodes of the preprocessing pipeline."""

from typing import Any

import pandas as pd

from cosmop.imaging.duplicates import DuplicateOptions
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.phash import HashingOptions
from cosmop.people.options import KeepOptions, ScoringOptions


def hash_images(raw_images: ImageSet, options: HashingOptions) -> pd.DataFrame:
    """Compute the perceptual hash of every image."""
    from cosmop.imaging import phash

    return phash.hash_image_set(raw_images, options)


def group_duplicates(
    image_hashes: pd.DataFrame, raw_images: ImageSet, options: DuplicateOptions
) -> pd.DataFrame:
    """Group copies of the same picture and choose the one to keep."""
    from cosmop.imaging import duplicates

    return duplicates.group_duplicates(image_hashes, raw_images.manifest, options)


def keep_best_copies(raw_images: ImageSet, duplicate_groups: pd.DataFrame) -> ImageSet:
    """Keep the chosen copy of every group; the others stay in the store."""
    return raw_images.select(duplicate_groups.loc[duplicate_groups["is_kept"], "image_id"])


def score_people(
    unique_images: ImageSet, person_filter: Any, options: ScoringOptions
) -> pd.DataFrame:
    """Score every image: how sure the filter is that it shows a person."""
    from cosmop.people import scoring

    return scoring.score_people(unique_images, person_filter, options.batch_size, options.device)


def keep_people(
    unique_images: ImageSet, person_scores: pd.DataFrame, options: KeepOptions
) -> ImageSet:
    """Keep the images whose score passes, or all of them when the filter only scores."""
    from cosmop.people import scoring

    return scoring.keep_people(unique_images, person_scores, options)
