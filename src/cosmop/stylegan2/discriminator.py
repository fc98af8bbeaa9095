"""The StyleGAN2 discriminator: residual blocks, minibatch deviation, label projection."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cosmop.errors import InputError
from cosmop.stylegan2.generator import DenseLayers, checked_labels, options_from, state_checksum
from cosmop.stylegan2.ops import EqualisedConv, EqualisedLinear
from cosmop.stylegan2.options import NetworkOptions

_SQRT_HALF = math.sqrt(0.5)


def minibatch_deviation(x_NCHW: Tensor, group: int) -> Tensor:
    """Append a channel: mean standard deviation over groups of images (Karras et al. 2018).

    Image i belongs to group i modulo N / `group`; a batch smaller than `group` is one group.

    Raises:
        InputError: the batch cannot be divided into groups.
    """
    num_images, channels, height, width = x_NCHW.shape
    group = min(group, num_images)
    if num_images % group:
        raise InputError(
            f"The discriminator compares images in groups of {group}, got a batch of {num_images}; "
            f"give a multiple of {group}."
        )
    x_GMCHW = x_NCHW.reshape(group, -1, channels, height, width)
    centred_GMCHW = x_GMCHW - x_GMCHW.mean(0)
    deviation_MCHW = (centred_GMCHW.square().mean(0) + 1e-8).sqrt()  # faster than var on a CPU
    mean_M = deviation_MCHW.mean((1, 2, 3))
    extra_N1HW = mean_M.repeat(group)[:, None, None, None].expand(-1, 1, height, width)
    return torch.cat([x_NCHW, extra_N1HW], 1)


class DiscriminatorBlock(nn.Module):
    """Two convolutions that halve the size, plus a halved copy (StyleGAN2, figure 7)."""

    def __init__(self, in_channels: int, out_channels: int, *, is_residual: bool) -> None:
        super().__init__()
        self.half_type: torch.dtype | None = None  # else that of its parameters
        self.conv0 = EqualisedConv(in_channels, in_channels, 3)
        self.conv1 = EqualisedConv(in_channels, out_channels, 3, downsamples=True)
        self.skip = (
            EqualisedConv(
                in_channels, out_channels, 1, activated=False, has_bias=False, downsamples=True
            )
            if is_residual
            else None
        )

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return [N, out channels, H / 2, W / 2]."""
        x_NCHW = x_NCHW.to(self.half_type or self.conv0.weight.dtype)
        if self.skip is None:
            plain: Tensor = self.conv1(self.conv0(x_NCHW))
            return plain
        shortcut: Tensor = self.skip(x_NCHW, gain=_SQRT_HALF)
        detailed: Tensor = self.conv1(self.conv0(x_NCHW), gain=_SQRT_HALF)
        return shortcut + detailed


class Discriminator(nn.Module):
    """From images [N, C, H, W] in [-1, 1] to logits [N]: positive for real."""

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        self.half_type: torch.dtype | None = None  # else that of its parameters
        top, base = options.num_levels - 1, options.level_channels(0)
        self.from_image = EqualisedConv(options.image_channels, options.level_channels(top), 1)
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(
                options.level_channels(level),
                options.level_channels(level - 1),
                is_residual=options.discriminator_skip == "residual",
            )
            for level in range(top, 0, -1)
        )
        self.last_conv = EqualisedConv(base + 1, base, 3)
        self.dense = EqualisedLinear(base * math.prod(options.base_size), base, activated=True)
        self.out = EqualisedLinear(base, base if options.num_classes else 1)
        sizes = [base] * (options.label_layers + 1)
        self.label_mapping = (
            DenseLayers(sizes, options.num_classes, base) if options.num_classes else None
        )
        self.options = options

    def forward(self, image: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits [N]; one-hot labels [N, classes] are projected (Miyato & Koyama 2018)."""
        labels = checked_labels(labels, self.options.num_classes, "discriminator")
        full = self.last_conv.weight.dtype
        x = image.contiguous(memory_format=torch.channels_last).to(self.half_type or full)
        x = self.from_image(x)
        for block in self.blocks:
            x = block(x)
        x = self.last_conv(minibatch_deviation(x.to(full), self.options.minibatch_group))
        x = self.out(self.dense(x.contiguous().flatten(1)))
        if self.label_mapping is None:
            logits: Tensor = x.squeeze(1)
            return logits
        projected: Tensor = (x * self.label_mapping(None, labels)).sum(1)
        return projected / math.sqrt(x.shape[1])

    def set_half(self, half: torch.dtype | None, levels: int) -> None:
        """Compute the finest `levels` in `half` precision, but never the coarsest (ADA)."""
        self.half_type = half if levels else None
        for number, block in enumerate(self.blocks):
            if isinstance(block, DiscriminatorBlock):
                block.half_type = half if number < levels else None

    def freeze(self, blocks: int) -> None:
        """Let the image layer and the finest `blocks` keep their weights (FreezeD, Mo et al. 2020).

        Raises:
            InputError: there are fewer blocks.
        """
        if blocks > len(self.blocks):
            raise InputError(
                f"freeze_blocks must be at most the {len(self.blocks)} blocks of the "
                f"discriminator, got {blocks}; freeze fewer."
            )
        for frozen in (self.from_image, *self.blocks[:blocks]) if blocks else ():
            frozen.requires_grad_(requires_grad=False)

    def describe(self) -> dict[str, object]:
        """Everything `build_discriminator` needs, as JSON-ready values."""
        return {"kind": "discriminator", **self.options.model_dump(mode="json")}

    def checksum(self) -> str:
        """SHA-256 of all weights and buffers."""
        return state_checksum(self)


def build_discriminator(config: Mapping[str, object]) -> Discriminator:
    """Build the discriminator that `Discriminator.describe` described, with new weights.

    Raises:
        InputError: the configuration is of something else.
    """
    return Discriminator(options_from(config, "discriminator"))
