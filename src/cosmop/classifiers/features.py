"""Features of images, by a network that says its name and its checksum."""

import math
import re
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cosmop.classifiers.inception import WEIGHTS_FILES, WEIGHTS_SHA256, FidInception
from cosmop.classifiers.options import FeatureOptions
from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.people.binary_network import BinaryNetwork, seeded
from cosmop.people.devices import pick_device
from cosmop.people.network import PersonFilter
from cosmop.people.options import NetworkDesign, WeightsOptions
from cosmop.people.weights import hub_folder, load_state, read_weights, state_checksum
from cosmop.progress import track

__all__ = ["FeatureExtractor", "FeatureOptions", "build_extractor", "distance_name"]

INCEPTION_NAME = "inception_v3_2015"


class FeatureExtractor:
    """Turns images into features with one fixed network in inference mode.

    Attributes:
        name: Of the network, for tables: ``person_filter``, ``inception_v3_2015``,
            ``resnet50``; ``_map`` is added without pooling, ``_random`` with random weights.
        checksum: SHA-256 (hex) of its weights.
        dimensions: Number of features D.
    """

    def __init__(self, name: str, network: nn.Module, options: FeatureOptions) -> None:
        self.name = name
        self.checksum = state_checksum(network)
        self._options = options
        self._device = pick_device(options.device)
        self._network = network.to(self._device).to(memory_format=torch.channels_last).eval()
        probe = np.zeros((1, *options.image_size, 3), dtype=np.uint8)
        self.dimensions = self.extract_array(probe).shape[1]

    def extract_array(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of uint8 images [N, H, W, 3], float32 [N, D].

        Raises:
            InputError: Anything but uint8 images of three channels.
        """
        if images_NHWC.dtype != np.uint8 or images_NHWC.ndim != 4 or images_NHWC.shape[3] != 3:
            raise InputError(
                f"The extractor {self.name} needs uint8 images [N, H, W, 3], got "
                f"{images_NHWC.dtype} {list(images_NHWC.shape)}; bring them to 0..255 RGB first."
            )
        size = self._options.batch_size
        starts = range(0, len(images_NHWC), size)
        parts = [self._embed(images_NHWC[start : start + size]) for start in starts]
        if not parts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        return np.concatenate(parts)

    def extract(self, images: ImageSet) -> NDArray[np.float32]:
        """Return the features of all `images` in manifest order, float32 [N, D]."""
        options = self._options
        batches = images.batches(options.image_size, options.batch_size, fit=options.fit)
        total = math.ceil(len(images) / options.batch_size)
        bar = track(batches, f"features of {self.name}", total=total, unit="batch")
        parts = [self._embed(batch) for batch in bar]
        return np.concatenate([np.empty((0, self.dimensions), dtype=np.float32), *parts])

    @torch.no_grad()
    def _embed(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        images = torch.from_numpy(np.ascontiguousarray(images_NHWC)).to(self._device)
        features: NDArray[np.float32] = self._network(images).float().cpu().numpy()
        return features


class _TrunkFeatures(nn.Module):
    """uint8 images [N, H, W, 3] to the features of a network's trunk, [N, D] or [N, h·w·D]."""

    def __init__(self, network: BinaryNetwork, *, is_pooled: bool) -> None:
        super().__init__()
        self.network = network
        self.is_pooled = is_pooled

    def forward(self, images_NHWC: Tensor) -> Tensor:
        x_NCHW = self.network.preprocess(images_NHWC)
        if self.is_pooled:
            return self.network.features(x_NCHW)
        return self.network.feature_map(x_NCHW).permute(0, 2, 3, 1).flatten(1)


def build_extractor(
    options: FeatureOptions, person_filter: PersonFilter | None = None
) -> FeatureExtractor:
    """Build the extractor that `options` name.

    Raises:
        InputError: ``person_filter`` without one given; an unknown name; weights that are absent,
            altered or of another network.
    """
    if options.kind == "inception":
        return FeatureExtractor(INCEPTION_NAME, _load_inception(options), options)
    suffix = "" if options.pooling == "average" else "_map"
    is_pooled = options.pooling == "average"
    if options.kind == "person_filter":
        if person_filter is None:
            raise InputError(
                "Features of kind 'person_filter' need a trained person filter, got none; train "
                "one or choose another `kind`."
            )
        design = person_filter.design
        as_trained = {"image_size": design.image_size, "fit": design.fit}
        trunk = _TrunkFeatures(person_filter, is_pooled=is_pooled)
        return FeatureExtractor(
            f"person_filter{suffix}", trunk, options.model_copy(update=as_trained)
        )
    name = options.kind + suffix
    if options.pretrained == "none" and options.weights_path is None:
        name += "_random"
    return FeatureExtractor(name, _TrunkFeatures(_by_name(options), is_pooled=is_pooled), options)


def distance_name(extractor: FeatureExtractor) -> str:
    """Return what a Fréchet distance on these features may be called.

    ``fid`` for the 2015 Inception alone, else ``fd_`` and the extractor's name.
    """
    if extractor.name == INCEPTION_NAME:
        return "fid"
    return "fd_" + re.sub(r"\W", "_", extractor.name)


def _by_name(options: FeatureOptions) -> BinaryNetwork:
    design = NetworkDesign(backbone=options.kind, image_size=options.image_size)
    weights = WeightsOptions(
        pretrained=options.pretrained,
        weights_path=options.weights_path,
        weights_sha256=options.weights_sha256,
    )
    return seeded(BinaryNetwork, design, 0, weights)


def _load_inception(options: FeatureOptions) -> FidInception:
    path = Path(options.weights_path).expanduser() if options.weights_path else _cached_inception()
    state = read_weights(path, options.weights_sha256 or WEIGHTS_SHA256)
    inception = FidInception()
    load_state(inception.network, state, str(path))
    return inception


def _cached_inception() -> Path:
    for name in WEIGHTS_FILES:
        path = hub_folder() / name
        if path.is_file():
            return path
    raise InputError(
        f"Features of kind 'inception' need the weights {WEIGHTS_FILES[0]} in {hub_folder()}, got "
        "no such file; download them once and put them there, set `weights_path`, or choose "
        "another `kind`."
    )
