"""Cards: valid for the Hub, honest about licences, and silent about nothing that was measured."""

import dataclasses
import re

import huggingface_hub
import pandas as pd
import pytest
import yaml

from cosmop.errors import InputError
from cosmop.reports.cards import licence_front, licence_id, plain, size_category
from cosmop.reports.data_card_options import DataCardOptions
from cosmop.reports.dataset_cards import labelled_card, synthetic_card
from cosmop.reports.facts import StudyFacts
from cosmop.reports.model_cards import model_card
from cosmop.reports.model_kinds import KINDS

_LICENCE_NAME = re.compile(r"^[a-z0-9\-.]+$")


def front_of(card: str) -> dict:
    assert card.startswith("---\n")
    return yaml.safe_load(card.split("---\n")[1])


def manifests(*licences: str | None) -> dict[str, pd.DataFrame]:
    table = pd.DataFrame(
        {
            "image_id": [f"{n:064x}" for n in range(len(licences))],
            "licence": licences,
            "source": "gallery",
            "is_positive": True,
            "carrying_bags": False,
        }
    )
    return {"train": table.iloc[:-1], "test": table.iloc[-1:]}


def labelled(*licences: str | None, **options: str) -> str:
    said = DataCardOptions.model_validate(options)
    return labelled_card(manifests(*licences), ["carrying_bags"], said)


def test_the_hub_accepts_the_front_matter_of_a_data_set() -> None:
    card = huggingface_hub.DatasetCard(
        labelled("CC BY 4.0", "CC0 1.0"), ignore_metadata_errors=False
    )

    assert card.data.task_categories == ["image-classification"]
    assert card.data.size_categories == ["n<1K"]
    assert card.data.pretty_name == "A scarce subject: labelled images"
    assert card.data.license == ["cc-by-4.0", "cc0-1.0"]
    assert card.data.to_dict()["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "train/**"},
                {"split": "test", "path": "test/**"},
            ],
        }
    ]


@pytest.mark.parametrize("unfree", ["all rights reserved", "", None, "free for editorial use"])
def test_one_image_without_a_free_licence_makes_the_whole_other(unfree: str | None) -> None:
    front = front_of(labelled("CC0 1.0", "CC BY 4.0", unfree))

    assert front["license"] == "other"
    assert _LICENCE_NAME.fullmatch(front["license_name"])


def test_licences_are_counted_and_a_page_that_says_nothing_is_told() -> None:
    card = labelled("CC BY 4.0", "CC BY 4.0", "", None, "all rights reserved")

    assert "| CC BY 4.0 | 2 |" in card
    assert "| the page says nothing | 2 |" in card
    assert "no right to use the image follows" in card
    assert "Nobody is named yet" in card
    assert "Nobody is named yet" not in labelled("CC0", contact="someone@example.org")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("CC BY 4.0", "cc-by-4.0"),
        ("cc-by-sa-4.0", "cc-by-sa-4.0"),
        ("CC0.", "cc0-1.0"),
        ("Public Domain", "cc0-1.0"),
        ("CC BY", None),  # which version is not said
        ("all rights reserved", None),
        ("", None),
    ],
)
def test_only_licences_that_are_certain_get_an_identifier(words: str, expected: str | None) -> None:
    assert licence_id(words) == expected


def test_no_licence_at_all_is_not_a_free_one() -> None:
    assert licence_front([]) == {"license": "other", "license_name": "not-settled"}


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (22_000, "10K<n<100K"),
        (10**5, "100K<n<1M"), (10**6, "1M<n<10M"), (10**8, "n>10M"),
    ],
)  # fmt: skip
def test_sizes_fall_into_the_hubs_categories(count: int, expected: str) -> None:
    assert size_category(count) == expected


def test_words_from_the_web_stay_words() -> None:
    hostile = "<script>alert(1)</script> | [x](javascript:1)\n---\nlicense: mit"

    card = labelled("CC0 1.0", hostile)

    assert "<script>" not in card.replace("\\<", "")
    assert "\nlicense: mit" not in card
    assert front_of(card)["license"] == "other"
    assert plain("a\n\n# b") == "a \\# b"


def test_the_synthetic_card_says_what_was_found_and_what_was_not_looked_for(
    study_facts: StudyFacts,
) -> None:
    card = synthetic_card(study_facts, DataCardOptions(subject="People"))
    huggingface_hub.DatasetCard(card, ignore_metadata_errors=False)

    assert front_of(card)["license_name"] == "not-settled"
    assert "no evidence of an event" in card
    assert "too many fingers" in card
    assert "2.2%" in card
    unexamined = dataclasses.replace(study_facts, memorisation={}, leaks={})
    told = synthetic_card(unexamined, DataCardOptions(licence="CC0 1.0"))
    assert "Not examined: treat the images as possible copies" in told
    assert front_of(told)["license"] == "cc0-1.0"


METRICS = {
    "accuracy": {"value": 0.836, "low": 0.788, "high": 0.875, "n": 280},
    "confusion": {"tp": 115, "fp": 21},
    "bins": [1, 2, 3],
    "nothing": None,
}


@pytest.mark.parametrize("name", KINDS)
def test_every_model_has_a_card_that_the_hub_accepts(name: str) -> None:
    text = model_card(
        name,
        metrics=METRICS,
        data={"training_images": "2026-11-21T08.53.22.221Z"},
        parameters={"training": {"epochs": 8, "learning_rate": 0.0003}, "wide": None},
        limits=["It fails at night."],
        version="2026-11-21T08.55.00.000Z",
        code_version="cosmop 0.1.0",
    )

    card = huggingface_hub.ModelCard(text, ignore_metadata_errors=False)
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.836)
    assert card.data.license == "other"
    assert "| accuracy | 0.836 | \\[0.788, 0.875\\] | 280 |" in text
    assert "| training\\_images | 2026-11-21T08.53.22.221Z |" in text
    assert "| training.learning\\_rate | 0.0003 |" in text
    assert "It fails at night." in text
    assert f"--load-versions={name}:2026-11-21T08.55.00.000Z" in text
    assert "bins" not in text


def test_a_model_without_figures_says_so() -> None:
    card = model_card("generator", metrics={}, data={}, parameters={})

    huggingface_hub.ModelCard(card, ignore_metadata_errors=False)
    assert "Not evaluated yet." in card


def test_an_unknown_model_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"wants one of person_filter, .*, got 'forest'"):
        model_card("forest", metrics={}, data={}, parameters={})
