"""No simple statistic of the pixels tells what a scene shows."""

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from cosmop.demo.scenes import draw_scene
from cosmop.demo.truth import CRITERIA, KINDS

SCENES = 400
SIZE = (120, 160)
TELLING = 0.72  # balanced accuracy; with ~60 positives chance alone reaches 0.5 ± 0.07


def _statistics(image: Image.Image) -> np.ndarray:
    """Colour mean, spread, percentiles and edge energy, of the image and its 8×8 thumbnail."""
    pixels = np.asarray(image, dtype=np.float64)
    thumbnail = np.asarray(image.resize((8, 8), Image.Resampling.BOX), dtype=np.float64)
    grey = pixels.mean(axis=2)
    values = []
    for x in (pixels, thumbnail):
        values += [x.mean(axis=(0, 1)), x.std(axis=(0, 1)), np.percentile(x, [5, 25, 50, 75, 95])]
        values += [[np.abs(np.diff(x.mean(axis=2), axis=axis)).mean() for axis in (0, 1)]]
    return np.concatenate([*values, [grey.std()]])


@pytest.fixture(scope="module")
def described():
    weights = {"other_people": 5, "no_people": 5}
    kinds = [kind for kind in KINDS for _ in range(weights.get(kind, 3))]
    statistics, facts = [], []
    for i in range(SCENES):
        scene = draw_scene(kinds[i % len(kinds)], np.random.default_rng([5, i]), SIZE)
        statistics.append(_statistics(scene.image))
        facts.append([bool(scene.truth.people), *(c in scene.truth.criteria for c in CRITERIA)])
    return np.array(statistics), np.array(facts)


@pytest.mark.parametrize("fact", ["people", *CRITERIA])
@pytest.mark.parametrize("model", ["logistic regression", "stump"])
def test_simple_statistics_do_not_give_the_class_away(described, model, fact):
    statistics, facts = described
    truth = facts[:, ["people", *CRITERIA].index(fact)]
    judges = {
        "logistic regression": make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced", C=0.3, max_iter=2000)
        ),
        "stump": DecisionTreeClassifier(max_depth=1, class_weight="balanced"),
    }

    said = cross_val_predict(judges[model], statistics, truth, cv=5)

    assert balanced_accuracy_score(truth, said) < TELLING


def test_the_judges_would_notice_a_giveaway(described):
    statistics, facts = described
    given_away = statistics.copy()
    given_away[:, 0] += 60 * facts[:, 0]  # scenes with people are redder

    said = cross_val_predict(DecisionTreeClassifier(max_depth=1), given_away, facts[:, 0], cv=5)

    assert balanced_accuracy_score(facts[:, 0], said) > TELLING
