"""What a run tells MLflow: parameters, versions, times, metrics, models, and how it ended."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.validation.exceptions import ParameterValidationError
from kedro.validation.parameter_validator import ParameterValidator

from cosmop.datasets.snapshots import Workspaces
from cosmop.datasets.work_folders import WorkFolder
from cosmop.hooks.catalogs import as_any
from cosmop.hooks.models import judgement_of, model_of, models_in, pin, wish_of
from cosmop.hooks.stopwatch import Stopwatch
from cosmop.session import explain
from cosmop.tracking import Destination, Tracker


class Tracking:
    """Mirrors each run into MLflow, from the first node that runs; a run of none leaves nothing."""

    def __init__(self) -> None:
        self._options: dict[str, Any] = {}
        self._parameters: dict[str, Any] = {}
        self._project_path = Path()
        self._forget()

    def _forget(self) -> None:
        self._run_params: dict[str, Any] = {}
        self._tracker: Tracker | None = None
        self._catalog: DataCatalog | None = None
        self._pipeline = Pipeline([])
        self._stopwatch = Stopwatch()
        self._saved: dict[str, str] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember where runs are tracked."""
        self._options = dict(context.config_loader["mlflow"])
        self._parameters = dict(context.config_loader["parameters"])
        self._project_path = Path(context.project_path)
        self._forget()

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog, save_version: str) -> None:
        """Let ``registered.<data set>: champion`` stand for the version that is registered so."""
        for name, wanted in (self._parameters.get("registered") or {}).items():
            destination = Destination.of(self._options, self._project_path)
            pin(catalog, name, str(wanted), destination, save_version)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Remember the run; it is opened when something runs."""
        self._forget()
        self._run_params, self._pipeline, self._catalog = run_params, pipeline, catalog

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """Open the run, and begin to measure the node's time."""
        self._open()
        self._stopwatch.begin(node.name)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Open the run, and begin to measure the time of a node that loads nothing."""
        self._open()
        self._stopwatch.begin(node.name)

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Note which version went in, and watch long work while it goes on."""
        tracker = self._open()
        if tracker is None:
            return
        self._note_version(tracker, "loaded", dataset_name, "resolve_load_version")
        if isinstance(data, Workspaces):
            data.listeners.append(tracker.log_snapshot)
        if isinstance(data, WorkFolder):
            data.listeners.append(tracker.log_trial)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Note which version came out, mirror what it asks for, and log the node's time."""
        tracker = self._open()
        if tracker is None or self._catalog is None:
            return
        version = self._note_version(tracker, "saved", dataset_name, "resolve_save_version")
        self._saved[dataset_name] = version
        _mirror(tracker, dataset_name, as_any(self._catalog, dataset_name), data)
        if self._saved.keys() >= set(node.outputs):
            tracker.log_metrics("seconds.node", {node.name: self._stopwatch.seconds(node.name)})

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Close the run as finished, with the metrics that still hold and the models it made."""
        if self._tracker is not None and self._catalog is not None:
            self._carry_metrics(self._tracker, self._catalog)
            self._log_models(self._tracker, self._catalog)
        self._close("FINISHED")

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Close the run as failed, with its sentence."""
        if self._tracker is not None:
            lines = str(error).strip().splitlines() or [""]
            self._tracker.note("error", explain(error) or f"{type(error).__name__}: {lines[0]}")
        self._close("FAILED")

    def _open(self) -> Tracker | None:
        if self._tracker is None and self._run_params and self._options.get("enabled", False):
            self._tracker = Tracker(self._options, self._project_path)
            self._tracker.start(self._run_params, _with_defaults(self._parameters))
        return self._tracker

    def _close(self, status: str) -> None:
        if self._tracker is not None:
            self._tracker.log_metrics("seconds.stage", self._stage_seconds())
            self._tracker.finish(status)
        self._forget()

    def _stage_seconds(self) -> dict[str, float]:
        totals: dict[str, float] = defaultdict(float)
        for stage, pipeline in pipelines.items():
            for node in pipeline.nodes if stage != "__default__" else []:
                totals[stage] += self._stopwatch.seconds(node.name)
        return {stage: seconds for stage, seconds in totals.items() if seconds > 0}

    def _note_version(self, tracker: Tracker, what: str, name: str, resolver: str) -> str:
        if self._catalog is None or name.startswith("params:"):
            return ""
        resolve = getattr(as_any(self._catalog, name), resolver, None)
        version = (resolve() if resolve else None) or ""
        if version:
            tracker.note(f"{what}.{name}", version)
        return version

    def _carry_metrics(self, tracker: Tracker, catalog: DataCatalog) -> None:
        """Mirror the metrics of this run's stages that it had no need to measure anew."""
        for name in sorted(self._pipeline.all_outputs() - self._saved.keys()):
            if wish_of(catalog, name) == "metrics" and catalog.exists(name):
                tracker.log_metrics(name, catalog.load(name))
                self._note_version(tracker, "carried", name, "resolve_load_version")

    def _log_models(self, tracker: Tracker, catalog: DataCatalog) -> None:
        """Register the models that were saved, then judge all that were measured."""
        for name, wish in models_in(catalog, self._pipeline):
            if name in self._saved:
                tracker.log_model(**model_of(catalog, name, wish))
            if wish["metric"].split(".")[0] in self._saved:
                judgement = judgement_of(catalog, name, wish, self._saved.get(name))
                if judgement is not None:
                    tracker.log_judgement(**judgement)


def _with_defaults(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of all pipelines, typed: two runs then differ in what is different.

    They are as they came where those of some other pipeline cannot be used.
    """
    try:
        return ParameterValidator(dict(pipelines)).validate_raw_params(parameters)
    except ParameterValidationError:
        return parameters


def _mirror(tracker: Tracker, name: str, dataset: Any, data: Any) -> None:
    """Log what the data set's ``metadata.mlflow`` asks for: metrics, curve or file."""
    wish = (getattr(dataset, "metadata", None) or {}).get("mlflow")
    if wish == "metrics":
        tracker.log_metrics(name, data)
    elif wish == "curve":
        for row in data.to_dict("records"):
            tracker.log_row(row)
    elif wish == "file":
        tracker.log_file(name, Path(dataset._get_load_path()))
