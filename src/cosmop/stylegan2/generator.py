"""The StyleGAN2 generator: mapping network, skip synthesis network (Karras et al. 2020a)."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from cosmop.errors import InputError
from cosmop.stylegan2.ops import (
    EqualisedLinear,
    ModulatedConv,
    ToImage,
    binomial_filter,
    normalise_second_moment,
    upsample,
)
from cosmop.stylegan2.options import NetworkOptions

NoiseMode = Literal["constant", "random", "none"]

_MAPPING_RATE = (
    0.01  # learning-rate multiplier of dense layers before the styles (StyleGAN, app. C)
)


def checked_labels(labels_NK: Tensor | None, num_classes: int, who: str) -> Tensor | None:
    """Return the one-hot labels [N, classes], or None for an unconditional network.

    Raises:
        InputError: labels are missing, or have another number of classes.
    """
    if num_classes == 0:
        return None
    if labels_NK is None or labels_NK.ndim != 2 or labels_NK.shape[1] != num_classes:
        came = "none" if labels_NK is None else f"shape {list(labels_NK.shape)}"
        raise InputError(
            f"The {who} wants one-hot labels of shape [N, {num_classes}], got {came}; "
            "give one row of labels for each image."
        )
    return labels_NK


def state_checksum(module: nn.Module) -> str:
    """SHA-256 over the names, shapes and bytes of all weights and buffers, in order of name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        value = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {list(value.shape)} {value.dtype};".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


class DenseLayers(nn.Module):
    """Activated dense layers with a low learning rate, after an optional label embedding."""

    def __init__(self, sizes: Sequence[int], num_classes: int, label_size: int) -> None:
        super().__init__()
        self.embedding = EqualisedLinear(num_classes, label_size) if num_classes else None
        self.layers = nn.ModuleList(
            EqualisedLinear(size, following, activated=True, rate=_MAPPING_RATE)
            for size, following in itertools.pairwise(sizes)
        )

    def forward(self, z_ND: Tensor | None, labels_NK: Tensor | None) -> Tensor:
        """Return [N, last size] from latents, labels or both, each normalised first."""
        parts = [] if z_ND is None else [normalise_second_moment(z_ND)]
        if self.embedding is not None and labels_NK is not None:
            parts.append(normalise_second_moment(self.embedding(labels_NK)))
        x_ND = torch.cat(parts, 1) if len(parts) > 1 else parts[0]
        for layer in self.layers:
            x_ND = layer(x_ND)
        return x_ND


class MappingNetwork(nn.Module):
    """From latents z to styles w, with the truncation trick towards the mean style."""

    w_average: Tensor

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        label_size = options.w_dim if options.num_classes else 0
        sizes = [options.z_dim + label_size] + [options.w_dim] * options.mapping_layers
        self.dense = DenseLayers(sizes, options.num_classes, label_size)
        self.register_buffer("w_average", torch.zeros(options.w_dim))
        self.options = options

    def style(self, z_ND: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return one style w [N, w] for each latent z [N, z]; `labels` are one-hot [N, classes]."""
        labels = checked_labels(labels, self.options.num_classes, "mapping network")
        w_ND: Tensor = self.dense(z_ND, labels)
        return w_ND

    def track_average(self, w_ND: Tensor, decay: float = 0.995) -> None:
        """Move the mean style towards the mean of `w_ND` (StyleGAN's decay: 0.995)."""
        self.w_average.lerp_(w_ND.detach().mean(0), 1 - decay)

    def forward(
        self, z_ND: Tensor, labels: Tensor | None = None, truncation: float = 1.0
    ) -> Tensor:
        """Return ws [N, layers, w]; `truncation` 1 leaves w alone, 0 gives the mean style."""
        w_ND = self.style(z_ND, labels)
        if truncation != 1:
            w_ND = self.w_average.lerp(w_ND, truncation)
        return w_ND[:, None].expand(-1, self.options.num_ws, -1)


class SynthesisLevel(nn.Module):
    """One resolution of the synthesis network: one or two modulated convolutions and an image."""

    def __init__(self, options: NetworkOptions, level: int) -> None:
        super().__init__()
        size, channels = options.level_size(level), options.level_channels(level)
        self.conv0 = (
            ModulatedConv(
                options.level_channels(level - 1), channels, options.w_dim, size, upsamples=True
            )
            if level
            else None
        )
        self.conv1 = ModulatedConv(channels, channels, options.w_dim, size)
        self.to_image = ToImage(channels, options.image_channels, options.w_dim)
        self.half_type: torch.dtype | None = None  # else that of its parameters

    def convolutions(self) -> list[ModulatedConv]:
        """The level's modulated convolutions in order."""
        return [self.conv1] if self.conv0 is None else [self.conv0, self.conv1]


class SynthesisNetwork(nn.Module):
    """From styles to an image: a constant doubled level by level, images summed (skip)."""

    filter_44: Tensor

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        self.constant = nn.Parameter(torch.randn(options.level_channels(0), *options.base_size))
        self.levels = nn.ModuleList(
            SynthesisLevel(options, level) for level in range(options.num_levels)
        )
        self.register_buffer("filter_44", binomial_filter(), persistent=False)
        self.options = options

    def set_half(self, half: torch.dtype | None, levels: int) -> None:
        """Compute the finest `levels` in `half` precision, but never the coarsest (ADA)."""
        for number, level in enumerate(self.levels):
            is_half = number > 0 and number >= len(self.levels) - levels
            if isinstance(level, SynthesisLevel):
                level.half_type = half if is_half else None

    def noise_sizes(self) -> list[tuple[int, int]]:
        """Height and width of the noise of each modulated convolution, in order."""
        return [layer.size for layer in self._convolutions()]

    def _convolutions(self) -> list[ModulatedConv]:
        return [
            layer
            for level in self.levels
            if isinstance(level, SynthesisLevel)
            for layer in level.convolutions()
        ]

    def draw_noise(
        self, num_images: int, like: Tensor, random: torch.Generator | None = None
    ) -> list[Tensor]:
        """Draw standard normal noise [N, 1, H, W] for each convolution on the device of `like`."""
        return [
            torch.randn(
                num_images, 1, *size, device=like.device, dtype=like.dtype, generator=random
            )
            for size in self.noise_sizes()
        ]

    def _noises(self, noise: NoiseMode | Sequence[Tensor], ws: Tensor) -> Sequence[Tensor | None]:
        if not isinstance(noise, str):
            return noise
        layers = self._convolutions()
        if noise == "none":
            return [None] * len(layers)
        if noise == "random":
            return self.draw_noise(ws.shape[0], ws)
        return [layer.noise_constant for layer in layers]

    def forward(self, ws_NLD: Tensor, noise: NoiseMode | Sequence[Tensor] = "constant") -> Tensor:
        """Return images [N, C, H, W], nominally in [-1, 1] but not clamped.

        `noise` is the stored constant, newly drawn, none, or one [N, 1, H, W] per convolution.
        """
        noises = iter(self._noises(noise, ws_NLD))
        w = ws_NLD.unbind(1)
        x = self.constant[None].expand(ws_NLD.shape[0], -1, -1, -1)
        x = x.contiguous(memory_format=torch.channels_last)
        image: Tensor | None = None
        used = 0
        for level in self.levels:
            if not isinstance(level, SynthesisLevel):
                raise TypeError(f"a level is a SynthesisLevel, not {type(level)}")
            x = x.to(level.half_type or self.constant.dtype)
            for layer in level.convolutions():
                x = layer(x, w[used], next(noises))
                used += 1
            colours = level.to_image(x, w[used])  # shares its style with the next convolution
            image = colours if image is None else upsample(image, self.filter_44) + colours
        if image is None:
            raise TypeError("a synthesis network has at least one level")
        return image


class Generator(nn.Module):
    """StyleGAN2 generator: `mapping(z)` gives styles, `synthesis(ws)` gives images."""

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        self.mapping = MappingNetwork(options)
        self.synthesis = SynthesisNetwork(options)
        self.options = options

    def forward(
        self,
        z_ND: Tensor,
        labels: Tensor | None = None,
        truncation: float = 1.0,
        noise: NoiseMode | Sequence[Tensor] = "constant",
    ) -> Tensor:
        """Return images [N, C, H, W] from latents [N, z]."""
        image: Tensor = self.synthesis(self.mapping(z_ND, labels, truncation), noise)
        return image

    def describe(self) -> dict[str, object]:
        """Everything `build_generator` needs, as JSON-ready values."""
        return {"kind": "generator", **self.options.model_dump(mode="json")}

    def checksum(self) -> str:
        """SHA-256 of all weights and buffers."""
        return state_checksum(self)


def build_generator(config: Mapping[str, object]) -> Generator:
    """Build the generator that `Generator.describe` described, with new weights.

    Raises:
        InputError: the configuration is of something else.
    """
    return Generator(options_from(config, "generator"))


def options_from(config: Mapping[str, object], kind: str) -> NetworkOptions:
    """Return the network options in a description whose kind is `kind`.

    Raises:
        InputError: the description is of another kind of network.
    """
    if config.get("kind") != kind:
        raise InputError(
            f"A StyleGAN2 {kind} wants a description of kind {kind!r}, got {config.get('kind')!r}; "
            f"give the configuration that was saved with a {kind}."
        )
    return NetworkOptions.model_validate({k: v for k, v in config.items() if k != "kind"})
