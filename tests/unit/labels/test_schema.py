from xml.etree import ElementTree

import pytest
import yaml
from pydantic import ValidationError

from cosmop.labels.schema import LabelSchema, label_config_xml


def test_a_schema_reads_from_yaml():
    text = """
    criteria: [people]
    table:
      label_column: people
      values: {people: [people], none: [], unsure: null}
    """

    schema = LabelSchema.model_validate(yaml.safe_load(text))

    assert schema.choices == ("people", "none")
    assert schema.table.values == {"people": ("people",), "none": (), "unsure": None}


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (("a",), ""),
        (("a", "b"), ""),
        (("none",), ""),
        ((), "the answer holds no choice"),
        (("a", "c"), "the label 'c' is unknown; wanted one of ['a', 'b', 'none']"),
        (("none", "a"), "'none' contradicts ['none', 'a']"),
    ],
)
def test_an_answer_is_criteria_or_none_of_them(choices, words):
    assert LabelSchema(criteria=("a", "b")).why_no_answer(choices) == words


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"criteria": ()}, "at least 1"),
        ({"criteria": ("a", "a")}, "got .'a'. more than once"),
        ({"criteria": ("With Space",)}, "pattern"),
        ({"criteria": ("image_id",)}, "must not be named"),
        ({"criteria": ("none",)}, "none_choice"),
        ({"criteria": ("a",), "positive_when": "most"}, "any"),
        ({"criteria": ("a",), "extra": 1}, "Extra"),
        ({"criteria": ("a",), "table": {"label_column": "x", "values": {"v": ["b"]}}}, "got .'b'."),
    ],
)
def test_a_wrong_schema_is_refused_by_name(wrong, words):
    with pytest.raises(ValidationError, match=words):
        LabelSchema(**wrong)


def test_the_label_studio_interface_offers_every_choice_with_a_key():
    schema = LabelSchema(criteria=tuple("abcdefghijk"), question='Bags & "people" <here>?')

    view = ElementTree.fromstring(label_config_xml(schema))

    choices = view.find("Choices")
    assert view.find("Header").get("value") == 'Bags & "people" <here>?'
    assert view.find("Image").get("value") == "$image"
    assert choices.get("name") == "criteria"
    assert choices.get("toName") == view.find("Image").get("name")
    assert choices.get("choice") == "multiple"
    assert tuple(choice.get("value") for choice in choices) == schema.choices
    assert [choice.get("hotkey") for choice in choices] == [*"123456789", None, None, "0"]
