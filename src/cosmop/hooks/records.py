"""What is written down of runs and nodes."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Node

import cosmop
from cosmop.hooks.catalogs import as_any
from cosmop.node_records import keep_record
from cosmop.tracking import code_state, command_of


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
            dataset = as_any(catalog, name)
            if dataset.exists():
                path = Path(dataset._get_load_path())
                yield {
                    "dataset": name,
                    "version": path.parent.name,
                    "path": path.relative_to(project_path).as_posix(),
                    "produced_by": node.name,
                }


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
