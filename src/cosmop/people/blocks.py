"""The blocks of a trunk, and which of them learn."""

from torch import nn

from cosmop.errors import InputError
from cosmop.people.binary_network import BinaryNetwork

_CONVOLUTIONS = (nn.Conv2d, nn.Linear)
_POOLINGS = (nn.MaxPool2d, nn.AvgPool2d)


def trunk_blocks(trunk: nn.Module) -> list[list[nn.Module]]:
    """Return the blocks of `trunk` in order, each a list of its children.

    A child with children of its own begins a block (``layer4`` of a ResNet, a dense block).
    Single convolutions belong together up to the next pooling, as the blocks of a VGG do;
    activations and norms belong to the block before them.
    """
    blocks: list[list[nn.Module]] = []
    is_open = False  # whether a single convolution would still belong to the last block
    for child in trunk.children():
        is_composed = next(child.children(), None) is not None
        is_convolution = isinstance(child, _CONVOLUTIONS)
        if is_composed or (is_convolution and not is_open) or not blocks:
            blocks.append([])
            is_open = is_convolution
        blocks[-1].append(child)
        is_open = is_open and not isinstance(child, _POOLINGS)
    return [block for block in blocks if _can_learn(block)]


def _can_learn(block: list[nn.Module]) -> bool:
    return any(True for module in block for _ in module.parameters())


def let_learn(network: BinaryNetwork, learning_blocks: int | None) -> None:
    """Let the head and the last blocks of the trunk learn, and nothing else.

    Args:
        network: Changed in place: ``requires_grad`` of all its weights.
        learning_blocks: How many blocks; 0 is the head alone, None the whole network.

    Raises:
        InputError: More blocks than the trunk has, as `frozen_modules` says.
    """
    network.requires_grad_(True)
    for module in frozen_modules(network, learning_blocks):
        module.requires_grad_(False)


def set_training(network: BinaryNetwork, learning_blocks: int | None) -> None:
    """Bring the network into training mode, but not what is frozen: batch statistics stay."""
    network.train()
    for module in frozen_modules(network, learning_blocks):
        module.eval()


def frozen_modules(network: BinaryNetwork, learning_blocks: int | None) -> list[nn.Module]:
    """Return the parts of `network` that do not learn when its last `learning_blocks` do.

    Raises:
        InputError: More blocks than the trunk has.
    """
    if learning_blocks is None:
        return []
    if learning_blocks == 0:
        return [network.trunk]
    blocks = trunk_blocks(network.trunk)
    if learning_blocks > len(blocks):
        raise InputError(
            f"The option `learning_blocks` must be at most {len(blocks)}, the blocks of "
            f"{network.design.backbone}, got {learning_blocks}; lower it, or null for all."
        )
    frozen = blocks[: len(blocks) - learning_blocks]
    return [module for block in frozen for module in block]
