"""Registered models as MLflow loads them: ``mlflow.pyfunc.load_model("models:/…@champion")``.

The weights are read by the project's own data sets (safetensors, skops), so nothing is unpickled.
What goes in and what comes out depends on what the model takes:

- ``images``: uint8 [N, H, W, 3] → probability of yes, float32 [N].
- ``features``: float [N, D] → signed score, float64 [N]; positive means "one of them".
- ``seeds``: int64 [N] → uint8 [N, H, W, C]; a network with classes takes class seed modulo K.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from kedro.utils import load_obj
from numpy.typing import NDArray

from cosmop.errors import InputError

_EXAMPLES = 2
_DATASETS = "cosmop.datasets."


class ServedModel:
    """What MLflow calls.

    Args:
        model: Loaded by its data set.
        takes: ``images``, ``features`` or ``seeds``.
    """

    def __init__(self, model: Any, takes: str) -> None:
        if takes not in _DOORS:
            raise InputError(
                f"A served model takes one of {sorted(_DOORS)}, got {takes!r}; correct "
                "metadata.mlflow.takes of its data set."
            )
        self._model, self._takes = model, takes

    def predict(
        self,
        model_input: NDArray[Any],
        params: Mapping[str, Any] | None = None,  # noqa: ARG002  MLflow hands it over
    ) -> NDArray[Any]:
        """Return one row per row of `model_input`; see the module's text."""
        return _DOORS[self._takes][0](self._model, np.asarray(model_input))

    def example(self) -> NDArray[Any]:
        """Return an input of two rows that fits the model."""
        return _DOORS[self._takes][1](self._model)


def load_served(path: Path, config: Mapping[str, Any]) -> ServedModel:
    """Load what lies at `path` by the data set that `config` names.

    Args:
        path: The file or folder of one version.
        config: ``type`` (a class of `cosmop.datasets`), what it is made with, and ``takes``.

    Raises:
        InputError: The type is none of ours, or the files are damaged.
    """
    made_with = dict(config)
    kind, takes = str(made_with.pop("type")), str(made_with.pop("takes"))
    if not kind.startswith(_DATASETS):
        raise InputError(
            f"A served model must be read by one of {_DATASETS}*, got {kind!r}; do not load models "
            "from people you do not know."
        )
    return ServedModel(load_obj(kind)(filepath=path.as_posix(), **made_with).load(), takes)


def _load_pyfunc(path: str, model_config: dict[str, Any]) -> ServedModel:
    """Load a served model; MLflow calls this by name."""
    return load_served(Path(path), model_config)


def _classify(network: Any, images_NHWC: NDArray[Any]) -> NDArray[Any]:
    from cosmop.classifiers.image_classifier import predict  # noqa: PLC0415  imports torch

    return predict(network, images_NHWC)


def _one_picture_size(network: Any) -> NDArray[Any]:
    height, width = network.design.image_size
    ramp = np.linspace(0, 255, _EXAMPLES * height * width * 3).astype(np.uint8)
    return ramp.reshape(_EXAMPLES, height, width, 3)


def _score(pipeline: Any, features_ND: NDArray[Any]) -> NDArray[Any]:
    from cosmop.classifiers.one_class import score_one_class  # noqa: PLC0415  imports sklearn

    return score_one_class(pipeline, features_ND)


def _no_features(pipeline: Any) -> NDArray[Any]:
    return np.zeros((_EXAMPLES, pipeline.n_features_in_), np.float32)


def _generate(generator: Any, seeds: NDArray[Any]) -> NDArray[Any]:
    from cosmop.stylegan2.sampling import sample_images  # noqa: PLC0415  imports torch

    plain = [int(seed) for seed in seeds.reshape(-1)]
    classes = generator.options.num_classes
    labels = np.eye(classes, dtype=np.float32)[[s % classes for s in plain]] if classes else None
    return np.concatenate(list(sample_images(generator, plain, labels=labels)))


def _first_seeds(_: Any) -> NDArray[Any]:
    return np.arange(_EXAMPLES, dtype=np.int64)


_Door = tuple[
    Callable[[Any, NDArray[Any]], NDArray[Any]],  # the answer
    Callable[[Any], NDArray[Any]],  # an example of the question
]
_DOORS: dict[str, _Door] = {
    "images": (_classify, _one_picture_size),
    "features": (_score, _no_features),
    "seeds": (_generate, _first_seeds),
}
