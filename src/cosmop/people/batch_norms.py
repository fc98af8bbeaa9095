"""Folding batch norms into the convolutions before them: the same function, fewer passes."""

from itertools import pairwise
from typing import TypeGuard

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(network: nn.Module) -> None:
    """Fold every batch norm of `network` that follows its convolution, in place and for good.

    A norm belongs to a convolution if it is the next child of the same module and as wide, which
    holds for torchvision's networks; others are left as they are. The products are computed in
    float64. The network can then only evaluate: batch statistics are gone.
    """
    for module in list(network.modules()):
        for (conv_name, conv), (norm_name, norm) in pairwise(list(module.named_children())):
            if isinstance(conv, nn.Conv2d) and _belongs_to(norm, conv):
                kind = conv.weight.dtype
                folded = fuse_conv_bn_eval(conv.double().eval(), norm.double().eval())
                setattr(module, conv_name, folded.to(kind))
                setattr(module, norm_name, nn.Identity())


def _belongs_to(norm: nn.Module, conv: nn.Conv2d) -> TypeGuard[nn.BatchNorm2d]:
    return (
        isinstance(norm, nn.BatchNorm2d)
        and norm.track_running_stats
        and norm.num_features == conv.out_channels
    )
