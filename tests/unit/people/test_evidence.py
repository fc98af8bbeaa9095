import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score

from cosmop.errors import InputError
from cosmop.people.calibration import calibrate
from cosmop.people.evidence import weigh_evidence
from cosmop.people.recall_threshold import recall_threshold


def drawn(count=300, seed=0, overconfidence=3.0):
    chance = np.random.default_rng(seed)
    honest = chance.normal(0, 2, count)
    return pd.DataFrame(
        {
            "is_person": chance.random(count) < expit(honest),
            "logit": honest * overconfidence,
            "part": np.arange(count) % 3,
        }
    )


def test_scores_and_decisions_of_a_part_are_chosen_on_the_other_parts():
    rows = drawn()
    found = weigh_evidence(rows, recall=0.8).scores

    for part, inside in rows.groupby("part"):
        others = rows[rows["part"] != part]
        people = others.loc[others["is_person"], "logit"].to_numpy()
        temperature = calibrate(others["logit"].to_numpy(), others["is_person"].to_numpy())
        scores = expit(inside["logit"] / temperature.temperature)
        np.testing.assert_allclose(found.loc[inside.index, "person_score"], scores)
        is_kept = inside["logit"] >= recall_threshold(people, 0.8).score
        assert found.loc[inside.index, "is_kept"].tolist() == is_kept.tolist()


def test_what_is_delivered_is_chosen_on_all():
    rows = drawn()
    found = weigh_evidence(rows, recall=0.8)
    logits, labels = rows["logit"].to_numpy(), rows["is_person"].to_numpy()

    assert found.threshold == recall_threshold(logits[labels], 0.8)
    assert found.calibration.temperature == calibrate(logits, labels).temperature
    assert found.calibration.temperature == pytest.approx(3, rel=0.3)
    assert found.calibration.error_after < found.calibration.error_before / 2


def test_the_figures_are_those_of_their_definitions():
    rows = drawn()
    found = weigh_evidence(rows, recall=0.8)
    labels, is_kept = rows["is_person"], found.scores["is_kept"]
    metrics, at_threshold = found.metrics, found.metrics["at_threshold"]

    assert metrics["accuracy"]["value"] == ((rows["logit"] >= 0) == labels).mean()
    assert at_threshold["recall"]["value"] == is_kept[labels].mean()
    assert at_threshold["specificity"]["value"] == (~is_kept)[~labels].mean()
    expected = average_precision_score(labels, rows["logit"])
    assert metrics["average_precision"]["value"] == pytest.approx(expected)
    assert list(found.curve.columns) == ["recall", "precision", "low", "high"]
    assert len(found.curve) == 101


def test_recall_by_people_counts_each_image_once_and_leaves_out_the_unknown():
    people = [1, 2, 5, 6, 20, 21, 400, None, 0, 0]
    rows = pd.DataFrame(
        {
            "is_person": [True] * 8 + [False] * 2,
            "logit": [1.0, -1, 1, 1, 1, -1, 1, 1, -1, 1],
            "part": 0,
            "people": pd.array(people, dtype="Int64"),
            "largest_person_share": [0.001, 0.005, 0.02, 0.1, 0.3, 1.0, None, 0.01, 0.0, 0.0],
        }
    )
    metrics = weigh_evidence(rows, recall=0.5, is_calibrated=False).metrics
    by_people, by_size = (
        {name: (share["value"], share["n"]) for name, share in metrics[f"recall_by_{key}"].items()}
        for key in ("people", "largest_person_share")
    )
    assert by_people == {"1": (1, 1), "2 to 5": (0.5, 2), "6 to 20": (1, 2), "over 20": (0.5, 2)}
    assert by_size == {
        "below 0.005": (1, 1),
        "0.005 to 0.02": (0.5, 2),
        "0.02 to 0.1": (1, 1),
        "0.1 to 0.3": (1, 1),
        "from 0.3": (0.5, 2),
    }


def test_without_counts_there_is_no_recall_by_them_and_a_document_holds_no_nan():
    rows = drawn(12)
    metrics = weigh_evidence(rows.assign(logit=-1.0 - rows.index), recall=0.9).metrics

    assert metrics["precision"]["value"] is None
    assert not [name for name in metrics if name.startswith("recall_by")]
    json.dumps(metrics, allow_nan=False)


def test_folds_whose_scores_are_not_alike_are_warned_of():
    rows = drawn(600)
    apart = rows.assign(logit=rows["logit"] - 16 * (rows["part"] == 0))

    assert weigh_evidence(rows, recall=0.95).metrics["at_threshold"]["warning"] is None
    at_threshold = weigh_evidence(apart, recall=0.95).metrics["at_threshold"]
    assert at_threshold["recall_to_expect"]["value"] >= 0.95 > at_threshold["recall"]["high"]
    assert "networks of different folds score differently" in at_threshold["warning"]


def test_one_class_alone_is_refused():
    with pytest.raises(InputError, match="both classes"):
        weigh_evidence(drawn().assign(is_person=True), recall=0.9)
