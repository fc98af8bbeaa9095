"""What a person sees when a study has run."""

from pathlib import Path
from typing import Any

import click
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from cosmop.hooks.catalogs import as_any


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
            report = Path(as_any(catalog, "study_report")._get_load_path())
            click.echo(f"Report       {_near(report)}")
        click.echo("Flow         make viz      (kedro viz run)")
        click.echo("Comparison   make mlflow   (mlflow ui --backend-store-uri sqlite:///mlflow.db)")


def _near(path: Path) -> Path:
    """Return `path` as a person in the working directory would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
