"""Tells the events of a run to MLflow; telling an event twice changes nothing.

Kinds of events: ``start`` (run_id, name, tags, params), ``tags`` (tags),
``metrics`` (values, step), ``image`` (path, key, step), ``file`` (path, folder), ``child`` (id,
name, params, metrics), ``model``, ``judged`` (see `cosmop.tracking.models`), ``finish`` (status).
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cosmop.tracking.journal import Event
from cosmop.tracking.models import ModelShelf
from cosmop.tracking.origins import is_gone

logger = logging.getLogger(__name__)

_LONGEST_PARAMETER = 6000  # MLflow 3 refuses longer values
_LARGEST_BATCH = 100  # parameters or tags per call
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "20", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Destination:
    """Where runs are told to.

    Attributes:
        uri: MLflow's tracking address.
        experiment: Its name.
        artifacts: Where a new experiment keeps files; None leaves it to the server.
    """

    uri: str
    experiment: str
    artifacts: str | None

    @staticmethod
    def of(options: Mapping[str, Any], project_path: Path) -> "Destination":
        """Read ``mlflow.yml``; the environment's ``MLFLOW_TRACKING_URI`` counts more.

        Args:
            options: ``tracking_uri`` and ``experiment``.
            project_path: What a relative SQLite path is relative to.
        """
        given = os.environ.get("MLFLOW_TRACKING_URI") or str(options["tracking_uri"])
        artifacts = None
        if given.startswith(_SQLITE):
            path = (project_path / given.removeprefix(_SQLITE)).resolve()
            given = f"{_SQLITE}{path.as_posix()}"
            artifacts = (path.parent / "mlartifacts").as_uri()
        return Destination(given, str(options["experiment"]), artifacts)

    def shown(self) -> str:
        """Return the address without a password."""
        return self._without_password(self.uri)

    def explain(self, error: Exception) -> str:
        """Return kind and first line of what MLflow raised, without a password."""
        lines = str(error).strip().splitlines() or [""]
        return self._without_password(f"{type(error).__name__}: {lines[0]}")

    def _without_password(self, text: str) -> str:
        secret, at, _ = urlsplit(self.uri).netloc.rpartition("@")
        return text.replace(f"{secret}@", "") if at else text

    def client(self) -> Any:
        """Return MLflow's client, which gives up on a silent server after seconds, not minutes."""
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # we say it once
        from mlflow import MlflowClient  # noqa: PLC0415  it takes four seconds

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)


class Mirror:
    """The run of one journal in MLflow; its first event has to be ``start``."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._client: Any = None
        self._experiment_id = ""
        self._run_id = ""

    def apply(self, event: Event) -> None:
        """Tell one event.

        Raises:
            Exception: Whatever MLflow raises; nothing is half done that a second telling would not
                complete.
        """
        told: dict[str, Callable[[Event], None]] = {
            "start": self._start,
            "tags": self._set_tags,
            "metrics": self._log_metrics,
            "image": self._log_image,
            "file": self._log_file,
            "child": self._log_child,
            "model": lambda event: self._shelf().register(self._run_id, event),
            "judged": self._judge,
            "finish": self._finish,
        }
        told[event["event"]](event)

    def _start(self, event: Event) -> None:
        self._client = self._destination.client()
        self._experiment_id = self._find_experiment()
        tags = {"mlflow.runName": event["name"], "run_id": event["run_id"], **event["tags"]}
        self._run_id = self._find_run(f"tags.run_id = '{event['run_id']}'") or self._create_run(
            event["time"], tags
        )
        self._log_params(event["params"])
        self._end_runs_whose_process_is_gone()

    def _find_experiment(self) -> str:
        name = self._destination.experiment
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        artifacts = self._destination.artifacts
        return str(self._client.create_experiment(name, artifact_location=artifacts))

    def _find_run(self, wanted: str) -> str | None:
        found = self._client.search_runs([self._experiment_id], wanted, max_results=1)
        return str(found[0].info.run_id) if found else None

    def _create_run(self, time_ms: int, tags: Mapping[str, str]) -> str:
        run = self._client.create_run(self._experiment_id, start_time=time_ms, tags=dict(tags))
        return str(run.info.run_id)

    def _end_runs_whose_process_is_gone(self) -> None:
        """A killed process cannot end its own run."""
        running = self._client.search_runs([self._experiment_id], "attributes.status = 'RUNNING'")
        for run in running:
            if is_gone(run.data.tags):
                self._client.set_terminated(run.info.run_id, "KILLED")

    def _log_params(self, values: Mapping[str, Any], run_id: str | None = None) -> None:
        from mlflow.entities import Param  # noqa: PLC0415  it takes four seconds

        params = [Param(key, str(value)[:_LONGEST_PARAMETER]) for key, value in values.items()]
        for batch in _batches(params):
            self._client.log_batch(run_id or self._run_id, params=batch)

    def _set_tags(self, event: Event) -> None:
        from mlflow.entities import RunTag  # noqa: PLC0415  it takes four seconds

        tags = [RunTag(key, str(value)) for key, value in event["tags"].items()]
        for batch in _batches(tags):
            self._client.log_batch(self._run_id, tags=batch)

    def _log_metrics(self, event: Event, run_id: str | None = None) -> None:
        from mlflow.entities import Metric  # noqa: PLC0415  it takes four seconds

        step = int(event.get("step", 0))
        metrics = [
            Metric(key, value, event["time"], step) for key, value in event["values"].items()
        ]
        for batch in _batches(metrics):
            self._client.log_batch(run_id or self._run_id, metrics=batch)

    def _log_image(self, event: Event) -> None:
        from PIL import Image  # noqa: PLC0415

        key, step, time = event["key"], event["step"], event["time"]
        kept = self._client.list_artifacts(self._run_id, "images")
        if any(f"{key}+step+{step}+timestamp+{time}+" in item.path for item in kept):
            return
        with Image.open(event["path"]) as image:
            self._client.log_image(
                self._run_id, image.convert("RGB"), key=key, step=step, timestamp=time,
                synchronous=True,
            )  # fmt: skip

    def _log_file(self, event: Event) -> None:
        self._client.log_artifact(self._run_id, event["path"], event["folder"])

    def _log_child(self, event: Event) -> None:
        tags = {
            "mlflow.runName": event["name"],
            "mlflow.parentRunId": self._run_id,
            "child_id": event["id"],
        }
        wanted = f"tags.child_id = '{event['id']}'"
        run_id = self._find_run(wanted) or self._create_run(event["time"], tags)
        self._log_params(event["params"], run_id)
        self._log_metrics({**event, "values": event["metrics"]}, run_id)
        self._client.set_terminated(run_id, "FINISHED", end_time=event["time"])

    def _shelf(self) -> ModelShelf:
        return ModelShelf(self._client, self._experiment_id)

    def _judge(self, event: Event) -> None:
        sentence = self._shelf().judge(self._run_id, event)
        if sentence:
            logger.info("%s", sentence)

    def _finish(self, event: Event) -> None:
        self._client.set_terminated(self._run_id, event["status"], end_time=event["time"])


def _batches(items: list[Any]) -> Iterator[list[Any]]:
    return (items[at : at + _LARGEST_BATCH] for at in range(0, len(items), _LARGEST_BATCH))
