"""A network rewritten to answer fast: the same scores within a stated distance."""

import copy
import logging

import numpy as np
import torch
from numpy.typing import NDArray

from cosmop.devices import multiplies_bfloat16
from cosmop.people.batch_norms import fold_batch_norms
from cosmop.people.binary_network import BinaryNetwork
from cosmop.people.options import Precision

_LOG = logging.getLogger(__name__)
MOST_MOVED = 0.02  # of a probability, by bfloat16
_COMPARED = 8  # images


class FastNetwork:
    """A copy of a network with folded batch norms, channels last, its trunk in 16 bits if possible.

    Images are prepared, and features pooled and judged, in float32. In float32 the probabilities
    are those of the network itself within 1e-4. In bfloat16 they are within `MOST_MOVED`: with the
    precision ``auto`` the first few images are scored both ways, and if one of them moves by more,
    float32 is used for all.
    """

    def __init__(
        self, network: BinaryNetwork, device: torch.device, precision: Precision = "auto"
    ) -> None:
        exact = copy.deepcopy(network).to(device).eval().requires_grad_(requires_grad=False)
        fold_batch_norms(exact.trunk)
        exact.trunk.to(memory_format=torch.channels_last)
        kind = _computing_type(precision, device)
        is_whole = kind == torch.float32
        self._network = exact if is_whole else copy.deepcopy(exact)
        self._network.trunk.to(kind)
        self._not_yet_compared = exact if precision == "auto" and not is_whole else None

    @property
    def dtype(self) -> torch.dtype:
        """What the trunk computes in."""
        return _trunk_type(self._network)

    def logits(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logit of each uint8 image of one batch, before calibration, float32 [N]."""
        if self._not_yet_compared is not None and len(images_NHWC) > 0:
            exact, self._not_yet_compared = self._not_yet_compared, None
            self._compare(exact, images_NHWC[:_COMPARED])
        return _logits(self._network, images_NHWC)

    def predict(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of yes for each image of one batch, float32 [N] in 0..1."""
        return self._network.probabilities(self.logits(images_NHWC))

    def _compare(self, exact: BinaryNetwork, images_NHWC: NDArray[np.uint8]) -> None:
        both = (exact, self._network)
        scores, quick = (each.probabilities(_logits(each, images_NHWC)) for each in both)
        moved = float(np.abs(scores - quick).max())
        if moved > MOST_MOVED:
            _LOG.warning(
                "In bfloat16 a score moves by %.3f, more than %g: all are computed in float32.",
                *(moved, MOST_MOVED),
            )
            self._network = exact


@torch.inference_mode()
def _logits(network: BinaryNetwork, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    x_NCHW = network.preprocess(images_NHWC).to(_trunk_type(network))
    features_ND = network.pool(network.feature_map(x_NCHW).float())
    logits: NDArray[np.float32] = network.head(features_ND).squeeze(1).cpu().numpy()
    return logits


def _computing_type(wanted: Precision, device: torch.device) -> torch.dtype:
    """Return the wanted type; ``auto`` is bfloat16 where the device multiplies it in hardware."""
    is_half = multiplies_bfloat16(device) if wanted == "auto" else wanted == "bfloat16"
    return torch.bfloat16 if is_half else torch.float32


def _trunk_type(network: BinaryNetwork) -> torch.dtype:
    return next(network.trunk.parameters()).dtype
