"""A version of a model as the folder that MLflow registers: card, weights, signature, example."""

import logging
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cosmop
from cosmop.tracking.pyfunc import load_served

CARD = "README.md"
WEIGHTS = "data"  # where MLflow puts what a model is loaded from


def package(event: Mapping[str, Any], folder: Path) -> None:
    """Write the folder of a model into `folder`, which does not exist yet.

    Args:
        event: Of a saved model: ``path`` of the version, ``load`` for
            `cosmop.tracking.pyfunc.load_served` (without it the files are copied and no more), and
            ``card``.
        folder: To be made.
    """
    path = Path(event["path"])
    if event.get("load"):
        with warnings.catch_warnings():  # MLflow complains of type hints of its own
            warnings.filterwarnings("ignore", message=".*Any type hint is inferred")
            _save_as_pyfunc(path, event["load"], folder)
    else:
        _copy(path, folder / WEIGHTS / path.name)
    (folder / CARD).write_text(event["card"], encoding="utf-8")


def _save_as_pyfunc(path: Path, load: Mapping[str, Any], folder: Path) -> None:
    from mlflow import pyfunc  # noqa: PLC0415  it takes four seconds
    from mlflow.models import infer_signature  # noqa: PLC0415

    logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)  # it sets its own when imported
    served = load_served(path, load)
    example = served.example()
    pyfunc.save_model(
        path=folder,
        loader_module="cosmop.tracking.pyfunc",
        data_path=path,
        model_config=dict(load),
        signature=infer_signature(example, served.predict(example)),
        input_example=example,
        pip_requirements=[f"cosmop=={cosmop.__version__}"],
    )


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copy2(path, target)


def short_card(event: Mapping[str, Any]) -> str:
    """Return the least a reader must know of a version, as Markdown."""
    data = "\n".join(f"- `{name}` {version}" for name, version in event["data"].items())
    return (
        f"# {event['registered']}\n\n"
        f"The data set `{event['name']}`, version `{event['version']}`, of a cosmop study.\n\n"
        f"## Made from\n\n{data or '- nothing that has versions'}\n\n"
        "## Loading\n\n"
        f"`kedro run --load-versions={event['name']}:{event['version']}`, or, where the version is "
        f"registered, `kedro run --params=registered.{event['name']}=<alias or number>`.\n"
    )
