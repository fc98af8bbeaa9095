import pandas as pd
import pytest

from cosmop.errors import InputError
from cosmop.imaging.curation import CurationOptions, choose_images

GROUPS = pd.DataFrame(
    {
        "image_id": ["a", "b", "c", "d"],
        "group_id": [0, 0, 1, 2],
        "kept_image_id": ["a", "a", "c", "d"],
        "is_kept": [True, False, True, True],
        "reason": ["the best of 2 copies", "3 bits from the kept image", "only one", "only one"],
    }
)
FLAGS = pd.DataFrame(
    {
        "image_id": ["a", "b", "c", "d"],
        **{
            f"is_{name}": [False] * 4
            for name in ("unreadable", "too_small", "too_long", "blurred", "light", "uniform")
        },
        "is_dark": [False, False, True, False],
        "reasons": ["", "", "The image is dark (mean grey level 3).", ""],
    }
)
NONE = pd.DataFrame()


def decide(*rows):
    return pd.DataFrame(
        rows,
        columns=["image_id", "decision", "note"],
        index=range(2, len(rows) + 2),
        dtype="str",
    )


def choose(decisions=NONE, remove=()):
    table = choose_images(GROUPS, FLAGS, decisions, CurationOptions(remove=remove))
    assert table["image_id"].tolist() == GROUPS["image_id"].tolist()
    return table.set_index("image_id")


def test_without_decisions_the_best_copies_go_on_and_flags_only_inform():
    choices = choose()

    assert choices["is_kept"].tolist() == GROUPS["is_kept"].tolist()
    assert set(choices["decided_by"]) == {"duplicates"}
    assert choices["reason"].tolist() == GROUPS["reason"].tolist()
    assert choices["is_kept"].dtype == bool


def test_a_flag_removes_when_it_is_asked_to():
    choices = choose(remove=("dark", "blurred"))

    assert choices.index[choices["is_kept"]].tolist() == ["a", "d"]
    assert choices.loc["c", ["decided_by", "reason"]].tolist() == [
        "flags",
        "The image is dark (mean grey level 3).",
    ]


def test_a_person_is_above_flags_and_duplicates():
    choices = choose(
        decide(("b", "keep", "it is sharper"), ("c", "keep", ""), ("d", "drop", "a painting")),
        ("dark",),
    )

    assert choices["is_kept"].tolist() == [True, True, True, False]
    assert choices["decided_by"].tolist() == ["duplicates", "person", "person", "person"]
    assert choices.loc["b", "reason"] == "a person says keep: it is sharper"


def test_every_decision_can_be_undone_by_deleting_its_line():
    rows = [("a", "drop", ""), ("b", "keep", "")]

    assert choose(decide(*rows))["is_kept"].tolist() == [False, True, True, True]
    assert choose(decide(*rows[:1]))["is_kept"].tolist() == [False, False, True, True]
    pd.testing.assert_frame_equal(choose(decide()), choose(NONE))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "keep", ""), ("x", "drop", "")], "'image_id' the id .* got 'x' in line 3"),
        ([("a", "Keep", "")], "'decision' keep or drop, got 'Keep' in line 2"),
        ([("a", "", "")], "got '' in line 2"),
        ([("a", "keep", ""), ("a", "drop", "")], "each image once, got 'a' in line 3"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_line_and_value(rows, message):
    with pytest.raises(InputError, match=message):
        choose(decide(*rows))


def test_another_table_is_refused():
    with pytest.raises(
        InputError, match=r"columns \['image_id', 'decision', 'note'\], got \['file'"
    ):
        choose(pd.DataFrame({"file": ["a"], "people": ["1"]}))


def test_an_empty_study_has_no_choices():
    choices = choose_images(GROUPS[:0], FLAGS[:0], NONE, CurationOptions(remove=("dark",)))

    assert len(choices) == 0
    assert list(choices) == ["image_id", "is_kept", "decided_by", "reason"]


def test_an_unreadable_image_stops_nothing_and_goes_no_further():
    flags = FLAGS.assign(is_unreadable=FLAGS["image_id"] == "d")

    choices = choose_images(GROUPS, flags, NONE, CurationOptions()).set_index("image_id")

    assert choices.index[choices["is_kept"]].tolist() == ["a", "c"]
    assert choices["decided_by"]["d"] == "flags"


def test_only_flags_of_the_image_itself_can_remove():
    with pytest.raises(InputError, match="remove"):
        CurationOptions.model_validate({"remove": ["pixel_copy"]})
    assert CurationOptions.model_validate({"remove": ["dark"]}).remove == ("dark",)
