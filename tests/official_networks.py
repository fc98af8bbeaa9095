"""Our networks in the layout of the official ones, and snapshots pickled as the official code does.

The layout is written down here a second time, so that it can tell whether the import is right.
"""

import math
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.ops import EqualisedConv, EqualisedLinear, ModulatedConv, binomial_filter
from cosmop.stylegan2.options import NetworkOptions

_SOURCE = "raise SystemExit('the source code in a snapshot was run')"


def _reconstruct_persistent_obj(meta: object) -> object:
    return meta


class EasyDict(dict[str, Any]):
    """A dictionary of another class, as options are kept in official snapshots."""


_reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
EasyDict.__module__ = "dnnlib.util"


class Persistent(nn.Module):
    """A module that is pickled as its source code, its class name and its attributes."""

    def __init__(
        self,
        class_name: str,
        parameters: Mapping[str, Tensor] | None = None,
        buffers: Mapping[str, Tensor] | None = None,
        children: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.class_name = class_name
        self.source = _SOURCE
        for name, tensor in (parameters or {}).items():
            self.register_parameter(name, nn.Parameter(tensor.detach().clone()))
        for name, tensor in (buffers or {}).items():
            self.register_buffer(name, tensor.clone())
        for name, module in (children or {}).items():
            self.add_module(name, module)
        self._init_kwargs = EasyDict(resolution=8)
        self.weight_gain = 1 / np.sqrt(np.float64(2))
        self.some_array = np.arange(3)
        self.plain = [torch.Size([1]), torch.device("cpu"), torch.float16, {"a"}, 1 << 70, None]

    def __reduce__(self) -> tuple[Any, ...]:
        meta = {
            "type": "class",
            "version": 6,
            "module_src": self.source,
            "class_name": self.class_name,
            "state": self.__dict__,
        }
        return _reconstruct_persistent_obj, (meta,), None


@contextmanager
def importable() -> Iterator[None]:
    """Let the names of the official code be imported for a while."""
    modules = {"torch_utils.persistence": _reconstruct_persistent_obj, "dnnlib.util": EasyDict}
    for path, content in modules.items():
        package, name = ModuleType(path.partition(".")[0]), ModuleType(path)
        setattr(name, content.__name__, content)
        sys.modules |= {package.__name__: package, path: name}
    try:
        yield
    finally:
        for path in modules:
            del sys.modules[path], sys.modules[path.partition(".")[0]]


def pickled(content: object, protocol: int = 4) -> bytes:
    """Pickle while the names of the official code can be imported."""
    with importable():
        return pickle.dumps(content, protocol)


def snapshot(**networks: nn.Module) -> dict[str, object]:
    """Surround networks with what else an official snapshot holds."""
    augment_pipe = Persistent("AugmentPipe", buffers={"p": torch.tensor(0.5)})
    kwargs = EasyDict(class_name="training.dataset.ImageFolderDataset", path="/data", xflip=True)
    return {"training_set_kwargs": kwargs, "augment_pipe": augment_pipe, **networks}


def write_snapshot(path: Path, content: object, protocol: int = 4) -> Path:
    """Write what `pickled` makes of `content`."""
    path.write_bytes(pickled(content, protocol))
    return path


def network_options(resolution: int = 16, **others: object) -> NetworkOptions:
    """Options of small square networks."""
    sizes = {"height": resolution, "width": resolution, "channel_base": 8 * resolution}
    more = {"channel_max": 24, "z_dim": 6, "w_dim": 6, "mapping_layers": 2}
    return NetworkOptions.model_validate({**sizes, **more, **others})


def random_networks(options: NetworkOptions) -> tuple[Generator, Discriminator]:
    """Networks in which no weight is still at its start: neither biases nor the mean style."""
    generator, discriminator = Generator(options), Discriminator(options)
    for network in (generator, discriminator):
        for tensor in network.state_dict().values():
            tensor.add_(torch.randn_like(tensor) / 4)
    return generator.eval(), discriminator.eval()


def official_generator(ours: Generator) -> Persistent:
    """Lay our generator out as the official one."""
    mapping = Persistent(
        "MappingNetwork",
        buffers={"w_avg": ours.mapping.w_average},
        children=_dense(ours.mapping.dense),
    )
    blocks = {}
    for number, level in enumerate(ours.synthesis.levels):
        layers = {"conv1": _modulated(level.conv1)}
        if number:
            layers = {"conv0": _modulated(level.conv0), **layers}
        colours = Persistent(
            "ToRGBLayer",
            {"weight": level.to_image.weight, "bias": level.to_image.bias},
            children={"affine": _linear(level.to_image.affine)},
        )
        blocks[f"b{math.prod([4] + [2] * number)}"] = Persistent(
            "SynthesisBlock",
            {} if number else {"const": ours.synthesis.constant},
            {"resample_filter": binomial_filter()},
            {**layers, "torgb": colours},
        )
    synthesis = Persistent("SynthesisNetwork", children=blocks)
    return Persistent("Generator", children={"synthesis": synthesis, "mapping": mapping})


def official_discriminator(ours: Discriminator) -> Persistent:
    """Lay our discriminator out as the official one."""
    children: dict[str, nn.Module] = {}
    side = ours.options.height
    for block in ours.blocks:
        layers = {"conv0": _conv(block.conv0), "conv1": _conv(block.conv1)}
        if side == ours.options.height:
            layers = {"fromrgb": _conv(ours.from_image), **layers}
        if block.skip is not None:
            layers["skip"] = _conv(block.skip)
        filters = {"resample_filter": binomial_filter()}
        children[f"b{side}"] = Persistent("DiscriminatorBlock", {}, filters, layers)
        side //= 2
    if ours.label_mapping is not None:
        children["mapping"] = Persistent("MappingNetwork", children=_dense(ours.label_mapping))
    last = {"mbstd": Persistent("MinibatchStdLayer"), "conv": _conv(ours.last_conv)}
    ends = {"fc": _linear(ours.dense), "out": _linear(ours.out)}
    children["b4"] = Persistent("DiscriminatorEpilogue", children={**last, **ends})
    return Persistent("Discriminator", children=children)


def _linear(ours: EqualisedLinear) -> Persistent:
    return Persistent("FullyConnectedLayer", {"weight": ours.weight, "bias": ours.bias})


def _dense(ours: nn.Module) -> dict[str, nn.Module]:
    embedding = {} if ours.embedding is None else {"embed": _linear(ours.embedding)}
    return embedding | {f"fc{i}": _linear(layer) for i, layer in enumerate(ours.layers)}


def _conv(ours: EqualisedConv) -> Persistent:
    bias = {} if ours.bias is None else {"bias": ours.bias}
    filters = {"resample_filter": binomial_filter()}
    return Persistent("Conv2dLayer", {"weight": ours.weight, **bias}, filters)


def _modulated(ours: ModulatedConv) -> Persistent:
    names = ("weight", "noise_strength", "bias")
    return Persistent(
        "SynthesisLayer",
        {name: getattr(ours, name) for name in names},
        {"resample_filter": binomial_filter(), "noise_const": ours.noise_constant},
        {"affine": _linear(ours.affine)},
    )
