"""What happened in a run, one line of JSON per event, so that it can be told to MLflow later.

Every event has its own time, so that telling it twice changes nothing.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cosmop.tracking.origins import is_gone

Event = Mapping[str, Any]

SUFFIX = ".jsonl"
FINISH = "finish"


class Journal:
    """The events of one run in one file.

    Args:
        path: The file; it and its folder are made with the first event.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, kind: str, **content: Any) -> Event:
        """Write an event down, on the disk when this returns.

        Args:
            kind: Of the event, see `cosmop.tracking.mirror`.
            content: JSON-ready; what is not becomes its text.
        """
        event = {"event": kind, "time": time.time_ns() // 1_000_000, **content}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, default=str) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return event

    def events(self) -> list[Event]:
        """Return all events; the line that a killed run left half written is left out."""
        return list(_parsed(self.path.read_text(encoding="utf-8", errors="replace")))

    def close_if_killed(self) -> bool:
        """End the journal of a process that is gone; tell whether the journal has an end."""
        events = self.events()
        if any(event["event"] == FINISH for event in events):
            return True
        if events and not is_gone(events[0].get("tags", {})):
            return False
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n")  # after half a line
        last = {"time": events[-1]["time"]} if events else {}
        self.append(FINISH, status="KILLED", **last)
        return True

    def remove(self) -> None:
        """Delete the file: everything in it has been told."""
        self.path.unlink()


def journals_in(folder: Path) -> list[Journal]:
    """List the journals of a folder, the oldest run first."""
    return [Journal(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]


def _parsed(text: str) -> Iterator[Event]:
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event
