"""``python -m cosmop.tracking``: send MLflow what it was not told, in every environment."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from kedro.config import OmegaConfigLoader
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project

from cosmop.errors import InputError
from cosmop.tracking.sync import sync

_NOT_RUN_IN = ("base", "local")


def main() -> int:
    """Send all that is left in this folder's project; 1 if MLflow is out of reach."""
    project_path = Path.cwd()
    bootstrap_project(project_path)
    lines = 0
    try:
        for options in _options(project_path / settings.CONF_SOURCE):
            for line in sync(options, project_path):
                click.echo(line)
                lines += 1
    except InputError as error:
        click.echo(str(error), err=True)
        return 1
    if not lines:
        click.echo("MLflow has been told everything.")
    return 0


def _options(conf: Path) -> Iterator[Mapping[str, Any]]:
    """Yield ``mlflow.yml`` as each environment sees it, once per folder of journals."""
    seen = set()
    folders = [path.name for path in sorted(conf.iterdir()) if path.is_dir()]
    for env in ["local", *(name for name in folders if name not in _NOT_RUN_IN)]:
        arguments = {**settings.CONFIG_LOADER_ARGS}
        options = OmegaConfigLoader(conf_source=str(conf), env=env, **arguments)["mlflow"]
        if options["journals"] not in seen:
            seen.add(options["journals"])
            yield options


if __name__ == "__main__":
    sys.exit(main())
