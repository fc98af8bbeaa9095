"""Torchvision's detectors trained on COCO, of whose classes people are one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision import models

from cosmop.devices import pick_device
from cosmop.people.boxes import PersonBoxes
from cosmop.people.detector_options import DetectorOptions
from cosmop.people.weights import StateDict, fetch_weights, hub_folder, load_state, read_weights

DETECTOR_NAMES: tuple[str, ...] = tuple(models.list_models(module=models.detection))
_PERSON = 1  # COCO's number; 0 is the background
# Whose published weights were trained with batch norms that add nothing to the variance, as
# torchvision's own loading says (`overwrite_eps`).
_WITHOUT_EPSILON = frozenset(
    f"{name}_resnet50_fpn" for name in ("fasterrcnn", "keypointrcnn", "maskrcnn", "retinanet")
)


def load_torchvision_detector(options: DetectorOptions) -> Callable[[Image.Image], PersonBoxes]:
    """Return the detector called ``options.name``.

    Raises:
        InputError: Weights that are absent, altered or of another network; no such device.
    """
    device = pick_device(options.device)
    network = _build(options).to(device).eval()

    @torch.inference_mode()
    def detect(image: Image.Image) -> PersonBoxes:
        x_HWC = torch.from_numpy(np.array(image)).to(device)
        said = network([x_HWC.permute(2, 0, 1).float() / 255])[0]
        is_person = said["labels"] == _PERSON
        corners, scores = (said[name][is_person].double().cpu() for name in ("boxes", "scores"))
        return PersonBoxes(corners.numpy(), scores.numpy())

    return detect


def _build(options: DetectorOptions) -> nn.Module:
    network: nn.Module = models.get_model(options.name, weights=None, weights_backbone=None)
    state, where = _weights(options)
    load_state(network, state, where)
    for module in network.modules():
        if options.name in _WITHOUT_EPSILON and isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
    return network


def _weights(options: DetectorOptions) -> tuple[StateDict, str]:
    if options.weights_path is not None:
        path = Path(options.weights_path).expanduser()
        return read_weights(path, options.weights_sha256), str(path)
    url: str = models.get_model_weights(options.name).DEFAULT.url
    return fetch_weights(url, hub_folder()), url
