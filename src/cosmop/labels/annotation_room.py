"""What the labelling page asks for and sends: lists, images, and events for the open logs."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cosmop.errors import InputError
from cosmop.labels.annotation_events import (
    AnnotationEvent,
    latest_by_image,
    read_events,
    why_unusable,
)
from cosmop.labels.annotation_images import ShownImages
from cosmop.labels.annotation_log import AnnotationLog, utc_now
from cosmop.labels.annotation_queue import AnnotationQueue

_LONGEST_NAME = 80


class AnnotationRoom:
    """The labelling of one image set by any number of people on one machine, apart from HTTP.

    Args:
        queue: What is shown.
        images: How it looks.
        folder: Where the logs are.
        next_command: What to run when the labelling is done; the page shows it.
    """

    def __init__(
        self, queue: AnnotationQueue, images: ShownImages, folder: Path, next_command: str
    ) -> None:
        self.queue = queue
        self.images = images
        self.folder = folder
        self.next_command = next_command
        self._logs: dict[str, AnnotationLog] = {}
        self._guard = threading.Lock()

    def open_log(self, annotator: str) -> AnnotationLog:
        """Return the log of an annotator, opened when it is first asked for.

        Raises:
            InputError: The name cannot be used, or another server writes to that log.
        """
        plain = annotator.strip() == annotator and annotator.isprintable()
        if not (plain and 0 < len(annotator) <= _LONGEST_NAME):
            raise InputError(
                f"An annotator's name must be one line of 1 to {_LONGEST_NAME} characters without "
                f"spaces around it, got {annotator!r}; give another name."
            )
        with self._guard:
            if annotator not in self._logs:
                self._logs[annotator] = AnnotationLog(self.folder, annotator)
            return self._logs[annotator]

    def state(self, annotator: str, name: str) -> dict[str, Any]:
        """Return what the page shows to `annotator` of the list `name`."""
        log = self.open_log(annotator)
        with self._guard:
            state = self.queue.page_state(name, log.events)
        extra = {"annotator": annotator, "repair": log.repair, "next_command": self.next_command}
        return state | extra

    def take(self, sent: Mapping[str, Any]) -> None:
        """Write one event from the page to its annotator's log.

        Raises:
            InputError: It is no event about these images and criteria.
            OSError: It could not be written.
        """
        image_id = str(sent.get("image_id", ""))
        if image_id not in self.images.ids:
            raise InputError(f"Labels are about the images of this set, got {image_id!r}.")
        task = self.queue.task_of(image_id)
        known = {"at": utc_now(), "task_id": task.task_id, "suggestion": task.suggestion}
        try:
            event = AnnotationEvent.model_validate({**sent, **known})
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"The event's {first['loc']} is wrong: {first['msg']}.") from error
        if problem := why_unusable(event, self.queue.schema):
            raise InputError(f"The answer cannot be used: {problem}.")
        log = self.open_log(event.annotator)
        with self._guard:
            log.write(event)

    def answered(self) -> dict[str, int]:
        """Return how many images each annotator of this server has answered, in all."""
        with self._guard:
            return {
                name: sum(event.event == "answer" for event in latest_by_image(log.events))
                for name, log in self._logs.items()
            }

    def people(self) -> list[dict[str, Any]]:
        """Return who has labelled so far, and how many images each has answered."""
        answered: dict[str, int] = {}
        for event in latest_by_image(read_events(self.folder)):
            answered[event.annotator] = answered.get(event.annotator, 0) + (event.event == "answer")
        return [{"name": name, "answered": count} for name, count in sorted(answered.items())]

    def close(self) -> None:
        """Let other servers write to the logs."""
        with self._guard:
            for log in self._logs.values():
                log.close()
