"""Nodes of the preprocessing pipeline."""

from typing import Any

import pandas as pd

from cosmop.imaging.curation import CurationOptions
from cosmop.imaging.duplicates import DuplicateOptions
from cosmop.imaging.flags import FlagOptions
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.phash import HashingOptions
from cosmop.people.options import KeepOptions, ScoringOptions
from cosmop.reports.duplicate_page_options import DuplicatePageOptions


def hash_images(
    raw_images: ImageSet, raw_hashes: pd.DataFrame, options: HashingOptions
) -> pd.DataFrame:
    """Compute the perceptual hash of every image that has none by these options yet."""
    from cosmop.imaging import phash

    return phash.hash_image_set(raw_images, options, known=raw_hashes)


def group_duplicates(
    image_hashes: pd.DataFrame, raw_images: ImageSet, options: DuplicateOptions
) -> pd.DataFrame:
    """Group copies of the same picture and choose the one to keep."""
    from cosmop.imaging import duplicates

    return duplicates.group_duplicates(image_hashes, raw_images.manifest, options)


def flag_images(
    raw_images: ImageSet, image_hashes: pd.DataFrame, options: FlagOptions
) -> pd.DataFrame:
    """Flag what is small, long, blurred, dark, light, uniform, or a copy in another guise."""
    from cosmop.imaging import flags

    return flags.flag_images(raw_images, image_hashes, options)


def choose_images(
    duplicate_groups: pd.DataFrame,
    image_flags: pd.DataFrame,
    curation_decisions: pd.DataFrame,
    options: CurationOptions,
) -> pd.DataFrame:
    """Decide which images go on, by duplicates, flags and a person's decisions, and say why."""
    from cosmop.imaging import curation

    return curation.choose_images(duplicate_groups, image_flags, curation_decisions, options)


def keep_best_copies(raw_images: ImageSet, curation_choices: pd.DataFrame) -> ImageSet:
    """Keep the chosen images; the others stay in the store."""
    return raw_images.select(curation_choices.loc[curation_choices["is_kept"], "image_id"])


def score_people(
    unique_images: ImageSet, person_filter: Any, options: ScoringOptions
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every image: how sure the filter or the detector is that it shows a person."""
    from cosmop.people import scoring

    found = scoring.find_people(unique_images, person_filter, options)
    return found.scores, found.boxes


def keep_people(
    unique_images: ImageSet, person_scores: pd.DataFrame, options: KeepOptions
) -> ImageSet:
    """Keep the images whose score passes, or all of them when the filter only scores."""
    from cosmop.people import scoring

    return scoring.keep_people(unique_images, person_scores, options)


def review_duplicates(
    raw_images: ImageSet,
    duplicate_groups: pd.DataFrame,
    image_hashes: pd.DataFrame,
    options: DuplicatePageOptions,
) -> Any:
    """Show every group of duplicates on pages, for a person to check and overrule."""
    from cosmop.reports.duplicate_pages import duplicate_pages

    return duplicate_pages(raw_images, duplicate_groups, image_hashes, options)
