"""Are generated images realistic (precision, density), and do they cover all (recall, coverage)?

Precision and recall: Kynkäänniemi et al. 2019 (1904.06991). Density and coverage: Naeem et al. 2020
(2002.09797). The manifold of a set is the union of balls around its images, each reaching to the
k-th nearest other image of the same set; a distance equal to the radius is inside.
"""

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from cosmop.errors import InputError
from cosmop.metrics.checks import checked_pair

_WHO = "Precision and recall"


def prdc(real: ArrayLike, fake: ArrayLike, k: int = 3) -> dict[str, float]:
    """Return precision, recall, density and coverage of fake [M, D] against real [N, D] features.

    Args:
        real: Features of real images.
        fake: Features of generated images.
        k: The neighbour that gives the radius; 3 in Kynkäänniemi et al., 5 in Naeem et al.

    Raises:
        InputError: Not more than k images on a side, other dimensions, or values not finite.
    """
    if k < 1:
        raise InputError(f"{_WHO} need k of at least 1, got {k}; the papers take 3 and 5.")
    left, right = checked_pair(real, fake, _WHO, least=k + 1)
    x, y = torch.from_numpy(left), torch.from_numpy(right)
    x, y = x - x.mean(0), y - x.mean(0)  # distances stay, rounding shrinks
    real_radii, fake_radii = _radii(x, k), _radii(y, k)
    between = torch.cdist(x, y)  # [N, M]
    in_real = between <= real_radii[:, None]
    return {
        "precision": float(in_real.any(0).double().mean()),
        "recall": float((between <= fake_radii[None, :]).any(1).double().mean()),
        "density": float(in_real.double().sum(0).mean() / k),
        "coverage": float(in_real.any(1).double().mean()),
    }


def _radii(x_ND: Tensor, k: int) -> Tensor:
    """Return the distance of each image to its k-th nearest other one, [N]."""
    within = torch.cdist(x_ND, x_ND)
    within.fill_diagonal_(torch.inf)  # rounding must not make an image its own neighbour
    return within.kthvalue(k, dim=1).values
