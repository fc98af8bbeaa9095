"""The mirror of a run in MLflow; nothing lies there only."""

import logging
import math
import subprocess
import time
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from cosmop.datasets.snapshots import StoredSnapshot

P = ParamSpec("P")
logger = logging.getLogger(__name__)

_LONGEST_PARAMETER = 6000  # MLflow 3 refuses longer values
_LARGEST_BATCH = 100  # parameters or tags per call


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested mappings into one with dotted names; lists become their text."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def numbers(tree: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a metrics document by dotted name (``value`` itself is left out)."""
    return {
        name.removesuffix(".value"): float(value)
        for name, value in flatten(tree).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _forgiving(
    method: Callable[Concatenate["Tracker", P], None],
) -> Callable[Concatenate["Tracker", P], None]:
    """Let a tracking failure cost a warning, never the run: datasets hold the results."""

    @wraps(method)
    def call(tracker: "Tracker", /, *args: P.args, **kwargs: P.kwargs) -> None:
        if not tracker.is_broken:
            try:
                method(tracker, *args, **kwargs)
            except Exception as error:  # noqa: BLE001  MLflow raises many kinds; none may stop a study
                tracker.is_broken = True
                logger.warning("MLflow tracking stops for this run: %s", error)

    return call


class Tracker:
    """One MLflow run for one ``kedro run``.

    Args:
        options: ``tracking_uri`` and ``experiment`` of ``mlflow.yml``.
        project_path: What a relative SQLite path is relative to.
    """

    def __init__(self, options: Mapping[str, Any], project_path: Path) -> None:
        self.is_broken = False
        self._project_path = project_path
        self._experiment = str(options["experiment"])
        self._uri = _absolute_uri(str(options["tracking_uri"]), project_path)
        self._client: Any = None
        self._run_id = ""
        self._parameters: dict[str, Any] = {}
        self._metrics: dict[str, float] = {}
        self._models: list[tuple[str, str, Mapping[str, Any]]] = []
        self._version = ""
        self._seen: set[tuple[int, float]] = set()

    @_forgiving
    def start(self, run_params: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        """Open the run: parameters, command, state of the code."""
        from mlflow import MlflowClient  # noqa: PLC0415  it takes four seconds
        from mlflow.entities import Param  # noqa: PLC0415

        self._client = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        self._version = str(run_params["run_id"])
        chosen = run_params.get("pipeline_names") or ["__default__"]
        tags = {
            "mlflow.runName": f"{'+'.join(chosen)} {self._version[:19]}",
            "run_id": self._version,
            "environment": str(run_params.get("env") or "local"),
            "command": command_of(run_params),
        } | code_state(self._project_path)
        run = self._client.create_run(self._experiment_id(), tags=tags)
        self._run_id = run.info.run_id
        self._parameters = dict(parameters)
        items = [Param(key, str(value)[:_LONGEST_PARAMETER]) for key, value in parameters.items()]
        for start in range(0, len(items), _LARGEST_BATCH):
            self._client.log_batch(self._run_id, params=items[start : start + _LARGEST_BATCH])

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        if found is not None:
            return str(found.experiment_id)
        artifacts = None
        if self._uri.startswith("sqlite:///"):
            artifacts = (self._project_path / "mlartifacts").resolve().as_uri()
        return str(self._client.create_experiment(self._experiment, artifact_location=artifacts))

    @_forgiving
    def note(self, name: str, text: str) -> None:
        """Tag the run, for example with a dataset's version."""
        self._client.set_tag(self._run_id, name, text)

    @_forgiving
    def mirror(self, name: str, dataset: Any, data: Any) -> None:
        """Copy what the dataset's ``metadata.mlflow`` asks for: metrics, curve, model or file."""
        wanted = (getattr(dataset, "metadata", None) or {}).get("mlflow")
        if wanted is None:
            return
        if wanted == "metrics":
            self._log_metrics(name, data)
        elif wanted == "curve":
            self._log_curve(data)
        elif wanted == "file":
            self._client.log_artifact(self._run_id, str(dataset._get_load_path()), name)
        else:
            self._models.append((name, str(dataset._get_load_path()), wanted))

    def _log_metrics(self, name: str, document: Mapping[str, Any]) -> None:
        values = {f"{name}.{key}": value for key, value in numbers(document).items()}
        self._metrics |= values
        for key, value in values.items():
            self._client.log_metric(self._run_id, key, value)

    @_forgiving
    def log_snapshot(self, snapshot: StoredSnapshot) -> None:
        """Log a snapshot while training goes on: its row of the curve, and the grid of samples."""
        self._log_row(snapshot.row())
        key = "samples" if snapshot.attempt == 0 else f"samples attempt {snapshot.attempt}"
        step = round(snapshot.kimg)
        self._client.log_image(self._run_id, snapshot.grid(), key=key, step=step, synchronous=True)

    def _log_curve(self, curve: Any) -> None:
        """Log those rows of a table that were not logged while they were measured."""
        for row in curve.to_dict("records"):
            self._log_row(row)

    def _log_row(self, row: Mapping[str, Any]) -> None:
        """Log one row with a ``kimg`` column, once, as metrics over steps of one kimg.

        The attempts after a collapse have lines of their own.
        """
        attempt, kimg = int(row.get("attempt", 0)), float(row["kimg"])
        if (attempt, kimg) in self._seen:
            return
        self._seen.add((attempt, kimg))
        from mlflow.entities import Metric  # noqa: PLC0415  it takes four seconds

        prefix = f"curve.attempt_{attempt}" if attempt else "curve"
        now = time.time_ns() // 1_000_000
        self._client.log_batch(
            self._run_id,
            metrics=[
                Metric(f"{prefix}.{key}", float(value), now, round(kimg))
                for key, value in numbers(row).items()
                if key not in ("kimg", "attempt") and math.isfinite(value)
            ],
        )

    @_forgiving
    def log_trial(self, trial: Mapping[str, Any]) -> None:
        """Log one finished training of many as a child run: its ``name``, settings and figures."""
        from mlflow.entities import Metric, Param  # noqa: PLC0415  it takes four seconds

        tags = {"mlflow.runName": str(trial["name"]), "mlflow.parentRunId": self._run_id}
        run_id = self._client.create_run(self._experiment_id(), tags=tags).info.run_id
        now = time.time_ns() // 1_000_000
        figures = {key: value for key, value in trial.items() if isinstance(value, float)}
        settings = {key: str(value) for key, value in trial.items() if key not in figures}
        self._client.log_batch(
            run_id,
            metrics=[Metric(key, value, now, 0) for key, value in figures.items()],
            params=[Param(key, text[:_LONGEST_PARAMETER]) for key, text in settings.items()],
        )
        self._client.set_terminated(run_id, "FINISHED")

    @_forgiving
    def finish(self, status: str) -> None:
        """Register the models, then close the run."""
        for name, path, wanted in self._models:
            self._register(name, path, wanted)
        self._client.set_terminated(self._run_id, status)

    def _register(self, name: str, path: str, wanted: Mapping[str, Any]) -> None:
        """Make a logged model and a registered version; the best one is called champion."""
        metric = str(wanted["metric"])
        value = self._metrics.get(metric)
        model = self._client.create_logged_model(
            experiment_id=self._experiment_id(),
            name=name,
            source_run_id=self._run_id,
            params={"dataset": name, "path": path},
            tags={"version": self._version},
            model_type=name,
        )
        log = (
            self._client.log_model_artifacts
            if Path(path).is_dir()
            else self._client.log_model_artifact
        )
        log(model.model_id, path)
        self._client.finalize_logged_model(model.model_id, "READY")
        if value is not None:
            self._client.log_metric(self._run_id, metric, value, model_id=model.model_id)
        registered = f"cosmop-{name.replace('_', '-')}"
        self._ensure_registered(registered)
        version = self._client.create_model_version(
            registered,
            source=model.artifact_location,
            run_id=self._run_id,
            model_id=model.model_id,
            tags={"version": self._version} | ({} if value is None else {metric: str(value)}),
        ).version
        self._client.set_registered_model_alias(registered, "newest", version)
        if self._is_champion(registered, metric, value, lower=wanted["better"] == "lower"):
            self._client.set_registered_model_alias(registered, "champion", version)

    def _ensure_registered(self, registered: str) -> None:
        if not self._client.search_registered_models(f"name = '{registered}'"):
            self._client.create_registered_model(registered)

    def _is_champion(
        self, registered: str, metric: str, value: float | None, *, lower: bool
    ) -> bool:
        aliases = self._client.get_registered_model(registered).aliases
        if "champion" not in aliases:
            return True
        champion = self._client.get_model_version(registered, aliases["champion"])
        if value is None or metric not in champion.tags:
            return False
        best = float(champion.tags[metric])
        return value < best if lower else value > best


def _absolute_uri(uri: str, project_path: Path) -> str:
    scheme = "sqlite:///"
    path = uri.removeprefix(scheme)
    if not uri.startswith(scheme) or path.startswith("/"):
        return uri
    return f"{scheme}{(project_path / path).resolve().as_posix()}"


def command_of(run_params: Mapping[str, Any]) -> str:
    """Write the run's parameters as the ``kedro run`` command that repeats it."""
    names = {
        "pipeline_names": "pipelines",
        "node_names": "nodes",
        "from_nodes": "from-nodes",
        "to_nodes": "to-nodes",
        "from_inputs": "from-inputs",
        "to_outputs": "to-outputs",
        "tags": "tags",
        "namespaces": "namespaces",
    }
    words = ["kedro run"]
    if run_params.get("env"):
        words.append(f"--env={run_params['env']}")
    words += [
        f"--{flag}={','.join(run_params[key])}"
        for key, flag in names.items()
        if run_params.get(key)
    ]
    if run_params.get("only_missing_outputs"):
        words.append("--only-missing-outputs")
    for flag, key, mark in (
        ("load-versions", "load_versions", ":"),
        ("params", "runtime_params", "="),
    ):
        if run_params.get(key):
            pairs = flatten(run_params[key]).items()
            words.append(f"--{flag}=" + ",".join(f"{name}{mark}{value}" for name, value in pairs))
    return " ".join(words)


def code_state(project_path: Path) -> dict[str, str]:
    """Return the commit and whether the working tree differs from it; unknown without git."""

    def git(*words: str) -> str:
        done = subprocess.run(  # noqa: S603  fixed words, no shell
            ["git", *words],  # noqa: S607
            cwd=project_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "HEAD")
        dirty = bool(git("status", "--porcelain"))
    except FileNotFoundError:
        commit, dirty = "", False
    if not commit:
        return {"code.commit": "unknown"}
    return {"code.commit": commit, "code.dirty": str(dirty).lower()}
