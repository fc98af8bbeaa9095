"""Random weights for the 2015 Inception under which all of its layers matter.

PyTorch's own let the features vanish to 1e-9, where every comparison with a tolerance succeeds.
"""

import torch
from torch import nn

from cosmop.classifiers.inception import FidInception


def random_inception_state(seed=0):
    """A state dict laid out like the published file: without batch counters."""
    body = FidInception().body
    chance = torch.Generator().manual_seed(seed)
    for module in body.modules():
        if isinstance(module, nn.Conv2d):
            deviation = (2 / module.weight[0].numel()) ** 0.5
            module.weight.data.normal_(0, deviation, generator=chance)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.7, 1.3, generator=chance)
            module.running_var.uniform_(0.7, 1.3, generator=chance)
            module.bias.data.normal_(0, 0.1, generator=chance)
            module.running_mean.normal_(0, 0.1, generator=chance)
    return {k: v for k, v in body.state_dict().items() if "num_batches" not in k}
