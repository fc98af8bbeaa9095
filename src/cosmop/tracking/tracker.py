"""One ``kedro run`` as a journal of events, and as one MLflow run while MLflow can be reached."""

import atexit
import logging
import os
import signal
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from cosmop.datasets.snapshots import GRID, StoredSnapshot
from cosmop.tracking.journal import SUFFIX, Journal, journals_in
from cosmop.tracking.mirror import Destination, Mirror
from cosmop.tracking.origins import code_state, command_as_typed, command_of, this_process
from cosmop.tracking.system_metrics import SystemMetrics
from cosmop.tracking.values import flatten, numbers

logger = logging.getLogger(__name__)

_IMAGES_PER_KIMG = 1000
_STEP = ("kimg", "attempt")  # columns of a curve that say where its row belongs
_COLUMNS = {
    "value": "distance",
    "low": "distance_low",
    "high": "distance_high",
    "n": "distance_n",
}

# What a cluster sends before it kills, and a terminal when it closes; Windows has no SIGHUP.
_ENDS = [found for name in ("SIGTERM", "SIGHUP") if (found := getattr(signal, name, None))]


class Tracker:
    """Writes what happens into a journal, and tells it to MLflow at once.

    A failure of MLflow ends the telling, never the run; the journal stays, and
    `cosmop.tracking.sync` tells it later. A journal that was told to its end is removed.

    Args:
        options: ``mlflow.yml``: ``tracking_uri``, ``experiment``, ``journals``, and
            ``system_metrics_seconds`` (0: none).
        project_path: What relative paths are relative to.
    """

    def __init__(self, options: Mapping[str, Any], project_path: Path) -> None:
        self._project_path = project_path
        self._folder = project_path / str(options["journals"])
        self._seconds = float(options.get("system_metrics_seconds", 0))
        self._destination = Destination.of(options, project_path)
        self._mirror = Mirror(self._destination)
        self._journal = Journal(self._folder / f"unnamed{SUFFIX}")
        self._lock = threading.RLock()
        self._failure: str | None = None
        self._untold: Counter[str] = Counter()
        self._rows: set[tuple[int, float]] = set()
        self._system: SystemMetrics | None = None
        self._ending = _Ending(lambda: self.finish("KILLED"))

    def start(self, run_params: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        """Open the run: parameters, command, environment, state of the code, process."""
        for left in journals_in(self._folder):
            left.close_if_killed()
        run_id = str(run_params["run_id"])
        self._journal = Journal(self._folder / f"{run_id}{SUFFIX}")
        chosen = run_params.get("pipeline_names") or ["__default__"]
        tags = {
            "environment": str(run_params.get("env") or "local"),
            "command": command_as_typed(),
            "command.again": command_of(run_params),
            **code_state(self._project_path),
            **this_process(),
        }
        name = f"{'+'.join(chosen)} {run_id[:19]}"
        self._tell(
            "start", run_id=run_id, name=name, tags=tags, params=_as_text(flatten(parameters))
        )
        self._ending.watch()
        if self._seconds > 0:
            self._system = SystemMetrics(self._seconds, self._log_system)
            self._system.start()

    def note(self, name: str, text: str) -> None:
        """Tag the run, for example with a dataset's version."""
        self._tell("tags", tags={name: text})

    def log_metrics(self, prefix: str, document: Mapping[str, Any], step: int = 0) -> None:
        """Write down the numbers of a document, by dotted name after `prefix`."""
        values = {f"{prefix}.{key}": value for key, value in numbers(document).items()}
        if values:
            self._tell("metrics", values=values, step=step)

    def log_file(self, name: str, path: Path) -> None:
        """Copy a file into the folder `name` of the run."""
        self._tell("file", path=str(path.resolve()), folder=name)

    def log_snapshot(self, snapshot: StoredSnapshot) -> None:
        """Log a snapshot while training goes on: its row of the curve, and the grid of samples."""
        self.log_row(snapshot.row())
        key = "samples" if snapshot.attempt == 0 else f"samples attempt {snapshot.attempt}"
        path = (snapshot.folder / GRID).resolve()
        self._tell("image", path=str(path), key=key, step=round(snapshot.kimg))

    def log_row(self, row: Mapping[str, Any]) -> None:
        """Log one row with a ``kimg`` column, once, as metrics over steps of one kimg.

        The attempts after a collapse have lines of their own. ``seconds_per_kimg`` becomes
        ``images_per_second`` as well.
        """
        attempt, kimg = int(row.get("attempt", 0)), float(row["kimg"])
        if (attempt, kimg) in self._rows:
            return
        self._rows.add((attempt, kimg))
        values = {_COLUMNS.get(key, key): row[key] for key in row if key not in _STEP}
        if values.get("seconds_per_kimg"):
            values["images_per_second"] = _IMAGES_PER_KIMG / values["seconds_per_kimg"]
        self.log_metrics(f"curve.attempt_{attempt}" if attempt else "curve", values, round(kimg))

    def log_trial(self, trial: Mapping[str, Any]) -> None:
        """Log one finished training of many as a child run: its ``name``, settings and figures."""
        figures = {key: value for key, value in trial.items() if isinstance(value, float)}
        settings = {key: str(value) for key, value in trial.items() if key not in figures}
        name, metrics = str(trial["name"]), numbers(figures)
        self._tell("child", id=uuid.uuid4().hex, name=name, params=settings, metrics=metrics)

    def log_model(self, **event: Any) -> None:
        """Register a saved model, see `cosmop.tracking.models.ModelShelf.register`."""
        self._tell("model", **event)

    def log_judgement(self, **event: Any) -> None:
        """Give a registered version its figures, see `ModelShelf.judge`."""
        self._tell("judged", **event)

    def finish(self, status: str) -> None:
        """Close the run, and say what MLflow was not told."""
        self._ending.forget()
        if self._system is not None:
            self._system.stop()
        self._tell("finish", status=status)
        if self._failure is None:
            self._journal.remove()
        else:
            self._warn(self._failure)

    def _warn(self, why: str) -> None:
        missing = ", ".join(f"{count} × {kind}" for kind, count in self._untold.items())
        logger.warning(
            "MLflow at %s does not have all of this run (missing: %s), because %s. The run and its "
            "results are whole; `make mlflow-sync` sends the rest when MLflow can be reached.",
            self._destination.shown(),
            missing,
            why,
        )

    def _log_system(self, values: Mapping[str, float], number: int) -> None:
        self._tell("metrics", values=dict(values), step=number)

    def _tell(self, kind: str, **content: Any) -> None:
        """Write an event down and tell MLflow; whatever goes wrong costs a warning at the end."""
        with self._lock:
            try:
                event = self._journal.append(kind, **content)
                if self._failure is None:
                    self._mirror.apply(event)
                    return
            except Exception as error:  # noqa: BLE001  MLflow raises many kinds; none may stop a run
                self._failure = self._failure or self._destination.explain(error)
            self._untold[kind] += 1


class _Ending:
    """Calls back when the process ends before the run does: by Ctrl-C, a signal or an exit."""

    def __init__(self, callback: Any) -> None:
        self._callback = callback
        self._pid = 0
        self._before: dict[signal.Signals, Any] = {}

    def watch(self) -> None:
        """Begin; SIGTERM and SIGHUP become ordinary exits unless somebody else handles them."""
        self._pid = os.getpid()
        atexit.register(self._end)
        in_main = threading.current_thread() is threading.main_thread()
        for number in _ENDS if in_main else ():
            if signal.getsignal(number) is signal.SIG_DFL:
                self._before[number] = signal.signal(number, _exit)

    def forget(self) -> None:
        """Stop watching."""
        atexit.unregister(self._end)
        for number, before in self._before.items():
            if signal.getsignal(number) is _exit:
                signal.signal(number, before)
        self._before.clear()

    def _end(self) -> None:
        if os.getpid() == self._pid:  # not in a process that was forked from this one
            self._callback()


def _exit(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _as_text(params: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in params.items()}
