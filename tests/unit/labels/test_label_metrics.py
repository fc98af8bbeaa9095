import json

import numpy as np
import pandas as pd

from cosmop.labels.agreement import agreement_by_criterion, list_disagreements
from cosmop.labels.issues import ISSUE_COLUMNS
from cosmop.labels.label_metrics import summarise_labels
from cosmop.labels.schema import LabelSchema

TWO = LabelSchema(criteria=("crowded", "patrol"))


def _annotations(rows):
    columns = ["image_id", "annotator", "crowded", "patrol"]
    return pd.DataFrame(rows, columns=columns).assign(lead_time_s=2.0, created_at="")


def _summary(annotations, suggestions, issues=()):
    return summarise_labels(
        annotations,
        agreement_by_criterion(annotations, TWO),
        list_disagreements(annotations, TWO),
        pd.DataFrame(list(issues), columns=list(ISSUE_COLUMNS)),
        suggestions,
        TWO,
    )


NO_SUGGESTIONS = pd.DataFrame(columns=["image_id", "is_labelled", "crowded", "patrol"])


def test_counts_shares_and_kappas_of_a_small_labelling():
    annotations = _annotations(
        [
            ("a", "ann", True, False),
            ("a", "bob", True, True),
            ("b", "ann", False, False),
            ("b", "bob", False, False),
            ("c", "ann", False, False),
        ]
    )
    suggestions = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "crowded": [0.9, 0.2, 0.7],
            "patrol": [0.1, np.nan, 0.2],
        }
    )
    issues = [("a", "patrol", True, 0.1, 0.1, True, 1), ("b", "crowded", False, 0.2, 0.8, False, 2)]

    found = _summary(annotations, suggestions, issues)

    assert (found["answers"], found["images"], found["annotators"]) == (5, 3, 2)
    assert found["positive"]["value"] == 1 / 3
    assert found["criteria"]["crowded"]["equal_to_suggestion"]["value"] == 2 / 3
    # of image a the tie on `patrol` goes to the later answer, yes, which was not suggested
    assert found["criteria"]["patrol"]["equal_to_suggestion"]["value"] == 1 / 2
    assert found["criteria"]["patrol"]["equal_to_suggestion"]["n"] == 2
    assert found["equal_to_suggestion"]["n"] == 2
    assert found["equal_to_suggestion"]["value"] == 0
    assert found["agreement"]["crowded"]["cohen_kappa"] == 1
    assert found["disagreements"] == 1
    assert (found["suspected_labels"], found["suspected_images"]) == (1, 1)


def test_without_suggestions_or_a_second_annotator_nothing_is_invented():
    found = _summary(
        _annotations([("a", "ann", True, False)]).assign(lead_time_s=np.nan), NO_SUGGESTIONS
    )

    assert found["equal_to_suggestion"] is None
    assert found["seconds_per_answer"] is None
    assert "equal_to_suggestion" not in found["criteria"]["crowded"]
    assert found["agreement"]["crowded"]["fleiss_kappa"] is None
    json.dumps(found, allow_nan=False)


def test_disagreements_name_the_criterion_and_who_said_what():
    annotations = _annotations(
        [
            ("b", "ann", True, True),
            ("a", "ann", True, False),
            ("b", "bob", True, False),
            ("a", "bob", False, False),
            ("c", "ann", False, False),
            ("a", "ann", True, False),
        ]
    )

    found = list_disagreements(annotations, TWO)

    assert found.to_dict("records") == [
        {"image_id": "b", "criterion": "patrol", "answers": "ann: yes, bob: no", "annotators": 2},
        {"image_id": "a", "criterion": "crowded", "answers": "bob: no, ann: yes", "annotators": 2},
    ]


def test_one_annotator_cannot_disagree_with_themselves():
    annotations = _annotations([("a", "ann", True, False), ("a", "ann", False, False)])

    found = list_disagreements(annotations, TWO)

    assert found.columns.tolist() == ["image_id", "criterion", "answers", "annotators"]
    assert len(found) == 0
