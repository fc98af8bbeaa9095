import dataclasses

from cosmop.reports.data_card import data_card
from cosmop.reports.facts import StudyFacts


def _entries(facts: StudyFacts) -> dict[str, str]:
    return {one.term: " ".join(one.sentences) for one in data_card(facts)}


def test_what_is_not_known_is_never_said_to_be_fine():
    card = _entries(StudyFacts("t"))

    assert card["Copies of training images"].startswith("Not examined: treat the images as")
    assert card["Leaks"] == "Not examined."
    assert card["Licence"].startswith("Not settled.")


def test_the_person_has_the_first_word(study_facts: StudyFacts):
    said = {"images": "Drawn scenes.", "made_by": "By hand.", "licence": "CC0."}

    card = _entries(dataclasses.replace(study_facts, data_card=said))

    assert card["What the images are"] == "Drawn scenes."
    assert card["How they were made"] == "By hand."
    assert card["Licence"] == "CC0."


def test_the_card_gathers_what_the_study_found(study_facts: StudyFacts):
    card = _entries(study_facts)

    assert "trained on the 160 positive images" in card["How they were made"]
    assert "30 kimg" in card["How they were made"]
    assert "train 160 + 190; test 43 + 47" in card["Splits"]
    assert "3f3f3f" in card["Splits"]
    assert "of the synthetic images 2.2% [1.2%, 4.2%] n=400" in card["Copies of training images"]
    assert "of held-out real ones, judged" in card["Copies of training images"]
    assert card["Leaks"].startswith("1 of 2 checks failed: 1 near-copy")
    for failure in ("too many fingers", "By kernel distance", "One-class SVM", "PCA keeps 0.93"):
        assert failure in card["Known failures"]


def test_clean_splits_say_how_many_checks_they_passed(study_facts: StudyFacts):
    passed = {"disjoint": {"ok": True, "n": 0, "sentence": "No image is in two splits."}}

    assert _entries(dataclasses.replace(study_facts, leaks=passed))["Leaks"] == (
        "None found by 1 checks."
    )
