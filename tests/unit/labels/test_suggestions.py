import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from cosmop.labels.schema import LabelSchema
from cosmop.labels.suggestions import SuggestionOptions, fit_criterion, prepare, suggest

ONE = LabelSchema(criteria=("crowded",))


def _world(seed, images=400, copies=1, dimensions=20):
    """Features of which the first says how likely the criterion holds, in groups of copies."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((images // copies, dimensions)).repeat(copies, axis=0)
    truth_p = 1 / (1 + np.exp(-2 * x[:, 0]))
    holds = (rng.random(images // copies)).repeat(copies) < truth_p
    ids = [f"{at:04}" for at in range(len(x))]
    table = pd.DataFrame({"image_id": ids, "group": np.arange(len(x)) // copies, "crowded": holds})
    return x.astype(np.float32), table, truth_p


def test_without_labels_there_are_no_suggestions_and_the_columns_are_there():
    x, table, _ = _world(0)

    found = suggest(x, table, table.head(0), ONE, SuggestionOptions())

    assert found.columns.tolist() == ["image_id", "is_labelled", "crowded"]
    assert len(found) == 0


def test_suggestions_are_probabilities_near_the_true_ones():
    x, table, truth_p = _world(0, images=3000)
    labels = table.sample(600, random_state=0)

    found = suggest(x, table, labels, ONE, SuggestionOptions())

    assert found["image_id"].tolist() == table["image_id"].tolist()
    assert (found["is_labelled"] == table["image_id"].isin(labels["image_id"])).all()
    unseen = ~found["is_labelled"].to_numpy()
    error = np.abs(found["crowded"].to_numpy() - truth_p)
    assert error[unseen].mean() < 0.06
    assert error[~unseen].mean() < 0.06  # out of fold, so no nearer than the others


@pytest.mark.parametrize("seed", range(3))
def test_calibration_of_ten_equal_bins_is_within_chance(seed):
    x, table, _ = _world(seed, images=4000)
    labels = table.head(1000)

    p = suggest(x, table, labels, ONE, SuggestionOptions())["crowded"].to_numpy()[1000:]

    held = table["crowded"].to_numpy()[1000:]
    bins = np.array_split(np.argsort(p), 10)
    assert max(abs(p[rows].mean() - held[rows].mean()) for rows in bins) < 0.1


def test_noise_is_never_learnt_from_the_label_itself_or_a_look_alike():
    """Each look is there twice and its label is a coin: whoever sees the copy knows the answer."""
    rng = np.random.default_rng(0)
    x, table, _ = _world(0, images=400, copies=2, dimensions=300)
    table["crowded"] = np.repeat(rng.random(200) < 0.5, 2)

    grouped = suggest(x, table, table, ONE, SuggestionOptions(inverse_penalties=(1.0,)))
    alone = table.assign(group=np.arange(400))
    leaking = suggest(x, alone, alone, ONE, SuggestionOptions(inverse_penalties=(1.0,)))

    right, leaked = (
        ((table_["crowded"] >= 0.5) == table["crowded"]).mean() for table_ in (grouped, leaking)
    )
    assert 0.4 < right < 0.6
    assert leaked > 0.75


def test_the_order_of_rows_does_not_matter():
    x, table, _ = _world(4)
    labels = table.iloc[::3]
    mixed = np.random.default_rng(0).permutation(len(table))
    options = SuggestionOptions(components=20)

    straight = suggest(x, table, labels, ONE, options).set_index("image_id")["crowded"]
    other = suggest(x[mixed], table.iloc[mixed], labels.iloc[::-1], ONE, options)

    assert np.allclose(other.set_index("image_id")["crowded"].loc[straight.index], straight)


@pytest.mark.parametrize("positives", [0, 4, 400])
def test_a_class_without_enough_labels_has_no_suggestions(positives):
    x, table, _ = _world(1)
    two = LabelSchema(criteria=("crowded", "rare"))
    table["rare"] = np.arange(400) < positives

    found = suggest(x, table, table, two, SuggestionOptions(min_per_class=5))

    assert found["rare"].isna().all()
    assert found["crowded"].notna().all()


def test_copies_of_one_image_count_once_for_a_class():
    x, table, _ = _world(1)
    table["crowded"] = np.arange(400) < 50
    table.loc[:49, "group"] = -1

    found = suggest(x, table, table, ONE, SuggestionOptions())

    assert found["crowded"].isna().all()


@pytest.mark.parametrize("rare", range(2, 12))
def test_every_fold_can_be_fitted_however_rare_the_class(rare):
    x, table, _ = _world(2, images=60)
    options = SuggestionOptions(min_per_class=2, folds=10)
    for holds in (np.arange(60) < rare, np.arange(60) >= rare):
        fitted = fit_criterion(prepare(x, options), holds, table["group"].to_numpy(), options)

        assert fitted is not None
        assert np.isfinite(fitted.out_of_fold).all()


def test_the_penalty_is_chosen_where_there_is_a_choice():
    x, table, _ = _world(3, images=200)
    groups, holds = table["group"].to_numpy(), table["crowded"].to_numpy()
    options = SuggestionOptions(inverse_penalties=(1e-6, 0.1))
    fixed = SuggestionOptions(inverse_penalties=(1e-6,))

    assert fit_criterion(prepare(x, options), holds, groups, options).inverse_penalty == 0.1
    assert fit_criterion(prepare(x, fixed), holds, groups, fixed).inverse_penalty == 1e-6


def test_one_image_and_constant_features_are_no_crash():
    options = SuggestionOptions()
    table = pd.DataFrame({"image_id": ["a"], "group": [0], "crowded": [True]})

    assert suggest(np.ones((1, 5), np.float32), table, table, ONE, options)["crowded"].isna().all()
    x, table, _ = _world(0)
    p = suggest(np.ones_like(x), table, table, ONE, options)["crowded"]
    assert np.allclose(p, table["crowded"].mean(), atol=0.05)


@pytest.mark.parametrize("wrong", [{"folds": 1}, {"min_per_class": 1}, {"inverse_penalties": []}])
def test_options_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValidationError):
        SuggestionOptions(**wrong)
