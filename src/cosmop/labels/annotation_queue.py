"""What one person is shown, in which order: the tasks, or images to be looked at again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cosmop.errors import InputError
from cosmop.labels.annotation_events import AnnotationEvent, Suggestion, standing_events
from cosmop.labels.annotation_log import utc_now
from cosmop.labels.schema import LabelSchema

_TITLES = {
    "tasks": "Label tasks",
    "issues": "Suspected errors",
    "disagreements": "Disagreements",
    "skipped": "Skipped",
}


@dataclass(frozen=True)
class LabelTask:
    """One image that a person is asked about.

    Attributes:
        image_id: Which image.
        task_id: Number of the label task, None where there is none.
        suggestion: What a classifier took it for.
    """

    image_id: str
    task_id: int | None = None
    suggestion: Suggestion | None = None


@dataclass(frozen=True)
class Review:
    """Images to be looked at again, and why.

    Attributes:
        reasons: Image id → sentences for the person, the most urgent image first.
        since: When the list was made (UTC, as in logs); later answers count as looked at again.
    """

    reasons: Mapping[str, Sequence[str]]
    since: str = ""


def read_label_tasks(
    label_tasks: Mapping[str, Any], schema: LabelSchema, known: Collection[str]
) -> list[LabelTask]:
    """Read label tasks in their order.

    Args:
        label_tasks: From `cosmop.labels.tasks.make_label_tasks`.
        schema: What is asked.
        known: Ids of the images that can be shown; tasks about others are left out.

    Raises:
        InputError: No task is about a known image, or a suggestion names an unknown label.
    """
    ids = frozenset(known)
    tasks = [_task(record, schema) for record in label_tasks["tasks"]]
    shown = [task for task in tasks if task.image_id in ids]
    if not shown:
        raise InputError(
            f"Labelling wants tasks about some of the {len(ids)} images in people_images, but none "
            f"of the {len(tasks)} label tasks is; make them again with "
            "`kedro run --to-outputs=label_tasks`."
        )
    return shown


def _task(record: Mapping[str, Any], schema: LabelSchema) -> LabelTask:
    predictions = record.get("predictions") or [None]
    suggestion = _suggestion(predictions[0], schema) if predictions[0] else None
    return LabelTask(str(record["data"]["image_id"]), int(record["id"]), suggestion)


def _suggestion(prediction: Mapping[str, Any], schema: LabelSchema) -> Suggestion:
    choices = [
        str(choice)
        for result in prediction["result"]
        if result["from_name"] == schema.control_name
        for choice in result["value"]["choices"]
    ]
    if unknown := [name for name in choices if name not in schema.choices]:
        raise InputError(
            f"Suggestions must be among {list(schema.choices)}, got {unknown[0]!r} in the label "
            "tasks, which were made for other criteria; make them again with "
            "`kedro run --to-outputs=label_tasks`."
        )
    score = prediction.get("score")
    return Suggestion(
        choices=tuple(choices),
        score=None if score is None else float(score),
        model_version=str(prediction.get("model_version", "")),
    )


def issues_review(label_issues: pd.DataFrame, since: str = "") -> Review:
    """List the suspected label errors, the most suspicious first.

    Args:
        label_issues: ``image_id``, ``criterion``, ``given`` (bool), ``suggested`` (probability),
            ``is_issue``, ``rank`` (1 is first).
        since: See `Review`.
    """
    suspected = label_issues[label_issues["is_issue"].astype(bool)].sort_values("rank")
    reasons: dict[str, list[str]] = {}
    for row in suspected.to_dict("records"):
        given = "yes" if row["given"] else "no"
        reasons.setdefault(str(row["image_id"]), []).append(
            f"{_plain(row['criterion'])}: labelled {given}; by the labels of other images, yes is "
            f"{100 * float(row['suggested']):.0f} % likely"
        )
    return Review(reasons, since)


def disagreements_review(label_disagreements: pd.DataFrame, since: str = "") -> Review:
    """List the images about which annotators disagree, in the order of the table.

    Args:
        label_disagreements: ``image_id``, ``criterion``, and ``answers`` (who said what).
        since: See `Review`.
    """
    reasons: dict[str, list[str]] = {}
    for row in label_disagreements.to_dict("records"):
        reasons.setdefault(str(row["image_id"]), []).append(
            f"{_plain(row['criterion'])}: {row['answers']}"
        )
    return Review(reasons, since)


def _plain(name: Any) -> str:
    return str(name).replace("_", " ")


@dataclass(frozen=True)
class AnnotationQueue:
    """The tasks and the reviews of one labelling room, the same for all annotators.

    Attributes:
        schema: What is asked.
        tasks: In the order in which they are shown.
        reviews: Name (``issues``, ``disagreements``) → what is looked at again.
    """

    schema: LabelSchema
    tasks: Sequence[LabelTask]
    reviews: Mapping[str, Review] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_image", {task.image_id: task for task in self.tasks})

    def task_of(self, image_id: str) -> LabelTask:
        """Return the task about an image; a review may show images that are no task."""
        by_image: dict[str, LabelTask] = self.__dict__["_by_image"]
        return by_image.get(image_id, LabelTask(image_id))

    def page_state(self, name: str, events: Sequence[AnnotationEvent]) -> dict[str, Any]:
        """Return all that the page needs to show one list to one annotator.

        Args:
            name: ``tasks``, ``skipped``, or one of the reviews.
            events: The annotator's log.

        Returns:
            JSON: ``question``, ``criteria``, ``none``, ``queue`` (its name), ``queues`` (name,
            title and number of images of each that has any), ``since``, ``items`` and ``history``
            (what the annotator did and did not take back).

        Raises:
            InputError: There is no list of that name.
        """
        standing = standing_events(events)
        lists = self._lists(standing)
        if name not in lists:
            raise InputError(f"The page can show {sorted(lists)}, got {name!r}; choose another.")
        return {
            "question": self.schema.question,
            "criteria": [{"name": c, "title": _plain(c)} for c in self.schema.criteria],
            "none": {"name": self.schema.none_choice, "title": _plain(self.schema.none_choice)},
            "queue": name,
            "queues": [
                {"name": other, "title": _TITLES[other], "count": len(review.reasons)}
                for other, review in lists.items()
                if review.reasons or other == name
            ],
            "since": lists[name].since,
            "items": [self._item(*entry) for entry in lists[name].reasons.items()],
            "history": [
                event.model_dump(include={"id", "at", "image_id", "event", "choices"})
                for event in standing
            ],
        }

    def _lists(self, standing: Sequence[AnnotationEvent]) -> dict[str, Review]:
        latest = {event.image_id: event.event for event in standing}
        skipped = [image_id for image_id, event in latest.items() if event == "skip"]
        return {
            "tasks": Review({task.image_id: () for task in self.tasks}),
            **self.reviews,
            "skipped": Review(dict.fromkeys(skipped, ()), since=utc_now()),
        }

    def _item(self, image_id: str, reasons: Sequence[str]) -> dict[str, Any]:
        suggestion = self.task_of(image_id).suggestion
        return {
            "image_id": image_id,
            "suggestion": suggestion.model_dump() if suggestion else None,
            "reasons": list(reasons),
        }
