"""Load the weights of official StyleGAN2-ADA networks by their state-dict names.

Only the names and shapes of those published files are used here; all code is our own.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from cosmop.errors import InputError
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.ops import binomial_filter
from cosmop.stylegan2.options import NetworkOptions

Network = TypeVar("Network", bound=nn.Module)

_FILTER = "resample_filter"
_RESOLUTION = re.compile(r"(?:synthesis\.)?b(\d+)\.")


def load_official_state(state_dict: Mapping[str, Tensor]) -> Generator | Discriminator:
    """Build the network that an official StyleGAN2 state dict describes, and fill it.

    Sizes come from the tensors. The size of the minibatch deviation's groups is in no tensor; it
    is 4, as in the official default. The network is returned in evaluation mode.

    Raises:
        InputError: names or shapes are not those of a StyleGAN2 with skip generator, residual or
            plain discriminator and the [1, 3, 3, 1] filter.
    """
    if "synthesis.b4.const" in state_dict:
        generator = Generator(_generator_options(state_dict))
        return _filled(generator, _renamed(state_dict, _generator_name))
    if "b4.out.weight" in state_dict:
        options = _discriminator_options(state_dict)
        discriminator = Discriminator(options)
        top = options.num_levels - 1
        return _filled(
            discriminator, _renamed(state_dict, lambda name: _discriminator_name(name, top))
        )
    raise InputError(
        "The import of official weights wants a StyleGAN2 generator (with synthesis.b4.const) or "
        f"discriminator (with b4.out.weight), got {len(state_dict)} tensors without either; "
        "give the state dict of G, D or G_ema."
    )


def _resolutions(state: Mapping[str, Tensor]) -> list[int]:
    found = sorted({int(m[1]) for name in state if (m := _RESOLUTION.match(name))})
    expected = [4 << level for level in range(len(found))]
    if len(found) < 2 or found != expected:
        raise InputError(
            "The import of official weights wants blocks at every power of two from 4 pixels, "
            f"got {found}; give a complete StyleGAN2 state dict."
        )
    return found


def _tensor(state: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in state:
        raise InputError(
            f"The import of official weights wants a tensor {name!r}, got none; "
            "only StyleGAN2 with a skip generator can be loaded, so give such a state dict."
        )
    return state[name]


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    return sum(1 for name in state if re.fullmatch(pattern, name))


def _channel_limits(channels: Mapping[int, int]) -> tuple[int, int]:
    """Return the channel base and maximum that give these `channels` by resolution.

    Each resolution r has min(base // r, maximum) maps, so the largest r x maps is such a base.
    """
    return max(size * count for size, count in channels.items()), max(channels.values())


def _generator_options(state: Mapping[str, Tensor]) -> NetworkOptions:
    sizes = _resolutions(state)
    channels = {r: _tensor(state, f"synthesis.b{r}.conv1.weight").shape[0] for r in sizes}
    w_dim = _tensor(state, "synthesis.b4.conv1.affine.weight").shape[1]
    channel_base, channel_max = _channel_limits(channels)
    embedding = state.get("mapping.embed.weight")
    num_classes = 0 if embedding is None else embedding.shape[1]
    z_dim = _tensor(state, "mapping.fc0.weight").shape[1] - (w_dim if num_classes else 0)
    return NetworkOptions(
        height=sizes[-1],
        width=sizes[-1],
        image_channels=_image_channels(_tensor(state, "synthesis.b4.torgb.weight").shape[0]),
        z_dim=z_dim,
        w_dim=w_dim,
        mapping_layers=_count(state, r"mapping\.fc\d+\.weight"),
        num_classes=num_classes,
        channel_base=channel_base,
        channel_max=channel_max,
    )


def _discriminator_options(state: Mapping[str, Tensor]) -> NetworkOptions:
    sizes = _resolutions(state)
    top = sizes[-1]
    channels = {r: _tensor(state, f"b{r}.conv0.weight").shape[0] for r in sizes[1:]}
    channels[4] = _tensor(state, "b4.conv.weight").shape[0]
    channel_base, channel_max = _channel_limits(channels)
    embedding = state.get("mapping.embed.weight")
    num_classes = 0 if embedding is None else embedding.shape[1]
    return NetworkOptions(
        height=top,
        width=top,
        image_channels=_image_channels(_tensor(state, f"b{top}.fromrgb.weight").shape[1]),
        num_classes=num_classes,
        label_layers=_count(state, r"mapping\.fc\d+\.weight") or 8,
        discriminator_skip="residual" if f"b{top}.skip.weight" in state else "none",
        channel_base=channel_base,
        channel_max=channel_max,
    )


def _image_channels(count: int) -> Literal[1, 3]:
    if count == 1:
        return 1
    if count != 3:
        raise InputError(
            f"StyleGAN2 here draws greyscale (1 channel) or RGB (3) images, got weights for {count}"
            " channels; give a network of one of the two kinds."
        )
    return 3


def _level(resolution: str) -> int:
    return int(resolution).bit_length() - 3  # 4 pixels is level 0


def _dense_name(name: str, ours: str) -> str:
    name = re.sub(r"^mapping\.embed\.", f"{ours}.embedding.", name)
    return re.sub(r"^mapping\.fc(\d+)\.", rf"{ours}.layers.\1.", name)


def _generator_name(name: str) -> str:
    if name == "mapping.w_avg":
        return "mapping.w_average"
    if name == "synthesis.b4.const":
        return "synthesis.constant"
    name = _dense_name(name, "mapping.dense")
    name = re.sub(
        r"^synthesis\.b(\d+)\.", lambda found: f"synthesis.levels.{_level(found[1])}.", name
    )
    return name.replace("torgb", "to_image").replace("noise_const", "noise_constant")


def _discriminator_name(name: str, top: int) -> str:
    name = _dense_name(name, "label_mapping")
    for official, ours in (("b4.conv", "last_conv"), ("b4.fc", "dense"), ("b4.out", "out")):
        if name.startswith(f"{official}."):
            return ours + name.removeprefix(official)
    name = re.sub(r"^b\d+\.fromrgb\.", "from_image.", name)
    return re.sub(r"^b(\d+)\.", lambda found: f"blocks.{top - _level(found[1])}.", name)


def _renamed(state: Mapping[str, Tensor], rename: Callable[[str], str]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in state.items():
        if name.rpartition(".")[2] != _FILTER:
            renamed[rename(name)] = tensor
        elif not torch.allclose(tensor.cpu().float(), binomial_filter(), atol=1e-6):
            raise InputError(
                f"StyleGAN2 here filters with [1, 3, 3, 1], got another filter in {name!r}; "
                "give a network with the standard resampling filter."
            )
    return renamed


def _filled(network: Network, state: Mapping[str, Tensor]) -> Network:
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    came = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = sorted(
        name for name in wanted.keys() | came.keys() if wanted.get(name) != came.get(name)
    )
    if wrong:
        raise InputError(
            f"The import of official weights wants {wrong[0]!r} of shape {wanted.get(wrong[0])}, "
            f"got {came.get(wrong[0])} ({len(wrong)} such tensors); "
            "give the state dict of an unchanged StyleGAN2."
        )
    network.load_state_dict(dict(state))
    return network.eval().requires_grad_(requires_grad=False)
