import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from cosmop.labels.schema import label_config_xml
from cosmop.labels.tasks import TaskOptions, make_label_tasks


@pytest.fixture
def scores(manifest):
    score = np.random.default_rng(0).random(len(manifest))
    return pd.DataFrame({"image_id": manifest["image_id"], "person_score": score})


def _ids(label_tasks):
    return [task["data"]["image_id"] for task in label_tasks["tasks"]]


def test_every_image_is_asked_about_once_and_the_file_is_json(manifest, schema, scores):
    label_tasks = json.loads(json.dumps(make_label_tasks(manifest, schema, TaskOptions(), scores)))

    assert label_tasks["label_config"] == label_config_xml(schema)
    assert sorted(_ids(label_tasks)) == sorted(manifest["image_id"])
    assert [task["id"] for task in label_tasks["tasks"]] == list(range(1, 21))


def test_the_order_of_the_manifest_can_be_kept(manifest, schema):
    assert _ids(make_label_tasks(manifest, schema, TaskOptions(order="manifest"))) == list(
        manifest["image_id"]
    )


def test_uncertain_images_come_first(manifest, schema, scores):
    label_tasks = make_label_tasks(manifest, schema, TaskOptions(audit_share=0.0), scores)

    score = scores.set_index("image_id")["person_score"].loc[_ids(label_tasks)]
    assert (score - 0.5).abs().is_monotonic_increasing


def test_the_audit_share_is_random_and_spread_evenly(manifest, schema, scores):
    label_tasks = make_label_tasks(manifest, schema, TaskOptions(audit_share=0.25), scores)

    picked = [task["data"]["picked_by"] for task in label_tasks["tasks"]]
    assert [at for at, by in enumerate(picked) if by == "random"] == [2, 6, 10, 14, 18]
    assert picked.count("uncertainty") == 15


def test_images_without_a_score_count_as_uncertain(manifest, schema, scores):
    few = scores[scores["person_score"].sub(0.5).abs() > 0.05].iloc[1:]

    first = _ids(make_label_tasks(manifest, schema, TaskOptions(audit_share=0.0), few))[0]

    assert first not in set(few["image_id"])


def test_the_order_depends_on_seed_and_ids_not_on_rows(manifest, schema):
    options = TaskOptions(order="random", seed=1)
    straight = _ids(make_label_tasks(manifest, schema, options))
    mixed = _ids(make_label_tasks(manifest.sample(frac=1, random_state=3), schema, options))
    other = _ids(make_label_tasks(manifest, schema, TaskOptions(order="random", seed=2)))

    assert straight == mixed
    assert straight != other
    assert straight != sorted(straight)


def test_a_task_says_where_its_image_is_and_whence_it_came(manifest, schema):
    options = TaskOptions(order="manifest", image_url="http://x/{image_id}?file={path}")

    data = make_label_tasks(manifest.head(1), schema, options)["tasks"][0]["data"]

    row = manifest.iloc[0]
    assert data == {
        "image": f"http://x/{row['image_id']}?file={row['path']}",
        "image_id": row["image_id"],
        "source": "gallery",
        "title": "scene 0",
        "picked_by": "manifest",
        "is_labelled": False,
    }


def test_missing_titles_are_empty_text(manifest, schema):
    plain = manifest.drop(columns="title").assign(source=None)

    data = make_label_tasks(plain, schema, TaskOptions())["tasks"][0]["data"]

    assert (data["source"], data["title"]) == ("", "")


def _suggestions(manifest, rows):
    criteria = ("carrying_bags", "with_children", "crowded", "patrol")
    table = pd.DataFrame(rows, columns=list(criteria), dtype=float)
    ids = manifest["image_id"].head(len(table)).to_numpy()
    return table.assign(image_id=ids, is_labelled=False)


def test_probabilities_of_the_criteria_become_suggestions(manifest, schema):
    suggested = _suggestions(manifest, [[0.9, 0.6, 0.1, 0.0], [0.1, 0.2, 0.1, 0.3]])
    options = TaskOptions(order="manifest", model_version="filter 3")

    tasks = make_label_tasks(manifest.head(3), schema, options, None, suggested)["tasks"]

    assert [task.get("predictions", [{}])[0].get("score") for task in tasks] == [0.6, 0.7, None]
    assert tasks[0]["predictions"][0]["model_version"] == "filter 3"
    result = [task["predictions"][0]["result"][0] for task in tasks[:2]]
    assert result[0] == {
        "from_name": "criteria",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": ["carrying_bags", "with_children"]},
    }
    assert result[1]["value"] == {"choices": ["none"]}


def test_nothing_is_suggested_where_only_some_criteria_are_known_not_to_hold(manifest, schema):
    suggested = _suggestions(manifest, [[np.nan, 0.2, 0.1, 0.0], [np.nan, 0.2, 0.8, 0.3]])
    options = TaskOptions(order="manifest")

    tasks = make_label_tasks(manifest.head(2), schema, options, None, suggested)["tasks"]

    assert "predictions" not in tasks[0]
    assert tasks[1]["predictions"][0]["result"][0]["value"] == {"choices": ["crowded"]}


def test_the_least_sure_criterion_decides_the_order_and_person_scores_where_none_is_known(
    manifest, schema, scores
):
    rng = np.random.default_rng(3)
    suggested = _suggestions(manifest, rng.random((20, 4)))
    suggested["patrol"] = np.nan
    options = TaskOptions(audit_share=0.0)
    nothing = suggested.assign(**dict.fromkeys(schema.criteria, np.nan))

    by_suggestion = _ids(make_label_tasks(manifest, schema, options, scores, suggested))
    by_score = _ids(make_label_tasks(manifest, schema, options, scores, nothing))

    doubt = suggested.set_index("image_id")[list(schema.criteria)].sub(0.5).abs().min(axis=1)
    assert by_suggestion == doubt.sort_values().index.tolist()
    assert by_score == _ids(make_label_tasks(manifest, schema, options, scores))


@pytest.mark.parametrize("answered", ["last", "left_out"])
def test_images_with_an_answer_come_after_the_open_ones_or_not_at_all(manifest, schema, answered):
    suggested = _suggestions(manifest, np.full((20, 4), 0.5))
    suggested["is_labelled"] = np.arange(20) % 2 == 0
    options = TaskOptions(answered=answered)

    tasks = make_label_tasks(manifest, schema, options, None, suggested)["tasks"]

    labelled = [task["data"]["is_labelled"] for task in tasks]
    assert labelled == [False] * 10 + [True] * (10 if answered == "last" else 0)
    assert [task["id"] for task in tasks] == list(range(1, len(tasks) + 1))


def test_no_images_make_no_tasks(manifest, schema, scores):
    assert make_label_tasks(manifest.head(0), schema, TaskOptions(), scores)["tasks"] == []


def test_an_address_that_names_no_image_is_refused():
    with pytest.raises(ValidationError, match="pattern"):
        TaskOptions(image_url="http://x/")
