"""Tells MLflow what it was not told while it could not be reached: ``make mlflow-sync``."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cosmop.errors import InputError
from cosmop.tracking.journal import Event, Journal, journals_in
from cosmop.tracking.mirror import Destination, Mirror

_FROM_DISK = ("image", "file", "model")  # events that send what lies at their path


def sync(options: Mapping[str, Any], project_path: Path) -> Iterator[str]:
    """Tell every journal that is left, remove it, and yield what was done in a sentence each.

    Args:
        options: ``mlflow.yml`` of one environment.
        project_path: What relative paths are relative to.

    Raises:
        InputError: MLflow cannot be reached.
    """
    left = journals_in(project_path / str(options["journals"]))
    destination = Destination.of(options, project_path)
    if left:
        _probe(destination, len(left))
    return (_sync_one(journal, destination) for journal in left)


def _probe(destination: Destination, count: int) -> None:
    try:
        destination.client().search_experiments(max_results=1)
    except Exception as error:
        raise InputError(
            f"MLflow at {destination.shown()} must be reachable to send it {count} runs, got "
            f"{destination.explain(error)}; start it and try again, nothing is lost."
        ) from error


def _sync_one(journal: Journal, destination: Destination) -> str:
    name = journal.path.stem
    if not journal.close_if_killed():
        return f"{name}: still running, left alone."
    events = journal.events()
    if events[0]["event"] != "start":
        journal.remove()
        return f"{name}: ended before anything happened."
    sent = [event for event in events if not _has_lost_its_file(event)]
    mirror = Mirror(destination)
    try:
        for event in sent:
            mirror.apply(event)
    except Exception as error:  # noqa: BLE001  MLflow raises many kinds; other runs may still go
        return f"{name}: not sent, {destination.explain(error)}"
    journal.remove()
    return f"{name}: sent {_count(sent)}{_lost(len(events) - len(sent))}."


def _has_lost_its_file(event: Event) -> bool:
    return event["event"] in _FROM_DISK and not Path(event["path"]).exists()


def _count(events: list[Event]) -> str:
    kinds = Counter(event["event"] for event in events)
    return ", ".join(f"{count} × {kind}" for kind, count in kinds.items())


def _lost(count: int) -> str:
    return f"; {count} files are no longer on this machine" if count else ""
