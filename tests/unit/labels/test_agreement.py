import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from cosmop.labels.agreement import (
    agreement_by_criterion,
    cohen_kappa,
    fleiss_kappa,
    resolve_annotations,
)
from cosmop.labels.schema import LabelSchema

SCHEMA = LabelSchema(criteria=("a", "b"))


def _annotations(rows):
    columns = ["image_id", "annotator", "created_at", "a", "b"]
    return pd.DataFrame(rows, columns=columns).assign(lead_time_s=1.0)


def _random_annotations(seed, images=60, annotators=4):
    rng = np.random.default_rng(seed)
    truth = rng.random((images, 2)) < 0.5
    rows = [
        (
            f"i{image}",
            f"w{worker}",
            f"2024-01-{worker + 1:02}",
            *(truth[image] ^ (rng.random(2) < 0.2)),
        )
        for image in range(images)
        for worker in range(annotators)
        if rng.random() < 0.8
    ]
    return _annotations([rows[at] for at in rng.permutation(len(rows))])


def test_the_majority_decides_each_criterion():
    annotations = _annotations(
        [("x", "1", "", True, False), ("x", "2", "", True, True), ("x", "3", "", False, False)]
    )

    row = resolve_annotations(annotations, SCHEMA).iloc[0]

    assert (row["a"], row["b"], row["is_positive"], row["annotators"]) == (True, False, True, 3)
    assert row["agreement"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_a_tie_goes_to_the_latest_by_time(first, second):
    annotations = _annotations(
        [
            ("x", "1", "2024-02-01T00:00:00Z", second, False),
            ("x", "2", "2024-01-01T09:00:00+02:00", first, False),
        ]
    )

    assert resolve_annotations(annotations, SCHEMA)["a"].tolist() == [second]


def test_a_tie_without_times_goes_to_the_later_row():
    annotations = _annotations([("x", "1", "", True, False), ("x", "2", "", False, False)])

    assert resolve_annotations(annotations, SCHEMA)["a"].tolist() == [False]


def test_only_the_latest_answer_of_an_annotator_counts():
    annotations = _annotations(
        [
            ("x", "1", "2024-01-03", True, False),
            ("x", "1", "2024-01-01", False, True),
            ("x", "1", "2024-01-02", False, True),
        ]
    )

    row = resolve_annotations(annotations, SCHEMA).iloc[0]

    assert (row["a"], row["b"], row["annotators"], row["agreement"]) == (True, False, 1, 1.0)


@pytest.mark.parametrize("positive_when", ["any", "all"])
@pytest.mark.parametrize("seed", range(3))
def test_resolving_equals_counting_by_hand(seed, positive_when):
    schema = LabelSchema(criteria=("a", "b"), positive_when=positive_when)
    annotations = _random_annotations(seed)

    resolved = resolve_annotations(annotations, schema)

    assert resolved["image_id"].tolist() == annotations["image_id"].drop_duplicates().tolist()
    for row in resolved.itertuples():
        votes = annotations[annotations["image_id"] == row.image_id].sort_values("created_at")
        shares = []
        for name in ("a", "b"):
            yes, count = int(votes[name].sum()), len(votes)
            expected = yes * 2 > count or (yes * 2 == count and votes[name].iloc[-1])
            assert getattr(row, name) == expected
            shares.append((yes if expected else count - yes) / count)
        rule = {"any": any, "all": all}[positive_when]
        assert row.is_positive == rule([row.a, row.b])
        assert row.agreement == pytest.approx(np.mean(shares))


def test_columns_keep_plain_kinds():
    table = resolve_annotations(_random_annotations(0), SCHEMA)

    assert [table[name].dtype.kind for name in table.columns[1:]] == ["b", "b", "b", "i", "f"]


@pytest.mark.parametrize("seed", range(5))
def test_cohens_kappa_is_sklearns(seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 3, 80)
    second = np.where(rng.random(80) < 0.7, first, rng.integers(0, 3, 80))

    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))


def test_kappas_limits():
    answers = np.array([True, False, True, False])

    assert cohen_kappa(answers, answers) == 1
    assert cohen_kappa(answers, ~answers) == -1
    assert np.isnan(cohen_kappa(answers | True, answers | True))
    assert np.isnan(cohen_kappa(answers[:0], answers[:0]))
    assert fleiss_kappa(np.array([[3, 0], [0, 3]])) == 1
    assert np.isnan(fleiss_kappa(np.array([[3, 0], [3, 0]])))
    assert np.isnan(fleiss_kappa(np.zeros((0, 2))))


def test_fleiss_kappa_is_that_of_the_known_worked_example():
    # Fourteen raters, ten subjects, five categories: the example of the Wikipedia article.
    counts = """0 0 0 0 14  0 2 6 4 2  0 0 3 5 6  0 3 9 2 0  2 2 8 1 1
                7 7 0 0 0   3 2 6 3 0  2 5 3 2 2  6 5 2 1 0  0 2 2 3 7"""

    kappa = fleiss_kappa(np.array(counts.split(), dtype=int).reshape(10, 5))

    assert kappa == pytest.approx(0.210, abs=5e-4)


def test_agreement_counts_pairs_of_answers_about_the_same_image():
    annotations = _random_annotations(1)

    table = agreement_by_criterion(annotations, SCHEMA).set_index("criterion")

    agreeing = total = 0
    for _, votes in annotations.groupby("image_id"):
        values = votes["a"].tolist()
        pairs = [(x, y) for at, x in enumerate(values) for y in values[:at]]
        agreeing, total = agreeing + sum(x == y for x, y in pairs), total + len(pairs)
    assert table.loc["a", "agreeing_share"] == pytest.approx(agreeing / total)
    assert table.index.tolist() == ["a", "b", "is_positive"]


def test_agreement_between_two_annotators_is_cohens_kappa_on_what_they_share():
    annotations = _random_annotations(2, annotators=2)
    wide = annotations.pivot(index="image_id", columns="annotator", values="b").dropna()

    table = agreement_by_criterion(annotations, SCHEMA).set_index("criterion")

    expected = cohen_kappa_score(wide["w0"].astype(bool), wide["w1"].astype(bool))
    assert table.loc["b", "cohen_kappa"] == pytest.approx(expected)
    assert table.loc["b", "images"] == len(wide)


def test_one_annotator_has_nobody_to_agree_with():
    table = agreement_by_criterion(_random_annotations(0, annotators=1), SCHEMA)

    assert table["images"].tolist() == [0, 0, 0]
    assert table[["agreeing_share", "cohen_kappa", "fleiss_kappa"]].isna().all().all()
