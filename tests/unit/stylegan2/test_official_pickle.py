"""Official snapshots give their weights, and nothing that they hold is run."""

import contextlib
import functools
import io
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cosmop.errors import InputError
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions
from cosmop.stylegan2.pretrained import load_official_state, read_official_pickle
from tests.official_networks import (
    Persistent,
    importable,
    network_options,
    official_discriminator,
    official_generator,
    pickled,
    random_networks,
    snapshot,
    write_snapshot,
)

_NETWORKS = ("G", "D", "G_ema")


@pytest.fixture
def options() -> NetworkOptions:
    return network_options(8, num_classes=2, channel_max=4)


@pytest.fixture
def networks(options: NetworkOptions) -> dict[str, Generator | Discriminator]:
    generator, discriminator = random_networks(options)
    return {"G": generator, "D": discriminator, "G_ema": random_networks(options)[0]}


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that attacks want to make."""
    return tmp_path / "marker"


def _official(networks: dict[str, Generator | Discriminator]) -> dict[str, Persistent]:
    return {
        name: official_generator(network)
        if isinstance(network, Generator)
        else official_discriminator(network)
        for name, network in networks.items()
    }


def _tiny(weight: object = None) -> dict[str, object]:
    """A snapshot whose networks are one small layer each."""
    layer = Persistent("Layer", {"weight": torch.randn(2, 3)}, {"w_avg": torch.randn(2)})
    if weight is not None:
        layer._parameters["weight"] = weight  # type: ignore[assignment]
    return snapshot(**dict.fromkeys(_NETWORKS, layer))


def _same(expected: dict[str, Tensor], came: dict[str, Tensor]) -> bool:
    return list(expected) == list(came) and all(
        torch.equal(expected[name], tensor) for name, tensor in came.items()
    )


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_a_snapshot_gives_the_networks_that_were_in_it(
    protocol: int, networks: dict[str, Generator | Discriminator], tmp_path: Path
) -> None:
    official = _official(networks)
    path = write_snapshot(tmp_path / "network.pkl", snapshot(**official), protocol)
    z, labels = torch.randn(2, 6), torch.eye(2)

    states = read_official_pickle(path)
    assert list(_NETWORKS) == list(states)
    assert all(_same(official[name].state_dict(), states[name]) for name in _NETWORKS)
    generator, discriminator = (load_official_state(states[name]) for name in ("G_ema", "D"))
    images = networks["G_ema"](z, labels)
    assert torch.equal(images, generator(z, labels))
    assert torch.equal(networks["D"](images, labels), discriminator(images, labels))


def test_half_precision_is_widened_and_other_types_and_layouts_stay(tmp_path: Path) -> None:
    weights = {
        "half_": torch.randn(2, 3).half(),
        "brain": torch.randn(2, 3).bfloat16(),
        "double_": torch.randn(3).double(),
        "channels_last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "part": torch.arange(24.0).reshape(4, 6)[1:3, 2:5],
        "alone": torch.tensor(3.0),
    }
    layer = Persistent("Layer", weights, {"count": torch.tensor(5), "mask": torch.tensor([True])})
    path = write_snapshot(tmp_path / "x.pkl", snapshot(**dict.fromkeys(_NETWORKS, layer)))

    state = read_official_pickle(path)["D"]
    expected = layer.state_dict()
    for name in ("half_", "brain"):
        expected[name] = expected[name].float()
    assert _same(expected, state)
    assert all(state[name].dtype == tensor.dtype for name, tensor in expected.items())
    assert all(tensor.is_contiguous() and not tensor.requires_grad for tensor in state.values())


def test_names_are_those_of_torch_with_plain_modules_and_without_temporary_buffers(
    tmp_path: Path,
) -> None:
    layer = Persistent("Layer", {"weight": torch.ones(1)}, {"kept": torch.ones(1)})
    layer.register_buffer("temporary", torch.ones(1), persistent=False)
    layer.register_buffer("absent", None)
    layer.register_parameter("bias", None)
    layer.add_module("nothing", None)
    layer.add_module("layers", nn.ModuleList([nn.Linear(1, 2), nn.BatchNorm1d(2)]))
    path = write_snapshot(tmp_path / "x.pkl", snapshot(**dict.fromkeys(_NETWORKS, layer)))

    expected = layer.state_dict()
    assert "temporary" not in expected
    assert "layers.1.running_mean" in expected
    assert _same(expected, read_official_pickle(path)["G"])


def test_source_code_in_a_snapshot_is_not_run(tmp_path: Path, marker: Path) -> None:
    layer = Persistent("Layer", {"weight": torch.ones(1)})
    layer.source = f"__import__('os').system({_touch(marker)!r})"
    path = write_snapshot(tmp_path / "x.pkl", snapshot(**dict.fromkeys(_NETWORKS, layer)))

    assert {"weight"} == set(read_official_pickle(path)["G"])
    assert not marker.exists()


class _Call:
    """Pickled as a call of `function`, after which the state is set."""

    def __init__(self, function: object, *arguments: object, state: object = None) -> None:
        self.reduced = (function, arguments, state)

    def __reduce__(self) -> tuple[object, ...]:
        return self.reduced

    def __call__(self) -> None:
        """Only what can be called can be pickled as what is called."""


class _Storage(_Call):
    """Pickled as a storage is, with any bytes in the place of numbers."""

    def __init__(self, blob: bytes) -> None:
        super().__init__(torch.storage._load_from_bytes, blob)


class _Tensor(_Call):
    """Pickled as a tensor is, of any storage, offset and sizes."""

    def __init__(
        self, storage: object, offset: object = 0, size: object = (1,), stride: object = (1,)
    ) -> None:
        rest = (offset, size, stride, False, OrderedDict())
        super().__init__(torch._utils._rebuild_tensor_v2, storage, *rest)


def _legacy_save(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def _opcodes(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


def _text(text: str) -> bytes:
    return b"X" + len(text.encode()).to_bytes(4, "little") + text.encode()


def _named(module: str, name: str) -> bytes:
    return _text(module) + _text(name) + b"\x93"


def _touch(marker: Path) -> str:
    return f"touch {marker}"


def _call_of_system(marker: Path) -> bytes:
    return pickled(_Call(os.system, _touch(marker)))


def _call_among_weights(marker: Path) -> bytes:
    return pickled(_tiny(_Call(os.system, _touch(marker))))


def _evaluated_source(marker: Path) -> bytes:
    return pickled(snapshot(G=_Call(eval, f"__import__('os').system({_touch(marker)!r})")))


def _call_in_a_storage(marker: Path) -> bytes:
    return pickled(_tiny(_Tensor(_Storage(_legacy_save(_Call(os.system, _touch(marker)))))))


def _file_for_torch(marker: Path) -> bytes:
    file = marker.with_suffix(".pt")
    file.write_bytes(_legacy_save(_Call(os.system, _touch(marker))))
    return pickled(_Call(functools.partial(torch.load, weights_only=False), file))


def _state_of_a_partial(marker: Path) -> bytes:
    state = (os.system, (_touch(marker),), {}, None)
    return pickled(_Call(_Call(functools.partial, print, state=state)))


def _attribute_of_a_module(marker: Path) -> bytes:
    return pickled(_Call(_Call(getattr, _Call(__import__, "os"), "system"), _touch(marker)))


def _dotted_name(marker: Path) -> bytes:
    return _opcodes(_named("torch", "os.system"), _text(_touch(marker)), b"\x85R")


def _dotted_name_of_a_module(marker: Path) -> bytes:
    name = _named("torch.nn.modules.module", "torch.os.system")
    return _opcodes(name, _text(_touch(marker)), b"\x85R")


def _old_instruction(marker: Path) -> bytes:
    return f"(V{_touch(marker)}\niposix\nsystem\n.".encode()


_ATTACKS = {
    _call_of_system: r"'posix\.system'",
    _call_among_weights: r"'posix\.system'",
    _evaluated_source: r"'builtins\.eval'",
    _call_in_a_storage: r"'posix\.system'",
    _file_for_torch: r"'functools\.partial'",
    _state_of_a_partial: r"'functools\.partial'",
    _attribute_of_a_module: r"'builtins\.getattr'",
    _dotted_name: r"'torch\.os\.system'",
    _dotted_name_of_a_module: r"'torch\.nn\.modules\.module\.torch\.os\.system'",
    _old_instruction: r"INST of 'posix system'",
}


@pytest.mark.parametrize(("attack", "name"), _ATTACKS.items())
def test_a_hostile_snapshot_is_refused_by_the_name_of_what_it_would_run(
    attack: Callable[[Path], bytes], name: str, tmp_path: Path, marker: Path
) -> None:
    path = tmp_path / "hostile.pkl"
    path.write_bytes(attack(marker))

    with pytest.raises(InputError, match=f"hostile.pkl, but it .*{name}"):
        read_official_pickle(path)
    assert not marker.exists()
    with importable(), contextlib.suppress(Exception, SystemExit):
        pickle.loads(path.read_bytes())
    assert marker.exists(), "the attack is real: Python's own unpickler falls for it"


_REFERENCE = _opcodes(_text("anything"), b"Q")
_SET_ATTRIBUTE = _opcodes(
    _named("torch._utils", "_rebuild_tensor_v2"), b"N}", _text("__defaults__"), b")s\x86b"
)
_REFUSED = {
    "torch.load": (_opcodes(_named("torch", "load"), b")R"), r"'torch\.load'"),
    "a reference": (_REFERENCE, "persistent_id"),
    "a reference in text": (b"Panything\n.", "PERSID of 'anything'"),
    "an attribute of a function": (_SET_ATTRIBUTE, "set the state of a Name"),
    "a call of data": (_opcodes(_text("system"), b")R"), "call a str"),
    "an item of a list": (_opcodes(b"]NNs"), "set an item of a list"),
    "a nested key": (_opcodes(b"})", b"\x85" * 100_000, b"Ns"), "use as a key a tuple"),
    "a nested member": (_opcodes(b"\x8f()", b"\x85" * 100_000, b"\x90"), "put into a set a tuple"),
    "a nested value": (_opcodes(b"]", b"\x85" * 100_000), "no usable 'G'"),
    "a far slot": (b"\x80\x02}r\xff\xff\xff\x7f.", "holds nothing and no G, D, G_ema"),
    "an endless number": (
        _opcodes(b"}\x8b", (9000).to_bytes(4, "little"), b"1" * 9000, b"Ns"),
        "nothing",
    ),
    "a huge string": (b"\x80\x04\x8e" + (1 << 60).to_bytes(8, "little"), "cut short"),
    "nothing": (b"", "cut short"),
    "no values": (_opcodes(b""), "cut short"),
    "another file": (b"PK\x03\x04", "no pickle"),
    "TensorFlow": (
        _opcodes(_named("dnnlib.tflib.network", "Network"), b")\x81"),
        r"dnnlib\.tflib\.network\.Network.*TensorFlow; convert it to PyTorch first",
    ),
}


@pytest.mark.parametrize("kind", _REFUSED)
def test_what_is_no_snapshot_is_refused_with_the_reason(kind: str, tmp_path: Path) -> None:
    content, reason = _REFUSED[kind]
    path = tmp_path / "x.pkl"
    path.write_bytes(content)

    with pytest.raises(InputError, match=reason):
        read_official_pickle(path)


def test_a_path_without_a_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.pkl"):
        with pytest.raises(InputError, match=f"got {path}, but it cannot be read"):
            read_official_pickle(path)


def test_missing_networks_are_named_with_what_is_there(tmp_path: Path) -> None:
    content = {**snapshot(G=Persistent("Generator")), "G_ema": None}
    path = write_snapshot(tmp_path / "x.pkl", content)

    with pytest.raises(InputError, match=r"holds 'training_set_kwargs', .*'G'.* and no D, G_ema;"):
        read_official_pickle(path)


_FLOATS = _legacy_save(torch.ones(6)._typed_storage())


@pytest.mark.parametrize(
    "tensor",
    [
        _Tensor(_Storage(_FLOATS), 0, (7,), (1,)),
        _Tensor(_Storage(_FLOATS), 1, (2, 3), (3, 1)),
        _Tensor(_Storage(_FLOATS), -1, (2,), (1,)),
        _Tensor(_Storage(_FLOATS), 0, (2, 2), (-1, 1)),
        _Tensor(_Storage(_FLOATS), 0, (2, 2), (1,)),
        _Tensor(_Storage(_FLOATS), 0, (1 << 40,), (0,)),
        _Tensor(_Storage(_FLOATS), 0, (1 << 20, 1 << 20), (0, 0)),
        _Tensor(_Storage(_FLOATS), 0, (1,) * 9, (1,) * 9),
        _Tensor(_Storage(_FLOATS), 0, (1,), (1 << 70,)),
        _Tensor(_Storage(_FLOATS), 0, [6], [1]),
        _Tensor(_Storage(_FLOATS), 0, (6.0,), (1,)),
        _Tensor(_Storage(_FLOATS[:-1])),
        _Tensor(_Storage(_FLOATS + b"0")),
        _Tensor(_Storage(_FLOATS.replace(b"FloatStorage", b"DoubleStorage"))),
        _Tensor(_Storage(_FLOATS.replace(b"little_endian", b"middle_endian"))),
        _Tensor(_Storage(b"")),
        _Tensor(_FLOATS),
        np.ones(3),
        "weights",
        [1.0],
    ],
)
def test_tensors_that_are_not_in_the_file_are_refused(tensor: object, tmp_path: Path) -> None:
    whole = write_snapshot(tmp_path / "whole.pkl", _tiny(_Tensor(_Storage(_FLOATS), 0, (6,), (1,))))
    path = write_snapshot(tmp_path / "x.pkl", _tiny(tensor))

    assert torch.equal(torch.ones(6), read_official_pickle(whole)["G"]["weight"])
    with pytest.raises(InputError):
        read_official_pickle(path)


def test_a_few_numbers_cannot_be_shared_until_memory_is_full(tmp_path: Path) -> None:
    storage = _Storage(_legacy_save(torch.ones(1000)._typed_storage()))
    tensors = {str(number): _Tensor(storage, 0, (1000,), (1,)) for number in range(1000)}
    layer = Persistent("Layer")
    layer._parameters.update(tensors)  # type: ignore[arg-type]
    path = write_snapshot(tmp_path / "x.pkl", snapshot(**dict.fromkeys(_NETWORKS, layer)))

    with pytest.raises(InputError, match="its weights are damaged"):
        read_official_pickle(path)


@pytest.mark.parametrize("weights", [{}, {"weight": torch.ones(1)}])
def test_modules_that_share_modules_cannot_multiply_without_end(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    module = Persistent("Leaf", weights)
    for _ in range(60):  # 2^60 leaves in a file of some kilobytes
        module = Persistent("Branch", children={"a": module, "b": module})
    path = write_snapshot(tmp_path / "x.pkl", snapshot(**dict.fromkeys(_NETWORKS, module)))

    with pytest.raises(InputError, match="more than 10,000 parts"):
        read_official_pickle(path)


def test_names_of_modules_cannot_grow_without_end(tmp_path: Path) -> None:
    layer = Persistent("Layer", children={"a" * 600: Persistent("Leaf", {"b": torch.ones(1)})})
    path = write_snapshot(tmp_path / "x.pkl", snapshot(**dict.fromkeys(_NETWORKS, layer)))

    with pytest.raises(InputError, match="no usable names"):
        read_official_pickle(path)


def test_a_file_larger_than_any_snapshot_is_refused_unread(tmp_path: Path) -> None:
    path = write_snapshot(tmp_path / "x.pkl", _tiny())
    os.truncate(path, 3 << 30)  # takes no room on the disk

    with pytest.raises(InputError, match="larger than 2,147,483,648 bytes"):
        read_official_pickle(path)


def test_a_snapshot_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    content = pickled(_tiny())
    path = tmp_path / "x.pkl"

    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match="cut short"):
            read_official_pickle(path)


def test_a_damaged_snapshot_is_read_or_refused_and_never_ends_otherwise(
    tmp_path: Path, chance: np.random.Generator
) -> None:
    content = pickled(_tiny())
    path = tmp_path / "x.pkl"

    refused = 0
    for _ in range(600):
        damaged = bytearray(content)
        for place in chance.integers(0, len(content), 2):
            damaged[place] = chance.integers(256)
        path.write_bytes(damaged)
        try:
            read_official_pickle(path)
        except InputError:
            refused += 1
    assert refused > 100
