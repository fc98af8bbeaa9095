"""Load the weights of official StyleGAN2-ADA networks by their state-dict names.

Only the names and shapes of those published files are used here; all code is our own.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import torch
from torch import Tensor

from cosmop.errors import InputError
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.official_pickle import read_official_pickle
from cosmop.stylegan2.ops import binomial_filter
from cosmop.stylegan2.options import NetworkOptions

__all__ = ["load_official_state", "read_official_pickle"]

Network = TypeVar("Network", Generator, Discriminator)

_FILTER = "resample_filter"
_CONVOLUTION = re.compile(r"\.(?:conv\d?|torgb|fromrgb)\.weight$")
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
        options = _generator_options(state_dict)
        return _filled(Generator, options, _renamed(state_dict, _generator_name))
    if "b4.out.weight" in state_dict:
        options = _discriminator_options(state_dict)
        top = options.num_levels - 1
        renamed = _renamed(state_dict, lambda name: _discriminator_name(name, top))
        return _filled(Discriminator, options, renamed)
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


def _size(state: Mapping[str, Tensor], name: str, axis: int) -> int:
    axes = 4 if _CONVOLUTION.search(name) else 2
    came = tuple(state[name].shape) if name in state else None
    if came is None or len(came) != axes:
        raise InputError(
            f"The import of official weights wants a tensor {name!r} of {axes} axes, got "
            f"{'none' if came is None else came}; only StyleGAN2 with a skip generator and a "
            "residual or plain discriminator can be loaded, so give such a state dict."
        )
    return came[axis]


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    return sum(1 for name in state if re.fullmatch(pattern, name))


def _num_classes(state: Mapping[str, Tensor]) -> int:
    name = "mapping.embed.weight"
    return _size(state, name, 1) if name in state else 0


def _square(side: int) -> dict[str, int]:
    return {"height": side, "width": side}


def _channel_limits(channels: Mapping[int, int]) -> dict[str, int]:
    """Return the channel base and maximum that give these `channels` by resolution.

    Each resolution r has min(base // r, maximum) maps, so the largest r x maps is such a base.
    """
    return {
        "channel_base": max(size * count for size, count in channels.items()),
        "channel_max": max(channels.values()),
    }


def _generator_options(state: Mapping[str, Tensor]) -> NetworkOptions:
    sizes = _resolutions(state)
    channels = {r: _size(state, f"synthesis.b{r}.conv1.weight", 0) for r in sizes}
    w_dim = _size(state, "synthesis.b4.conv1.affine.weight", 1)
    num_classes = _num_classes(state)
    return NetworkOptions.model_validate(
        {
            **_square(sizes[-1]),
            **_channel_limits(channels),
            "image_channels": _image_channels(_size(state, "synthesis.b4.torgb.weight", 0)),
            "z_dim": _size(state, "mapping.fc0.weight", 1) - (w_dim if num_classes else 0),
            "w_dim": w_dim,
            "mapping_layers": _count(state, r"mapping\.fc\d+\.weight"),
            "num_classes": num_classes,
        }
    )


def _discriminator_options(state: Mapping[str, Tensor]) -> NetworkOptions:
    sizes = _resolutions(state)
    top = sizes[-1]
    channels = {r: _size(state, f"b{r}.conv0.weight", 0) for r in sizes[1:]}
    channels[4] = _size(state, "b4.conv.weight", 0)
    return NetworkOptions.model_validate(
        {
            **_square(top),
            **_channel_limits(channels),
            "image_channels": _image_channels(_size(state, f"b{top}.fromrgb.weight", 1)),
            "num_classes": _num_classes(state),
            "label_layers": _count(state, r"mapping\.fc\d+\.weight") or 8,
            "discriminator_skip": "residual" if f"b{top}.skip.weight" in state else "none",
        }
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
    if name.startswith(f"b{4 << top}.fromrgb."):
        return "from_image." + name.rpartition(".")[2]
    return re.sub(r"^b(\d+)\.", lambda found: f"blocks.{top - _level(found[1])}.", name)


def _renamed(state: Mapping[str, Tensor], rename: Callable[[str], str]) -> dict[str, Tensor]:
    wanted = binomial_filter()
    renamed = {}
    for name, tensor in state.items():
        if name.rpartition(".")[2] != _FILTER:
            renamed[rename(name)] = tensor
        elif tensor.shape != wanted.shape or not tensor.cpu().float().allclose(wanted, atol=1e-6):
            raise InputError(
                f"StyleGAN2 here filters with [1, 3, 3, 1], got another filter in {name!r}; "
                "give a network with the standard resampling filter."
            )
    return renamed


def _filled(kind: type[Network], options: NetworkOptions, state: Mapping[str, Tensor]) -> Network:
    with torch.device("meta"):  # shapes only: tensors that do not fit may claim any size
        wanted = {name: tuple(tensor.shape) for name, tensor in kind(options).state_dict().items()}
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
    network = kind(options)
    network.load_state_dict(dict(state))
    return network.eval().requires_grad_(requires_grad=False)
