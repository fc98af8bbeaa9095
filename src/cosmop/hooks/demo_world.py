"""The world around the demo study."""

from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from cosmop.hooks.catalogs import as_any


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
            as_any(catalog, "host_addresses").hold(self._stage.open_gallery())

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Answer the label tasks as a person would."""
        if self._stage is not None and self._catalog is not None and dataset_name == "label_tasks":
            as_any(self._catalog, "label_export").receive(self._stage.answer(data["tasks"]))

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
            as_any(self._catalog, "host_addresses").hold(None)
        self._stage = self._catalog = None
