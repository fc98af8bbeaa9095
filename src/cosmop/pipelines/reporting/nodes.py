"""Nodes of the reporting pipeline."""

from typing import Any

import pandas as pd

from cosmop.imaging.image_set import ImageSet
from cosmop.reports.data_card_options import DataCardOptions
from cosmop.reports.thumbnails import ReportOptions


def summarise_funnel(
    image_candidates: pd.DataFrame,
    raw_images: ImageSet,
    unique_images: ImageSet,
    people_images: ImageSet,
    labelled_images: ImageSet,
) -> pd.DataFrame:
    """Count the images that are left after each stage."""
    from cosmop.pipelines.reporting.summary import funnel

    stages = {
        "downloaded": raw_images,
        "unique": unique_images,
        "with_people": people_images,
        "labelled": labelled_images,
    }
    return funnel(len(image_candidates), stages)


def compare_with_truth(
    scene_truth: pd.DataFrame,
    download_log: pd.DataFrame,
    duplicate_groups: pd.DataFrame,
    people_images: ImageSet,
    labelled_images: ImageSet,
) -> dict[str, Any]:
    """Compare what the stages decided with what was drawn; nothing where nobody knows."""
    from cosmop.demo.comparison import compare_decisions

    return compare_decisions(
        scene_truth,
        download_log=download_log,
        duplicate_groups=duplicate_groups,
        kept_ids=people_images.ids,
        labels=labelled_images.manifest,
    )


def summarise_study(
    study_funnel: pd.DataFrame,
    person_filter_metrics: dict[str, Any],
    generator_metrics: dict[str, Any],
    classifier_metrics: dict[str, Any],
    distances: dict[str, Any],
    memorisation: dict[str, Any],
    augmentation_study: dict[str, Any],
    truth_metrics: dict[str, Any],
) -> dict[str, Any]:
    """Choose the figures that end a run."""
    from cosmop.pipelines.reporting.summary import headline_figures

    return headline_figures(
        study_funnel,
        person_filter=person_filter_metrics,
        generator=generator_metrics,
        classifiers=classifier_metrics,
        distances=distances,
        memorisation=memorisation,
        augmentation=augmentation_study,
        truth=truth_metrics,
    )


def write_model_cards(**datasets: Any) -> dict[str, str]:
    """Write a card for each of the four models; names are those of the catalog."""
    from cosmop.pipelines.reporting.cards import model_cards

    return model_cards(datasets)


def write_data_cards(data_card: DataCardOptions, **datasets: Any) -> dict[str, str]:
    """Write the cards of the labelled and of the synthetic images."""
    from cosmop.pipelines.reporting.cards import data_cards
    from cosmop.pipelines.reporting.summary import study_facts

    return data_cards(datasets, study_facts(datasets, data_card), data_card)


def write_report(options: ReportOptions, data_card: DataCardOptions, **datasets: Any) -> str:
    """Write the page from everything the study has made; names are those of the catalog."""
    from cosmop.pipelines.reporting.summary import study_facts
    from cosmop.reports.study import render_report

    return render_report(study_facts(datasets, data_card), options)
