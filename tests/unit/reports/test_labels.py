from cosmop.reports.labels import labelling


def _share(value, n=100):
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "n": n}


METRICS = {
    "answers": 1250,
    "images": 1200,
    "annotators": 2,
    "seconds_per_answer": 2.4,
    "positive": _share(0.4),
    "criteria": {
        "crowded": {"holds": _share(0.25), "equal_to_suggestion": _share(0.8)},
        "with_flags": {"holds": _share(0.1)},
    },
    "equal_to_suggestion": None,
    "agreement": {
        "crowded": {
            "images": 50,
            "agreeing_share": 0.9,
            "cohen_kappa": 0.75,
            "fleiss_kappa": None,
        },
        "with_flags": {"images": 0, "agreeing_share": None},
    },
    "disagreements": 5,
    "suspected_labels": 17,
    "suspected_images": 16,
}


def test_counts_and_kappas_are_told_and_what_is_not_known_is_a_dash():
    section = labelling(METRICS)

    assert ["images labelled", "1,200"] in section["counts"].rows
    assert ["labels that look wrong", "17"] in section["counts"].rows
    assert section["agreement"].rows == [["Crowded", "50", "0.900", "0.750", "–"]]


def test_shares_are_drawn_for_the_criteria_that_have_them():
    section = labelling(METRICS)

    assert [word in section["shares"] for word in ("crowded", "with flags", "positive")] == [
        True
    ] * 3
    assert "crowded" in section["equal"]
    assert "with flags" not in section["equal"]
    assert "the whole answer" not in section["equal"]


def test_suspected_labels_say_that_none_was_changed_and_where_to_look():
    (remark,) = labelling(METRICS)["remarks"]

    assert "17 labels" in remark.text
    assert "none was changed" in remark.text
    assert "kedro annotate --review issues" in remark.text


def test_one_annotator_is_said_to_be_one():
    texts = [remark.text for remark in labelling(METRICS | {"annotators": 1})["remarks"]]

    assert any("One person labelled" in text for text in texts)


def test_nothing_labelled_is_an_empty_section():
    section = labelling({})

    assert section["counts"] is section["agreement"] is None
    assert not section["shares"]
    assert not section["equal"]
    assert section["remarks"] == []
