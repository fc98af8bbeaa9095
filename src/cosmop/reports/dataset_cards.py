"""Dataset cards of what a study hands on: its labelled photographs, its synthetic images."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cosmop.reports.cards import (
    Card,
    bullets,
    licence_front,
    licence_id,
    plain,
    plain_table,
    size_category,
)
from cosmop.reports.data_card import data_card
from cosmop.reports.data_card_options import DataCardOptions
from cosmop.reports.facts import StudyFacts

_PATHS = {"webdataset": "{split}-*.tar"}
_FOLDERS = "{split}/**"
_NOT_SAID = "the page says nothing"
_COLUMNS = {
    "image_id": "SHA-256 of the file as it was found or made",
    "sha256": "SHA-256 of the file here",
    "split, label": "train, validation or test; positive or negative",
    "width, height": "pixels, upright",
    "is_encoded_again": "whether the file was decoded and encoded anew, to turn it or from WebP",
}
_FOUND = {
    "source, page, image_url": "where it was found",
    "licence, author, title": "as its page gives them; empty where it says nothing",
    "found_at": "when it was fetched, UTC",
}
_MADE = {"seed, truncation, generator": "what makes the image again; the generator's SHA-256"}


def configs(splits: Sequence[str], layout: str) -> list[dict[str, Any]]:
    """Return the front matter's ``configs``: where a layout keeps each split."""
    path = _PATHS.get(layout, _FOLDERS)
    files = [{"split": split, "path": path.format(split=split)} for split in splits]
    return [{"config_name": "default", "data_files": files}]


def labelled_card(
    splits: Mapping[str, pd.DataFrame],
    criteria: Sequence[str],
    options: DataCardOptions,
    *,
    layout: str = "imagefolder",
    split_note: str = "",
) -> str:
    """Write the card of labelled photographs.

    Args:
        splits: Manifests by split: ``is_positive``, ``licence``, ``source`` and the criteria.
        criteria: What was asked of each image.
        options: What a person says.
        layout: How the files are laid out; see `cosmop.exporting.options.ExportOptions`.
        split_note: How the splits were made.
    """
    everything = pd.concat(list(splits.values()), ignore_index=True)
    licences = _words(everything, "licence")
    title = f"{options.subject}: labelled images"
    return Card(
        _front(title, everything, layout, list(splits))
        | licence_front(licences.replace(_NOT_SAID, "")),
        title,
        f"{len(everything):,} images from web pages and posts, each with a label given by people "
        "and with the page it is from.",
        [
            ("## Uses", _LABELLED_USES),
            ("## Dataset Structure", _structure(splits, criteria)),
            ("### Data Fields", _fields(_FOUND, criteria)),
            ("### Splits", plain(split_note or _SPLITS)),
            ("## Dataset Creation", _CREATION),
            ("### Source Data", _counts(_words(everything, "source"), "source")),
            ("### Licences", f"{_LICENCES}\n\n{_counts(licences, 'licence')}"),
            ("### Personal and Sensitive Information", _PEOPLE),
            ("## Bias, Risks, and Limitations", bullets(_LABELLED_LIMITS)),
            ("## Dataset Card Contact", plain(options.contact) if options.contact else _NO_CONTACT),
        ],
    ).markdown()


def synthetic_card(
    facts: StudyFacts,
    options: DataCardOptions,
    *,
    layout: str = "imagefolder",
    criteria: Sequence[str] = (),
) -> str:
    """Write the card of the synthetic images from what the study knows of them.

    Args:
        facts: Of the study, with the stage ``synthetic``; what is missing is said to be unknown.
        options: What a person says.
        layout: How the files are laid out.
        criteria: What the generator was asked for.
    """
    manifest = facts.stages["synthetic"].manifest
    title = f"{options.subject}: synthetic images"
    entries = {one.term: bullets(one.sentences) for one in data_card(facts)}
    told = licence_id(options.licence) if options.licence else None
    return Card(
        _front(title, manifest, layout, ["train"])
        | licence_front([told] if told else [])
        | {"tags": ["synthetic", "stylegan2"]},
        title,
        f"{len(manifest):,} images that a generator drew: no photographs, no evidence of an event.",
        [
            ("## Uses", entries["What the images are"]),
            ("### Out-of-Scope Use", _SYNTHETIC_NOT_FOR),
            ("## Dataset Structure", _SYNTHETIC_STRUCTURE),
            ("### Data Fields", _fields(_MADE, criteria)),
            ("## Dataset Creation", entries["How they were made"]),
            ("### Source Data", entries["Splits"]),
            ("### Licence", entries["Licence"]),
            ("### Personal and Sensitive Information", entries["Copies of training images"]),
            ("### Leaks", entries["Leaks"]),
            ("## Bias, Risks, and Limitations", entries["Known failures"]),
            ("## Dataset Card Contact", plain(options.contact) if options.contact else _NO_CONTACT),
        ],
    ).markdown()


def _front(
    title: str, manifest: pd.DataFrame, layout: str, splits: Sequence[str]
) -> dict[str, Any]:
    return {
        "pretty_name": title,
        "task_categories": ["image-classification"],
        "size_categories": [size_category(len(manifest))],
        "configs": configs(splits, layout),
    }


def _words(manifest: pd.DataFrame, column: str) -> "pd.Series[str]":
    empty = pd.Series("", index=manifest.index)
    return manifest.get(column, empty).fillna("").astype(str).replace("", _NOT_SAID)


def _counts(words: "pd.Series[str]", name: str) -> str:
    counts = (
        words.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable")
    )
    return plain_table([name, "images"], [(word, f"{n:,}") for word, n in counts.items()])


def _structure(splits: Mapping[str, pd.DataFrame], criteria: Sequence[str]) -> str:
    columns = ["split", "images", "positive", *(plain(name) for name in criteria)]
    rows = [
        [
            split,
            *(
                f"{n:,}"
                for n in (len(one), *(int(one[c].sum()) for c in ("is_positive", *criteria)))
            ),
        ]
        for split, one in splits.items()
    ]
    return plain_table(columns, rows)


def _fields(more: Mapping[str, str], criteria: Sequence[str]) -> str:
    asked = {", ".join(criteria): "whether it holds"} if criteria else {}
    return plain_table(["column", "meaning"], (_COLUMNS | dict(more) | asked).items())


_LABELLED_USES = (
    "To train and to test classifiers of the subject, within the terms of each image's page. Not "
    "to identify anyone, not as evidence of an event, and not to be passed on where a page forbids "
    "it."
)
_SPLITS = "Copies and near-copies of an image are always in the same split."
_CREATION = (
    "Found by keywords on search pages and in posts; copies and near-copies removed by perceptual "
    "hash; images without people removed by a classifier; labelled by people. Files are turned "
    "upright, and their EXIF data (place, time, device), comments, thumbnails and texts removed."
)
_LICENCES = (
    "The images belong to those who published them. The column `licence` holds what each page "
    "says, unchecked; where a page says nothing, no right to use the image follows from that. "
    "Nobody has given leave for the collection as a whole."
)
_PEOPLE = (
    "The images may show people who were not asked, some of them children or in distress. Faces "
    "are not blurred. Titles and authors are public text and may name people. Hand the set on only "
    "to those who keep it to themselves, and delete an image when asked."
)
_LABELLED_LIMITS = (
    "Search pages decide what is found: places, years and press photographs are unevenly present.",
    "Negative images are those found by the same keywords; they are not a sample of all images.",
    "A person filter has taken images out before anybody labelled, and it makes mistakes.",
    "Labels are opinions about what is seen, not about who people are or what they intend.",
)
_SYNTHETIC_NOT_FOR = (
    "They are not to be shown as photographs, and not to be used to test a classifier: they are "
    "for training alone, as no one has checked what each shows."
)
_SYNTHETIC_STRUCTURE = (
    "One split, `train`. The label is what the generator was trained on, positive; it was not "
    "given by a person."
)
_NO_CONTACT = "Nobody is named yet: `reporting.data_card.contact` says whom to ask."
