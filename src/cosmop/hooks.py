"""What watches a run: checks before, the demo's world around, tracking and results after."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

import cosmop
from cosmop.datasets.snapshots import Workspaces
from cosmop.datasets.work_folders import WorkFolder
from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.node_records import keep_record
from cosmop.tracking import Tracker, code_state, command_of, flatten

logger = logging.getLogger(__name__)

_PARAMETERS_OF_HOOKS = ("demo",)
_TRAINER, _TEST = "training", "test_images"  # a tag of nodes, and a data set


class Guards:
    """Refuses early: unknown parameters, and inputs that an earlier pipeline has not made."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Let ``conf/local/credentials.yml`` count in every environment; check parameter names."""
        _add_local_credentials(context)
        _check_parameter_names(context.config_loader["parameters"])

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Name the command that makes the inputs which are missing.

        Raises:
            InputError: The pipeline needs data sets that exist in no version.
        """
        makers = {name: _maker_of(name) for name in sorted(pipeline.inputs())}
        missing = [name for name, maker in makers.items() if maker and not catalog.exists(name)]
        if not missing:
            return
        needed = [name for name in pipelines if name in {makers[item] for item in missing}]
        env = f" --env={run_params['env']}" if run_params.get("env") else ""
        raise InputError(
            f"This run needs {missing}, which nobody has made yet in this environment; make them "
            f"with `kedro run{env} --pipelines={','.join(needed)}`, or with everything before "
            f"them by `kedro run{env} --to-outputs={','.join(missing)}`."
        )

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog, inputs: dict[str, Any]) -> None:
        """Keep test images out of every trainer, however the pipelines are wired.

        A trainer (a node with the tag ``training``) may be given the test images by that name, to
        measure on them, and by no other.

        Raises:
            InputError: They reach it by another name.
        """
        if _TRAINER not in node.tags or not catalog.exists(_TEST):
            return
        test = set(catalog.load(_TEST).ids)
        for name, data in inputs.items():
            found = test.intersection(data.ids) if isinstance(data, ImageSet) else set()
            if found and name != _TEST:
                raise InputError(
                    f"{node.name} trains, so its input {name} must hold none of the {len(test)} "
                    f"test images, got {len(found)} of them, first {min(found)[:12]}…; split "
                    "again, and correct the wiring of whatever made that input."
                )


def _maker_of(dataset: str) -> str | None:
    """Return the pipeline that makes a data set, None for what comes from outside."""
    stories = (name for name in pipelines if name != "__default__")
    return next((name for name in stories if dataset in pipelines[name].all_outputs()), None)


def _add_local_credentials(context: KedroContext) -> None:
    """Merge ``conf/local/credentials.yml`` over the environment's, which Kedro itself skips."""
    path = Path(context.config_loader.conf_source) / "local" / "credentials.yml"
    if not path.exists():
        return
    from omegaconf import OmegaConf  # noqa: PLC0415

    try:
        given = dict(context.config_loader["credentials"])
    except MissingConfigException:
        given = {}
    local = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    if not isinstance(local, dict):
        raise InputError(
            f"{path} must map names to secrets, got {type(local).__name__}; see README."
        )
    context.config_loader["credentials"] = given | local


def _check_parameter_names(parameters: Mapping[str, Any]) -> None:
    """Refuse a parameter that no node reads: it is a misspelt one.

    Raises:
        InputError: Names it, and the nearest known name.
    """
    known = {
        name.removeprefix("params:")
        for pipeline in pipelines.values()
        for name in pipeline.inputs()
        if name.startswith("params:")
    }
    for name in _option_groups(parameters):
        if name not in known and name.split(".")[0] not in _PARAMETERS_OF_HOOKS:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {sorted(known)}."
            raise InputError(
                f"Parameters may only hold what some node reads, got {name!r}, which none does; "
                f"{hint}"
            )


def _as_any(catalog: DataCatalog, name: str) -> Any:
    """Return a data set for what only its own class can do."""
    return catalog[name]


def _option_groups(parameters: Mapping[str, Any]) -> Iterator[str]:
    for stage, groups in parameters.items():
        if isinstance(groups, Mapping):
            yield from (f"{stage}.{group}" for group in groups)
        else:
            yield str(stage)


class DemoWorld:
    """Plays the world around the demo study: it draws scenes, serves them, and labels them.

    With ``demo.enabled: false`` it does nothing, and the study meets the real world.
    """

    def __init__(self) -> None:
        self._stage: Any = None
        self._catalog: DataCatalog | None = None

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Draw what the run will look at, and start the gallery if the run will search."""
        raw = catalog.load("params:demo")
        if not raw.get("enabled", False):
            return
        from cosmop.demo.world import DemoOptions, World  # noqa: PLC0415  only the demo needs it

        options = DemoOptions.model_validate(raw)
        self._catalog = catalog
        self._stage = World(options, Path(run_params["project_path"]))
        self._stage.prepare(pipeline.inputs() | pipeline.all_outputs())
        if "host_addresses" in pipeline.inputs():
            catalog["host_addresses"].save(self._stage.open_gallery())

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Answer the label tasks as a person would."""
        if self._stage is not None and self._catalog is not None and dataset_name == "label_tasks":
            _as_any(self._catalog, "label_export").receive(self._stage.answer(data["tasks"]))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Close the gallery."""
        self._close()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Close the gallery."""
        self._close()

    def _close(self) -> None:
        if self._stage is not None and self._catalog is not None:
            self._stage.close_gallery()
            _as_any(self._catalog, "host_addresses").forget()
        self._stage = self._catalog = None


class Tracking:
    """Mirrors each run into MLflow: parameters, code state, versions, metrics, models."""

    def __init__(self) -> None:
        self._options: dict[str, Any] = {}
        self._tracker: Tracker | None = None
        self._catalog: DataCatalog | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember where runs are tracked."""
        self._options = dict(context.config_loader["mlflow"])
        self._parameters = flatten(context.config_loader["parameters"])

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Open a run with its parameters."""
        self._catalog = catalog
        if self._options.get("enabled", False):
            self._tracker = Tracker(self._options, Path(run_params["project_path"]))
            self._tracker.start(run_params, self._parameters)

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Note which version went in, and watch long work while it goes on."""
        self._note_version("loaded", dataset_name, "resolve_load_version")
        if self._tracker is not None and isinstance(data, Workspaces):
            data.listeners.append(self._tracker.log_snapshot)
        if self._tracker is not None and isinstance(data, WorkFolder):
            data.listeners.append(self._tracker.log_trial)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Note which version came out, and mirror metrics and models."""
        self._note_version("saved", dataset_name, "resolve_save_version")
        if self._tracker is not None and self._catalog is not None:
            self._tracker.mirror(dataset_name, self._catalog[dataset_name], data)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Close the run as finished."""
        self._close("FINISHED")

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Close the run as failed."""
        self._close("FAILED")

    def _note_version(self, what: str, dataset_name: str, resolver: str) -> None:
        if self._tracker is None or self._catalog is None or dataset_name.startswith("params:"):
            return
        resolve = getattr(self._catalog[dataset_name], resolver, None)
        version = resolve() if resolve else None
        if version:
            self._tracker.note(f"{what}.{dataset_name}", version)

    def _close(self, status: str) -> None:
        if self._tracker is not None:
            self._tracker.finish(status)
        self._tracker = self._catalog = None


class RunRecord:
    """Writes down what the report needs to trace each number: command, code, data versions."""

    def __init__(self) -> None:
        self._parameters: dict[str, Any] = {}
        self._run_params: dict[str, Any] = {}
        self._code: dict[str, str] = {}
        self._catalog: DataCatalog | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the parameters."""
        self._parameters = dict(context.config_loader["parameters"])

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Remember the run, and the code as it is before anything of it is imported late."""
        self._run_params, self._catalog = run_params, catalog
        self._code = code_state(Path(run_params["project_path"]))

    @hook_impl
    def before_dataset_loaded(self, dataset_name: str) -> None:
        """Write the record just before somebody reads it."""
        if dataset_name == "run_record" and self._catalog is not None:
            self._catalog["run_record"].save(self._record(self._catalog))

    def _record(self, catalog: DataCatalog) -> dict[str, Any]:
        code = self._code
        is_changed = code.get("code.dirty") == "true"
        return {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "environment": self._run_params.get("env") or "base",
            "command": command_of(self._run_params),
            "code_version": f"cosmop {cosmop.__version__}, commit {code['code.commit'][:12]}"
            + (", with changes" if is_changed else ""),
            "parameters": self._parameters,
            "datasets": list(_versions(catalog, Path(self._run_params["project_path"]))),
        }


def _versions(catalog: DataCatalog, project_path: Path) -> Iterator[dict[str, str]]:
    """Yield the newest version of everything the study has made, and which node makes it."""
    for node in pipelines["__default__"].nodes:
        for name in node.outputs:
            dataset = _as_any(catalog, name)
            if dataset.exists():
                path = Path(dataset._get_load_path())
                yield {
                    "dataset": name,
                    "version": path.parent.name,
                    "path": path.relative_to(project_path).as_posix(),
                    "produced_by": node.name,
                }


def _near(path: Path) -> Path:
    """Return `path` as a person in the working directory would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


class NodeRecords:
    """Writes down what each node was when it ran, for `cosmop.runners.IncrementalRunner`."""

    def __init__(self) -> None:
        self._catalog: DataCatalog | None = None
        self._saved: dict[str, set[str]] = defaultdict(set)

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog) -> None:
        """Remember the catalog: who saves is not told."""
        self._catalog = catalog
        self._saved.pop(node.name, None)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Note code, parameters and versions when the last output is safe on disk."""
        self._saved[node.name].add(dataset_name)
        if self._catalog is not None and self._saved[node.name] >= set(node.outputs):
            keep_record(node, self._catalog)


class Results:
    """Ends a run with a short table of results and where to look next."""

    @hook_impl
    def after_pipeline_run(
        self, run_result: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Print the table when this run has made it; a dry run has no results."""
        made = pipeline.all_outputs()
        if "study_metrics" not in made or not run_result:
            return
        from cosmop.reports.tables import results_table  # noqa: PLC0415

        click.echo("\n" + results_table(catalog.load("study_metrics")) + "\n")
        if "study_report" in made:
            report = Path(_as_any(catalog, "study_report")._get_load_path())
            click.echo(f"Report       {_near(report)}")
        click.echo("Flow         make viz      (kedro viz run)")
        click.echo("Comparison   make mlflow   (mlflow ui --backend-store-uri sqlite:///mlflow.db)")
