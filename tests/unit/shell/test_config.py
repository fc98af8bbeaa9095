"""Options refuse what they do not understand, in one sentence."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from kedro.io import DatasetError
from kedro.validation.exceptions import ParameterValidationError
from pydantic import Field

from cosmop.config import Integers, Options, Pixels, Strings
from cosmop.errors import InputError
from cosmop.session import explain


class BudgetOptions(Options):
    total_images: int = 0


class ExampleOptions(Options):
    radius_bits: int = Field(default=8, ge=0, le=16)
    names: Strings = ()
    sizes: Integers = ()
    image_size: Pixels = (1, 2)
    share: float = 0.5
    word: str = Field(default="a", pattern="^[a-z]+$")
    budgets: BudgetOptions = BudgetOptions()
    who: Literal["all"] | Strings = "all"
    several: Annotated[tuple[BudgetOptions, ...] | None, Field(strict=False)] = None


def test_lists_of_yaml_become_tuples_and_whole_numbers_count_as_floats() -> None:
    given = {"names": ["a"], "sizes": [1, 2], "image_size": [3, 4], "share": 1}

    options = ExampleOptions.model_validate(given)

    assert (("a",), (1, 2), (3, 4), 1.0) == (
        options.names,
        options.sizes,
        options.image_size,
        options.share,
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"names": "a"}, "'names' must be a list, got 'a'"),
        ({"budgets": 1}, "'budgets' must be a mapping, got 1"),
        ({"who": 5}, "'who' must be 'all', got 5; 'who' must be a list, got 5"),
        ({"radius_bit": 1}, "'radius_bit' is not an option, did you mean 'radius_bits'?"),
        ({"zzz": 1}, "known are ['budgets', 'image_size', 'names', 'radius_bits', 'several', "),
        (
            {"budgets": {"total_image": 1}},
            "'budgets.total_image' is not an option, did you mean 'total_images'?",
        ),
        ({"several": [{"total_image": 1}]}, "did you mean 'total_images'?"),
        ({"word": "A"}, "'word' must match pattern '^[a-z]+$', got 'A'"),
        ({"radius_bits": "6"}, "'radius_bits' must be a valid integer, got '6'"),
        ({"radius_bits": 17}, "must be less than or equal to 16, got 17"),
        ({"radius_bits": True}, "got True"),
        ({"image_size": [1, 2, 3]}, "'image_size'"),
        ([1], "got [1]"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(given: object, told: str) -> None:
    with pytest.raises(InputError) as caught:
        ExampleOptions.model_validate(given)

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_mistakes_are_told_at_once() -> None:
    with pytest.raises(InputError, match=r"'share'.*; 'nam'"):
        ExampleOptions.model_validate({"share": "x", "nam": []})


def test_options_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        ExampleOptions().share = 0.1  # type: ignore[misc]


def test_the_sentence_is_found_behind_what_kedro_wraps_around_it() -> None:
    wrapped = DatasetError("Failed while loading data from dataset …")
    wrapped.__cause__ = InputError("The folder is empty; fill it.")

    assert explain(wrapped) == "The folder is empty; fill it."


def test_a_wrong_parameter_is_told_with_its_name() -> None:
    message = (
        "Parameter validation failed:\n- Parameter 'a.b': Failed to instantiate ExampleOptions for "
        "parameter 'a.b': ExampleOptions cannot use what it got."
    )

    assert (
        explain(ParameterValidationError(message)) == "a.b: ExampleOptions cannot use what it got."
    )


def test_our_own_mistakes_keep_their_traceback(tmp_path: Path) -> None:
    assert explain(ZeroDivisionError(tmp_path)) is None
