"""Models without pickles: safetensors + JSON for networks, skops for scikit-learn."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from kedro.io.core import Version
from kedro.utils import load_obj
from kedro_datasets._typing import JSONPreview

from cosmop.datasets.versioned_path import VersionedPathDataset
from cosmop.errors import InputError

WEIGHTS = "model.safetensors"
CONFIG = "config.json"


class ModelDataset(VersionedPathDataset[Any]):
    """A folder with ``model.safetensors`` and ``config.json``.

    Args:
        filepath: The folder.
        builder: Import path of the function that makes the network from its configuration, the
            mapping that the network's ``describe()`` returned.
        version: Given by Kedro.
        metadata: For kedro-viz.
    """

    def __init__(
        self,
        *,
        filepath: str,
        builder: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        self._builder = builder

    def _read(self, path: Path) -> Any:
        return load_network(path, self._builder)

    def _write(self, path: Path, data: Any) -> None:
        save_network(path, data)

    def _describe(self) -> dict[str, Any]:
        return super()._describe() | {"builder": self._builder}

    def preview(self) -> JSONPreview:
        """Return the configuration and the size of the weights."""
        path = self._existing_path()
        config = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        megabytes = round((path / WEIGHTS).stat().st_size / 1e6, 2)
        return JSONPreview(json.dumps({"weights_mb": megabytes, **config}))


def save_network(folder: Path, network: Any) -> None:
    """Write a network that has ``state_dict()`` and ``describe()`` to a new `folder`."""
    from safetensors.torch import save_file  # noqa: PLC0415  torch takes seconds to import

    folder.mkdir(parents=True)
    state = {
        name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()
    }
    save_file(state, folder / WEIGHTS)
    text = json.dumps(network.describe(), indent=1, sort_keys=True)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def load_network(folder: Path, builder: str) -> Any:
    """Build the network that `folder` describes and load its weights, ready to evaluate.

    Raises:
        InputError: The files do not belong together or are damaged.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415  torch takes seconds to import

    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        network = load_obj(builder)(config)
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, RuntimeError, KeyError, json.JSONDecodeError) as error:
        raise InputError(
            f"The model in {folder} must be a matching {CONFIG} and {WEIGHTS}, got {error}; load "
            "an earlier version with --load-versions or make it again."
        ) from error
    return network.eval()


class SklearnModelDataset(VersionedPathDataset[Any]):
    """A scikit-learn model in the skops format; only scikit-learn's own types are let in."""

    def _read(self, path: Path) -> Any:
        from skops import io as skops_io  # noqa: PLC0415

        unknown = skops_io.get_untrusted_types(file=path)
        foreign = [name for name in unknown if not name.startswith(("sklearn.", "numpy."))]
        if foreign:
            raise InputError(
                f"The model {path} may hold scikit-learn and numpy types only, got {foreign}; do "
                "not load models from people you do not know."
            )
        return skops_io.load(path, trusted=unknown)

    def _write(self, path: Path, data: Any) -> None:
        from skops import io as skops_io  # noqa: PLC0415

        skops_io.dump(data, path)

    def preview(self) -> JSONPreview:
        """Return the model's parts with their settings, without reading its arrays."""
        path = self._existing_path()
        with ZipFile(path) as archive:
            schema = json.loads(archive.read("schema.json"))
        megabytes = round(path.stat().st_size / 1e6, 2)
        return JSONPreview(json.dumps({"megabytes": megabytes, "parts": list(_parts(schema))}))


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the estimators of a skops schema, each with what it was constructed with."""
    if isinstance(node, Mapping):
        if str(node.get("__module__")).startswith("sklearn."):
            settings = node["content"]["content"]
            plain = {name: item["content"] for name, item in settings.items() if "is_json" in item}
            given = {key: json.loads(text) for key, text in plain.items() if key.strip("_") == key}
            yield {node["__class__"]: given}
        yield from (part for value in node.values() for part in _parts(value))
    if isinstance(node, list):
        yield from (part for value in node for part in _parts(value))
