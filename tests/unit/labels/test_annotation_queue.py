"""What the labelling page is given to show."""

import pandas as pd
import pytest

from cosmop.errors import InputError
from cosmop.labels.annotation_events import AnnotationEvent
from cosmop.labels.annotation_queue import (
    AnnotationQueue,
    LabelTask,
    Review,
    disagreements_review,
    issues_review,
    read_label_tasks,
)
from cosmop.labels.issues import ISSUE_COLUMNS
from cosmop.labels.tasks import TaskOptions, make_label_tasks


def event(number, image_id, kind="answer", undoes=None):
    return AnnotationEvent(
        id=str(number),
        at=f"2026-01-01T00:00:{number:02}.000Z",
        annotator="Ana",
        image_id=image_id,
        task_id=None,
        event=kind,
        choices=("crowded",) if kind == "answer" else (),
        suggestion=None,
        lead_time_s=1.0,
        session="s",
        undoes=undoes,
    )


@pytest.fixture
def queue(schema):
    tasks = [LabelTask(name, number) for number, name in enumerate("abcd", start=1)]
    return AnnotationQueue(schema, tasks, {"issues": Review({"c": ["why"]}, "2026-06-01")})


def shown(state):
    return [item["image_id"] for item in state["items"]]


def test_tasks_are_read_as_they_are_made_with_their_suggestions(manifest, schema):
    suggested = pd.DataFrame(
        {"image_id": manifest["image_id"], "is_labelled": False}
        | {name: 0.9 if name == "patrol" else 0.2 for name in schema.criteria}
    )
    made = make_label_tasks(manifest, schema, TaskOptions(), None, suggested)

    read = read_label_tasks(made, schema, manifest["image_id"])

    assert [task.task_id for task in read] == list(range(1, 21))
    assert [task.image_id for task in read] == [t["data"]["image_id"] for t in made["tasks"]]
    assert {task.suggestion.choices for task in read} == {("patrol",)}
    assert read[0].suggestion.score == pytest.approx(0.8)


def test_tasks_about_images_that_are_gone_are_left_out_and_all_gone_is_refused(manifest, schema):
    made = make_label_tasks(manifest, schema, TaskOptions())
    some = set(manifest["image_id"][:3])

    assert {task.image_id for task in read_label_tasks(made, schema, some)} == some
    with pytest.raises(InputError, match=r"none of the 20 label tasks .* --to-outputs=label_tasks"):
        read_label_tasks(made, schema, {"other"})


def test_suggestions_for_other_criteria_are_refused(manifest, schema):
    made = make_label_tasks(manifest, schema, TaskOptions())
    result = {"from_name": "criteria", "value": {"choices": ["queue"]}}
    made["tasks"][4]["predictions"] = [{"result": [result], "score": 0.5}]

    with pytest.raises(InputError, match=r"got 'queue' .* --to-outputs=label_tasks"):
        read_label_tasks(made, schema, manifest["image_id"])


def test_all_tasks_are_shown_in_order_with_what_was_done_and_stands(queue):
    events = [event(1, "a"), event(2, "b", "skip"), event(3, "c"), event(4, "c", "undo", "3")]

    state = queue.page_state("tasks", events)

    assert shown(state) == ["a", "b", "c", "d"]
    assert [(done["image_id"], done["event"]) for done in state["history"]] == [
        ("a", "answer"),
        ("b", "skip"),
    ]
    assert [(other["name"], other["count"]) for other in state["queues"]] == [
        ("tasks", 4),
        ("issues", 1),
        ("skipped", 1),
    ]


def test_a_review_knows_why_and_when_and_skipped_images_can_be_asked_for(queue):
    events = [event(2, "b", "skip"), event(3, "c")]

    issues, skipped = (queue.page_state(name, events) for name in ("issues", "skipped"))

    assert issues["items"] == [{"image_id": "c", "suggestion": None, "reasons": ["why"]}]
    assert issues["since"] > issues["history"][-1]["at"]
    assert shown(skipped) == ["b"]
    assert skipped["since"] > skipped["history"][-1]["at"]


def test_a_list_that_does_not_exist_is_refused(queue):
    with pytest.raises(InputError, match=r"\['issues', 'skipped', 'tasks'\], got 'nonsense'"):
        queue.page_state("nonsense", [])


def test_suspected_errors_are_listed_by_rank_and_the_rest_is_not():
    rows = [
        ("b", "crowded", True, 0.04, 0.04, True, 2),
        ("a", "patrol", False, 0.97, 0.03, True, 1),
        ("b", "patrol", False, 0.9, 0.1, True, 3),
        ("c", "patrol", False, 0.1, 0.9, False, 4),
    ]

    review = issues_review(pd.DataFrame(rows, columns=list(ISSUE_COLUMNS)))

    assert list(review.reasons) == ["a", "b"]
    assert review.reasons["a"] == [
        "patrol: labelled no; by the labels of other images, yes is 97 % likely"
    ]
    assert [reason.split(":")[0] for reason in review.reasons["b"]] == ["crowded", "patrol"]


def test_disagreements_say_who_said_what():
    rows = [("a", "with_children", "Ana: yes, Ben: no", 2), ("a", "patrol", "Ana: no, Ben: yes", 2)]
    columns = ["image_id", "criterion", "answers", "annotators"]

    review = disagreements_review(pd.DataFrame(rows, columns=columns))

    assert review.reasons == {
        "a": ["with children: Ana: yes, Ben: no", "patrol: Ana: no, Ben: yes"]
    }
