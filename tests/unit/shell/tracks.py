"""Runs that are tracked, and what MLflow has of them."""

from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from cosmop.tracking import Tracker

RUN = {"run_id": "2026-01-01T00.00.00.000Z", "env": "test", "pipeline_names": ["evaluation"]}


def options(uri: str = "sqlite:///mlflow.db") -> dict[str, Any]:
    return {"tracking_uri": uri, "experiment": "tests", "journals": "journals"}


def tracker_in(folder: Path, uri: str = "sqlite:///mlflow.db") -> Tracker:
    return Tracker(options(uri), folder)


def client_of(folder: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{folder}/mlflow.db")


def runs_of(client: MlflowClient) -> list[Any]:
    """All runs, the newest first."""
    found = client.get_experiment_by_name("tests")
    return [] if found is None else list(client.search_runs([found.experiment_id]))


def journals_of(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "journals").glob("*"))
