"""The simulated annotator."""

import json

import numpy as np
import pandas as pd
import pytest

from cosmop.demo.annotator import AnnotatorOptions, answer_tasks
from cosmop.demo.truth import CRITERIA

N = 400


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    holds = rng.random((N, len(CRITERIA))) < 0.3
    return pd.DataFrame(holds, columns=list(CRITERIA)).assign(
        image_sha256=[f"{i:064x}" for i in range(N)]
    )


@pytest.fixture
def tasks(truth):
    return [
        {"id": i + 1, "data": {"image": f"/{i}.jpg", "image_id": image_id}}
        for i, image_id in enumerate(truth["image_sha256"])
    ]


def _choices(answer) -> set[str]:
    return set(answer["annotations"][0]["result"][0]["value"]["choices"]) - {"none"}


def _expected(truth) -> list[set[str]]:
    return [{name for name in CRITERIA if row[name]} for _, row in truth.iterrows()]


def test_without_errors_the_answers_are_the_truth(truth, tasks):
    answers = answer_tasks(tasks, truth, AnnotatorOptions(error_rate=0.0))

    assert [_choices(answer) for answer in answers] == _expected(truth)


def test_the_error_rate_is_the_share_of_wrong_answers(truth, tasks):
    answers = answer_tasks(tasks, truth, AnnotatorOptions(error_rate=0.2, seed=1))
    wrong = sum(_choices(a) != b for a, b in zip(answers, _expected(truth), strict=True))

    # Binomial(400, 0.2) has standard deviation 8; four of them.
    assert wrong == pytest.approx(80, abs=32)


def test_a_picture_without_criteria_is_answered_with_none(truth, tasks):
    truth[list(CRITERIA)] = False
    answers = answer_tasks(tasks, truth, AnnotatorOptions(error_rate=0.0))

    results = [answer["annotations"][0]["result"][0] for answer in answers]
    assert all(result["value"]["choices"] == ["none"] for result in results)
    assert {(r["from_name"], r["to_name"], r["type"]) for r in results} == {
        ("criteria", "image", "choices")
    }


def test_an_unknown_image_is_skipped(truth):
    task = {"id": 9, "data": {"image": "x", "image_id": "f" * 64}}
    (answer,) = answer_tasks([task], truth, AnnotatorOptions())

    assert answer["annotations"][0]["was_cancelled"] is True
    assert answer["annotations"][0]["result"] == []


def test_answers_survive_json_and_keep_the_tasks_data_and_order(truth, tasks):
    answers = json.loads(json.dumps(answer_tasks(tasks, truth, AnnotatorOptions())))

    assert [answer["id"] for answer in answers] == [task["id"] for task in tasks]
    assert [answer["data"] for answer in answers] == [task["data"] for task in tasks]
    created = [answer["annotations"][0]["created_at"] for answer in answers]
    assert created == sorted(created)


def test_the_same_seed_makes_the_same_slips_and_another_seed_others(truth, tasks):
    def ask(seed):
        return answer_tasks(tasks, truth, AnnotatorOptions(error_rate=0.3, seed=seed))

    assert ask(3) == ask(3)
    assert ask(3) != ask(4)


def test_two_files_with_the_same_bytes_are_one_image(truth, tasks):
    doubled = pd.concat([truth, truth.head(5)])

    answers = answer_tasks(tasks, doubled, AnnotatorOptions(error_rate=0.0))
    assert [_choices(answer) for answer in answers] == _expected(truth)


def test_the_order_of_the_tasks_changes_no_answer(truth, tasks):
    def choices(of):
        answers = answer_tasks(of, truth, AnnotatorOptions(error_rate=0.5))
        return {
            one["data"]["image_id"]: one["annotations"][0]["result"][0]["value"] for one in answers
        }

    assert choices(tasks) == choices(tasks[::-1])
