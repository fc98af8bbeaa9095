"""Read the weights in official StyleGAN2-ADA (PyTorch) snapshots without running what they hold.

Such a snapshot is a pickle that carries Python source, which the official code runs on loading.
Here the file is read as inert records (`inert_pickle`), and tensors are rebuilt from the records
of a short list of names; any other name is refused before anything is made of it.
"""

import io
import math
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cosmop.errors import InputError
from cosmop.stylegan2.inert_pickle import (
    PERSISTENT_ID,
    Name,
    Record,
    UnusablePickleError,
    read_inert,
)

StateDict = dict[str, Tensor]

_NETWORKS = ("G", "D", "G_ema")
_PERSISTENT_OBJECT = "torch_utils.persistence._reconstruct_persistent_obj"
_PLAIN_MODULE = re.compile(r"torch\.nn\.modules\.\w+\.\w+")
_MAPPINGS = ("collections.OrderedDict", "dnnlib.util.EasyDict")
_SETS = ("builtins.set", "__builtin__.set")
_STORAGE = "torch.storage._load_from_bytes"
_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"
_NUMPY_NAMES = ("_reconstruct", "scalar")
_PLAIN_NAMES = frozenset(
    {
        *_MAPPINGS,
        *_SETS,
        *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in _NUMPY_NAMES),
        *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
        *("numpy.dtype", "numpy.ndarray", "torch.Size", "torch.device"),
        *(str(kind) for kind in vars(torch).values() if isinstance(kind, torch.dtype)),
    }
)
_KNOWN = _PLAIN_NAMES | {_PERSISTENT_OBJECT, _STORAGE, _TENSOR, _PARAMETER}

_DTYPES = {
    "torch.FloatStorage": torch.float32,
    "torch.DoubleStorage": torch.float64,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
_STORAGE_MAGIC, _STORAGE_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of torch.save before zip files

_LARGEST_FILE_BYTES = 2 << 30  # a snapshot for 1024 pixels has about 360 MB
_MOST_PARTS = 10_000  # an official network has about 200; shared ones could nest without end
_LONGEST_NAME = 500
_MOST_AXES = 8
_DAMAGED = "its weights are damaged"


def read_official_pickle(path: str | Path) -> dict[str, StateDict]:
    """Read the state dicts of ``G``, ``D`` and ``G_ema`` from an official network snapshot.

    Names are those of `torch.nn.Module.state_dict`; tensors lie on the CPU, apart from the file,
    half precision as float32. Nothing that the file names or contains is imported or run, and its
    source code is dropped. The peak of memory is the file plus the weights.

    Raises:
        InputError: there is no such file; it is truncated, damaged or larger than 2 GiB; a network
            is missing; it is of TensorFlow; or it names anything else than plain weights need.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            tensors = _TensorReader(_checked_size(path))
            snapshot = read_inert(file, _admit)
        networks = _networks(snapshot).items()
        return {name: _state_dict(module, tensors) for name, module in networks}
    except OSError as error:
        raise _refusal(path, f"it cannot be read ({error.strerror})", "correct the path") from error
    except UnusablePickleError as error:
        raise _refusal(path, str(error), error.remedy) from error


def _checked_size(path: Path) -> int:
    num_bytes = path.stat().st_size
    if num_bytes > _LARGEST_FILE_BYTES:
        raise UnusablePickleError(f"it is larger than {_LARGEST_FILE_BYTES:,} bytes")
    return num_bytes


def _refusal(path: Path, reason: str, remedy: str) -> InputError:
    return InputError(
        "The import of official networks wants a snapshot (.pkl) of StyleGAN2-ADA in PyTorch, got "
        f"{path}, but {reason}; {remedy}."
    )


def _shown(name: str) -> str:
    return repr(name[:100])


def _admit(name: str) -> None:
    if name.startswith("dnnlib.tflib."):
        raise UnusablePickleError(
            f"it names {_shown(name)} and so is of TensorFlow",
            "convert it to PyTorch first, as the official PyTorch code does",
        )
    if name not in _KNOWN and not _PLAIN_MODULE.fullmatch(name):
        raise UnusablePickleError(f"it names {_shown(name)}, which plain weights do not need")


def _admit_storage(name: str) -> None:
    if name not in _DTYPES and name != PERSISTENT_ID:
        raise UnusablePickleError(f"it names {_shown(name)}, which plain weights do not need")


def _mapping(value: object, key: str) -> dict[object, object]:
    """Return a dictionary or the items of its record; `key` tells where it was looked for."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Record) and value.name in _MAPPINGS:
        return value.items
    raise UnusablePickleError(f"it has no usable {key!r}")


def _networks(snapshot: object) -> dict[str, object]:
    found = _mapping(snapshot, "G")
    missing = [name for name in _NETWORKS if found.get(name) is None]
    if missing:
        there = ", ".join([_shown(key) for key in found if isinstance(key, str)][:10]) or "nothing"
        raise UnusablePickleError(
            f"it holds {there} and no {', '.join(missing)}", "give a complete snapshot"
        )
    return {name: found[name] for name in _NETWORKS}


def _module_state(module: object) -> dict[object, object]:
    """Return the attributes of a module's record; its source code is left behind."""
    match module:
        case Record(name, (meta, *_)) if name == _PERSISTENT_OBJECT:
            return _mapping(_mapping(meta, "meta").get("state"), "state")
        case Record(name) if _PLAIN_MODULE.fullmatch(name):
            return _mapping(module.state, "state")
    raise UnusablePickleError("a part of its networks is no module")


def _temporary_buffers(state: dict[object, object]) -> set[object]:
    match state.get("_non_persistent_buffers_set"):
        case set() as names:
            return names
        case Record(name, (list() as names,)) if name in _SETS:
            return {name for name in names if isinstance(name, str)}
    return set()


def _state_dict(network: object, tensors: "_TensorReader") -> StateDict:
    """Walk the modules as `torch.nn.Module.state_dict` does; without recursion, as they are data.

    Modules that hold themselves or each other make names that grow without end, hence the limits.
    """
    found: StateDict = {}
    waiting = [("", network)]
    parts = 0
    while waiting:
        prefix, module = waiting.pop()
        state = _module_state(module)
        own, buffers, children = (
            _mapping(state.get(key), key) for key in ("_parameters", "_buffers", "_modules")
        )
        parts += len(own) + len(buffers) + len(children)
        if parts > _MOST_PARTS:
            raise UnusablePickleError(f"a network in it has more than {_MOST_PARTS:,} parts")
        left_out = _temporary_buffers(state)
        own = {**own, **{name: value for name, value in buffers.items() if name not in left_out}}
        for name, value in own.items():
            if value is not None:
                found[_joined(prefix, name)] = tensors.tensor(value)
        waiting += [
            (_joined(prefix, name) + ".", child)
            for name, child in reversed(children.items())
            if child is not None
        ]
    return found


def _joined(prefix: str, name: object) -> str:
    if not isinstance(name, str) or len(prefix) + len(name) > _LONGEST_NAME:
        raise UnusablePickleError("its modules have no usable names")
    return prefix + name


@dataclass(frozen=True)
class _Storage:
    data: memoryview
    dtype: torch.dtype


class _TensorReader:
    """Makes tensors of records; together they hold no more than the file, whatever it claims."""

    def __init__(self, num_bytes: int) -> None:
        self._bytes_left = num_bytes
        self._tensors: dict[int, Tensor] = {}

    def tensor(self, record: object) -> Tensor:
        """Return the record's tensor, the same one for the same record."""
        if id(record) not in self._tensors:
            self._tensors[id(record)] = self._new_tensor(record)
        return self._tensors[id(record)]

    def _new_tensor(self, record: object) -> Tensor:
        match record:
            case Record(name, (inner, *_)) if name == _PARAMETER:
                record = inner
        match record:
            case Record(name, (Record(source, (bytes() as blob,)), offset, size, stride, *_)) if (
                name == _TENSOR and source == _STORAGE
            ):
                return self._view(_storage(blob), offset, size, stride)
        raise UnusablePickleError("a part of its weights is no tensor")

    def _view(self, storage: _Storage, offset: object, size: object, stride: object) -> Tensor:
        (start,), shape, steps = _counts((offset,)), _counts(size, least=1), _counts(stride)
        if len(shape) != len(steps):
            raise UnusablePickleError(_DAMAGED)
        extent = 1 + sum((length - 1) * step for length, step in zip(shape, steps, strict=True))
        item = storage.dtype.itemsize
        first, last = item * start, item * (start + extent)
        self._bytes_left -= item * max(extent, math.prod(shape))
        if self._bytes_left < 0 or last > len(storage.data):
            raise UnusablePickleError(_DAMAGED)
        flat = torch.frombuffer(bytearray(storage.data[first:last]), dtype=storage.dtype)
        tensor = flat.as_strided(shape, steps).contiguous()
        is_half = storage.dtype in (torch.float16, torch.bfloat16)
        return tensor.float() if is_half else tensor


def _counts(values: object, least: int = 0) -> tuple[int, ...]:
    if not isinstance(values, tuple) or len(values) > _MOST_AXES:
        raise UnusablePickleError(_DAMAGED)
    if not all(isinstance(value, int) and least <= value < _LARGEST_FILE_BYTES for value in values):
        raise UnusablePickleError(_DAMAGED)
    return values


def _storage(blob: bytes) -> _Storage:
    """Find the numbers in what ``torch.save(storage)`` wrote before the format of zip files.

    Five pickles (magic number, version, machine, the storage's kind and key, the list of keys) come
    before the count as 8 bytes and the numbers themselves.
    """
    stream = io.BytesIO(blob)
    magic, version, machine, storage, _ = (read_inert(stream, _admit_storage) for _ in range(5))
    is_ours = isinstance(machine, dict) and machine.get("little_endian") is True
    match storage:
        case Record(name, (("storage", Name(kind), _, _, int() as count, None),)) if (
            name == PERSISTENT_ID
            and (magic, version, is_ours) == (_STORAGE_MAGIC, _STORAGE_PROTOCOL, True)
            and int.from_bytes(stream.read(8), "little") == count
        ):
            data, dtype = memoryview(blob)[stream.tell() :], _DTYPES[kind]
            if len(data) == count * dtype.itemsize:
                return _Storage(data, dtype)
    raise UnusablePickleError(_DAMAGED)
