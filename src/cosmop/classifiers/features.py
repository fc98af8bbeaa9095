"""Features of images, by a network that says its name, its checksum and its recipe."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from cosmop.classifiers.dinov2 import TIMM_NAMES, load_dinov2
from cosmop.classifiers.feature_cache import FeatureCache
from cosmop.classifiers.feature_networks import FeatureNetwork, TrunkFeatures
from cosmop.classifiers.feature_room import feature_room
from cosmop.classifiers.inception import load_inception
from cosmop.classifiers.options import FeatureOptions
from cosmop.devices import pick_device
from cosmop.errors import InputError
from cosmop.imaging.decoding import fit_image
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.people.binary_network import BinaryNetwork, seeded
from cosmop.people.network import PersonFilter
from cosmop.people.options import NetworkDesign, WeightsOptions
from cosmop.people.reading import read_ahead
from cosmop.people.weights import state_checksum
from cosmop.progress import track

__all__ = ["FeatureExtractor", "FeatureOptions", "build_extractor"]

_RECIPE_VERSION = 1  # counts up whenever the same options come to mean other features
_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_PROBE_SIZE = (32, 32)
_DEFAULT_SIZE = (224, 224)


class FeatureExtractor:
    """Turns images into features with one fixed network in inference mode.

    The network is taken over: it is moved to the device, simplified and cast.

    Attributes:
        name: Of the network, for tables: ``person_filter``, ``inception_v3_2015``,
            ``resnet50``; ``_map`` is added without pooling, ``_random`` with random weights,
            ``_bfloat16`` when it computes in that.
        checksum: SHA-256 (hex) of its weights.
        dimensions: Number of features D.
    """

    def __init__(self, name: str, network: FeatureNetwork, options: FeatureOptions) -> None:
        self.name = name if options.precision == "float32" else f"{name}_{options.precision}"
        self.checksum = state_checksum(network.body)
        self._options = options
        self._device = pick_device(options.device)
        self._type = _TYPES[options.precision]
        self._size = network.image_size or options.image_size
        self._network = network.to(self._device).eval()
        network.simplify()
        network.body.to(self._type).to(memory_format=torch.channels_last)
        probe = np.zeros((1, *(self._size or _PROBE_SIZE), 3), dtype=np.uint8)
        self.dimensions = self._embed(self._prepare(probe)).shape[1]

    @property
    def recipe(self) -> dict[str, Any]:
        """What the features depend on besides the images; features of two recipes never mix."""
        return {
            "name": self.name,
            "checksum": self.checksum,
            "dimensions": self.dimensions,
            "precision": self._options.precision,
            "resize": self._network.resize,
            "image_size": None if self._size is None else list(self._size),
            "fit": self._options.fit,
            "pooling": self._network.pooling,
            "version": _RECIPE_VERSION,
        }

    def recipe_through(self, through: GeneratedForm | None) -> dict[str, Any]:
        """Return the recipe with the form that images take on first, see `extract`."""
        return {**self.recipe, "through": None if through is None else asdict(through)}

    def extract_array(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of uint8 images [N, H, W, 3], float32 [N, D].

        They are those that `extract` gives for the same pixels in files.

        Raises:
            InputError: Anything but uint8 images of three channels.
        """
        if images_NHWC.dtype != np.uint8 or images_NHWC.ndim != 4 or images_NHWC.shape[3] != 3:
            raise InputError(
                f"The extractor {self.name} needs uint8 images [N, H, W, 3], got "
                f"{images_NHWC.dtype} {list(images_NHWC.shape)}; bring them to 0..255 RGB first."
            )
        features_ND = feature_room(len(images_NHWC), self.dimensions)
        size = self._options.batch_size
        for start in range(0, len(images_NHWC), size):
            batch = self._fitted(images_NHWC[start : start + size])
            features_ND[start : start + size] = self._embed(self._prepare(batch))
        return features_ND

    def extract(
        self,
        images: ImageSet,
        *,
        cache: FeatureCache | None = None,
        through: GeneratedForm | None = None,
        mirrored: bool = False,
    ) -> NDArray[np.float32]:
        """Return the features of all `images` in manifest order, float32 [N, D].

        Args:
            images: The images.
            cache: Where features are kept; an image that is known there is not opened.
            through: Form that every image takes on first, before it is brought to the network's
                size: photographs are compared with generated images at the generator's resolution
                and in its colours.
            mirrored: Left and right are exchanged.

        Raises:
            InputError: The cache holds something else than this recipe's features, or the network
                gives features that are not finite.
        """
        features_ND = feature_room(
            len(images), self.dimensions, None if cache is None else cache.folder
        )
        self.extract_into(features_ND, images, cache=cache, through=through, mirrored=mirrored)
        return features_ND

    def extract_into(
        self,
        features_ND: NDArray[np.float32],
        images: ImageSet,
        *,
        cache: FeatureCache | None = None,
        through: GeneratedForm | None = None,
        mirrored: bool = False,
    ) -> None:
        """Do what `extract` does, into an array float32 [N, D] that is already there."""
        read = partial(self._read, images, through, mirrored)
        if cache is None:
            for rows, part in self._stream(read, np.arange(len(images))):
                features_ND[rows] = part
            return
        keys = [f"{image_id} mirrored" if mirrored else image_id for image_id in images.ids]
        with cache.shelf(self.recipe_through(through)) as shelf:
            unknown = np.flatnonzero(~shelf.read(keys, features_ND))
            for rows, part in self._stream(read, unknown):
                features_ND[rows] = part
                shelf.add([keys[row] for row in rows], part)

    def _stream(
        self, read: Callable[[int], NDArray[np.uint8]], rows: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield rows with their features, a batch at a time."""
        if len(rows) == 0:
            return
        size = self._options.batch_size
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        pixels = read_ahead(read, rows.tolist())
        for batch in track(batches, f"features of {self.name}", unit="batch"):
            prepared = [self._prepare(next(pixels)[None]) for _ in batch]
            yield batch, self._embed(torch.cat(prepared))

    def _read(
        self, images: ImageSet, through: GeneratedForm | None, mirrored: bool, index: int
    ) -> NDArray[np.uint8]:
        image = images.open(index, through)
        if mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self._size is not None:
            image = fit_image(image, self._size, self._options.fit)
        return np.asarray(image)

    def _fitted(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._size is None or images_NHWC.shape[1:3] == self._size:
            return images_NHWC
        fit = self._options.fit
        fitted = [fit_image(Image.fromarray(image), self._size, fit) for image in images_NHWC]
        return np.stack([np.asarray(image) for image in fitted])

    @torch.no_grad()
    def _prepare(self, images_NHWC: NDArray[np.uint8]) -> Tensor:
        return self._network.prepare(torch.from_numpy(images_NHWC.copy()).to(self._device))

    @torch.no_grad()
    def _embed(self, x_NCHW: Tensor) -> NDArray[np.float32]:
        x_NCHW = x_NCHW.to(self._type).contiguous(memory_format=torch.channels_last)
        with _whole_float32():
            features: NDArray[np.float32] = self._network(x_NCHW).float().cpu().numpy()
        if not np.isfinite(features).all():
            raise InputError(
                f"The features of {self.name} must be finite, got NaN or infinity; check its "
                "weights or choose `precision: float32`."
            )
        return features


def build_extractor(
    options: FeatureOptions, person_filter: PersonFilter | None = None
) -> FeatureExtractor:
    """Build the extractor that `options` name.

    Raises:
        InputError: ``person_filter`` without one given; an unknown name; weights that are absent,
            altered or of another network.
    """
    if options.kind == "inception":
        return FeatureExtractor(*load_inception(options), options)
    if options.kind in TIMM_NAMES:
        return FeatureExtractor(*load_dinov2(options), options)
    is_pooled = options.pooling == "average"
    suffix = "" if is_pooled else "_map"
    if options.kind != "person_filter":
        if options.pretrained == "none" and options.weights_path is None:
            suffix += "_random"
        trunk = TrunkFeatures(_by_name(options), is_pooled=is_pooled)
        return FeatureExtractor(options.kind + suffix, trunk, options)
    if person_filter is None:
        raise InputError(
            "Features of kind 'person_filter' need a trained person filter, got none; train "
            "one or choose another `kind`."
        )
    trunk = TrunkFeatures(copy.deepcopy(person_filter), is_pooled=is_pooled)
    as_trained = options.model_copy(update={"fit": person_filter.design.fit})
    return FeatureExtractor(f"person_filter{suffix}", trunk, as_trained)


def _by_name(options: FeatureOptions) -> BinaryNetwork:
    design = NetworkDesign(backbone=options.kind, image_size=options.image_size or _DEFAULT_SIZE)
    weights = WeightsOptions(
        pretrained=options.pretrained,
        weights_path=options.weights_path,
        weights_sha256=options.weights_sha256,
    )
    return seeded(BinaryNetwork, design, 0, weights)


@contextmanager
def _whole_float32() -> Iterator[None]:
    """Keep CUDA's convolutions from rounding float32 to TF32, which costs three digits."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
