"""Nodes of the export pipeline."""

from typing import Any

from cosmop.exporting.export import Export
from cosmop.exporting.options import ExportOptions
from cosmop.imaging.image_set import ImageSet
from cosmop.labels.schema import LabelSchema
from cosmop.reports.data_card_options import DataCardOptions


def export_labelled_set(
    training_images: ImageSet,
    validation_images: ImageSet,
    test_images: ImageSet,
    schema: LabelSchema,
    data_card: DataCardOptions,
    options: ExportOptions,
) -> Export:
    """Lay out the labelled images, split by split."""
    from cosmop.exporting.records import labelled_records
    from cosmop.reports.dataset_cards import labelled_card

    splits = {"train": training_images, "validation": validation_images, "test": test_images}
    records = labelled_records(splits, schema.criteria)
    manifests = {split: images.manifest for split, images in splits.items()}
    card = labelled_card(manifests, schema.criteria, data_card, layout=options.layout)
    return Export(records, training_images.store, card, options)


def export_synthetic_set(
    synthetic_images: ImageSet,
    schema: LabelSchema,
    data_card: DataCardOptions,
    options: ExportOptions,
    **documents: Any,
) -> Export:
    """Lay out the synthetic images, with what the study knows of them."""
    from cosmop.exporting.records import synthetic_records
    from cosmop.pipelines.export.facts import synthetic_facts
    from cosmop.reports.dataset_cards import synthetic_card

    asked = [name for name in schema.criteria if name in synthetic_images.manifest]
    facts = synthetic_facts(synthetic_images, documents, data_card)
    card = synthetic_card(facts, data_card, layout=options.layout, criteria=asked)
    return Export(synthetic_records(synthetic_images, asked), synthetic_images.store, card, options)
