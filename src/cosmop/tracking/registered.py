"""A registered version of a model, by alias or number, as the version of its data set."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from cosmop.errors import InputError
from cosmop.tracking.mirror import Destination
from cosmop.tracking.models import VERSION_TAG
from cosmop.tracking.packages import WEIGHTS


def resolve(destination: Destination, registered: str, wanted: str) -> tuple[str, str]:
    """Return number and data set version of a registered model.

    Args:
        destination: Which MLflow.
        registered: Its name there.
        wanted: Alias, as ``champion``, or number.

    Raises:
        InputError: There is no such model or version, or MLflow cannot be reached.
    """
    try:
        found = _find(destination.client(), registered, wanted)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"Loading {registered} {wanted!r} needs MLflow at {destination.shown()}, got "
            f"{destination.explain(error)}; start it, or name the version by --load-versions."
        ) from error
    return str(found.version), str(found.tags[VERSION_TAG])


def _find(client: Any, registered: str, wanted: str) -> Any:
    models = {model.name: model for model in client.search_registered_models()}
    if registered not in models:
        raise InputError(
            f"A registered model must be one of {sorted(models)}, got {registered!r}; run the "
            "pipeline that makes it first."
        )
    versions = {str(item.version): item for item in client.search_model_versions(
        f"name = '{registered}'")}  # fmt: skip
    number = str(models[registered].aliases.get(wanted, wanted))
    if number not in versions or VERSION_TAG not in versions[number].tags:
        raise InputError(
            f"{registered} must be asked for by alias ({sorted(models[registered].aliases)}) or "
            f"number ({sorted(versions, key=int)}), got {wanted!r}; see `make mlflow`."
        )
    return versions[number]


def fetch(destination: Destination, registered: str, number: str, path: Path) -> None:
    """Download the weights of a registered version to `path`, whole or not at all.

    Raises:
        InputError: MLflow does not hand them out.
    """
    from mlflow.artifacts import download_artifacts  # noqa: PLC0415  it takes four seconds

    client = destination.client()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        try:
            uri = client.get_model_version_download_uri(registered, number)
            got = download_artifacts(
                artifact_uri=f"{uri}/{WEIGHTS}/{path.name}",
                dst_path=folder,
                tracking_uri=destination.uri,
            )
        except Exception as error:
            raise InputError(
                f"{registered} {number} is not on this machine and must come from MLflow at "
                f"{destination.shown()}, got {destination.explain(error)}; copy it to {path}."
            ) from error
        shutil.move(got, path)
