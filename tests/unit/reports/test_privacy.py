import dataclasses
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from cosmop.reports.facts import StudyFacts
from cosmop.reports.galleries import close_pairs
from cosmop.reports.privacy import (
    copy_plot,
    copy_share_sentence,
    copy_share_words,
    copy_table,
    copy_verdict,
    copy_words,
)
from cosmop.reports.thumbnails import ReportOptions


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        ("no sign of copying", "good"),
        ("copies found", "warn"),
        ("cannot tell", "note"),
        ("?", "note"),
    ],
)
def test_only_a_clear_verdict_is_green(verdict, kind):
    remark = copy_verdict({"verdict": verdict, "reason": "Because."})

    assert remark is not None
    assert remark.kind == kind
    assert remark.text.endswith(". Because.")


def test_nothing_examined_is_no_verdict():
    assert copy_verdict({}) is copy_table({}) is None
    assert copy_plot({}) == ""
    assert copy_share_words(StudyFacts("t")) == ("", "")
    assert copy_share_sentence({}) == copy_words({}) == ""


def test_every_share_stands_beside_that_of_held_out_images(study_facts: StudyFacts):
    plot = copy_plot(study_facts.memorisation)

    assert plot.count("held-out real") == 2
    assert plot.count("0.015 [0.007, 0.032] n=400") == 1
    short = copy_plot(study_facts.memorisation, is_short=True)
    assert (short.count("<small>synthetic"), short.count("held-out real")) == (1, 1)


def test_the_headline_takes_the_share_found_in_any_way(study_facts: StudyFacts):
    assert copy_share_words(study_facts) == ("2.2%", "no sign of copying · held-out real 2.3%")
    plain = {**study_facts.memorisation, "found": None}
    assert copy_share_words(dataclasses.replace(study_facts, memorisation=plain))[0] == "1.5%"


def test_the_share_is_said_with_its_control_and_both_intervals(study_facts: StudyFacts):
    said = copy_share_sentence(study_facts.memorisation)

    assert said == (
        "Suspicious are of the synthetic images 2.2% [1.2%, 4.2%] n=400; of held-out real ones, "
        "judged by thresholds that others of them set, 2.3% [0.4%, 12.0%] n=43."
    )
    alone = {**study_facts.memorisation, "found_held_out": None}
    assert copy_share_sentence(alone).endswith("2.2% [1.2%, 4.2%] n=400.")
    assert copy_share_sentence({"flagged": 0.5}) == "Suspicious are of the synthetic images 50.0%."


def test_the_control_is_said_to_be_judged_by_other_held_out_images(study_facts: StudyFacts):
    words = copy_words(study_facts.memorisation)

    assert "each by thresholds that other held-out images set" in words
    assert "about 1.0%" in words


def test_each_close_pair_is_shown_with_both_neighbours(study_facts: StudyFacts):
    pairs, control = close_pairs(study_facts, ReportOptions())

    assert (len(pairs), len(control)) == (20, 5)
    assert [tile.caption for tile in pairs[0].tiles] == [
        "synthetic",
        "nearest training",
        "second nearest",
    ]
    assert pairs[0].title == "ratio 0.410 · 11 bits apart"


def test_a_mirrored_neighbour_is_shown_mirrored(study_facts: StudyFacts):
    (_, pair, *_), _ = close_pairs(study_facts, ReportOptions())

    tile = pair.tiles[1]
    assert tile.caption == "nearest training, mirrored"
    images = study_facts.memorisation_images
    assert images is not None
    original = images.open(images.ids.index(study_facts.memorisation["closest"][1]["nearest_id"]))
    shown = np.asarray(Image.open(BytesIO(b64decode(tile.uri.split(",")[1]))), float)
    wanted = np.asarray(ImageOps.mirror(original).resize((128, 96)), float)
    assert np.abs(shown - wanted).mean() < 6 < np.abs(shown[:, ::-1] - wanted).mean()


def test_an_image_that_is_not_at_hand_leaves_a_hole(study_facts: StudyFacts):
    pair = study_facts.memorisation["closest"][0] | {"second_id": "gone"}
    facts = dataclasses.replace(study_facts, memorisation={"closest": [pair]})

    ((sheet,), _) = close_pairs(facts, ReportOptions())

    assert [bool(tile.uri) for tile in sheet.tiles] == [True, True, False]
    assert "not at hand" in sheet.tiles[2].alt
