"""Weights: found or fetched, checked by SHA-256 before they are read, never freely unpickled."""

import hashlib
from pathlib import Path
from urllib.parse import urlparse

import torch
from safetensors.torch import load_file
from torch import nn

from cosmop.errors import InputError, first_line

StateDict = dict[str, torch.Tensor]


def state_checksum(module: nn.Module) -> str:
    """Return the SHA-256 (hex) over names, types, shapes and bytes of all weights of `module`."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def read_weights(path: Path, sha256: str | None) -> StateDict:
    """Read a state dict from a .safetensors or .pth file whose SHA-256 begins with `sha256`.

    A .pth file is read with ``weights_only=True``.

    Raises:
        InputError: As `check_weights`; or the file holds no weights.
    """
    check_weights(path, sha256)
    return _parse(path)


def check_weights(path: Path, sha256: str | None) -> None:
    """Hash the file at `path` before anything in it is interpreted.

    Raises:
        InputError: The file is absent, or its SHA-256 is not known or does not begin with `sha256`.
    """
    if not path.is_file():
        raise InputError(
            f"The weights were expected at {path}, but there is no such file; put it there or "
            "change `weights_path`."
        )
    if not sha256:
        raise InputError(
            f"The weights at {path} need `weights_sha256` so that they can be checked before they "
            "are read, got none; add the checksum that the publisher of the file states."
        )
    found = file_sha256(path)
    if not found.startswith(sha256):
        raise InputError(
            f"The weights at {path} must have the SHA-256 {sha256}, got {found}; fetch the file "
            "again or correct `weights_sha256`."
        )


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parse(path: Path) -> StateDict:
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"The weights at {path} must be a readable state dict, got: {first_line(error)}; "
            "save them as .safetensors or as a plain PyTorch state dict."
        ) from error
    is_state = isinstance(state, dict) and all(torch.is_tensor(v) for v in state.values())
    if not is_state:
        raise InputError(
            f"The weights at {path} must be a state dict (names to tensors), got "
            f"{type(state).__name__}; save `model.state_dict()`."
        )
    return dict(state)


def fetch_weights(url: str, folder: Path) -> StateDict:
    """Return the weights published at `url`, from `folder` if they are there, else downloaded.

    The file name ends in the first digits of its SHA-256, as torchvision's do
    (``resnext101_32x8d-8ba56ff5.pth``); they are checked.

    Raises:
        InputError: Neither there nor to be downloaded, or another file than the name says.
    """
    path = folder / Path(urlparse(url).path).name
    prefix = path.stem.rpartition("-")[2]
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=prefix, progress=False)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"The pretrained weights {path.name} were neither at {path} nor to be had from "
                f"{url} ({first_line(error)}); download them once by hand, or set "
                "`pretrained: none` to train from scratch."
            ) from error
    return read_weights(path, prefix)


def hub_folder() -> Path:
    """Return the folder where torch keeps downloaded weights, ``$TORCH_HOME/hub/checkpoints``."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def load_state(module: nn.Module, state: StateDict, what: str) -> None:
    """Load `state` into `module`; only batch counters, which old files lack, may be missing.

    Raises:
        InputError: Names or shapes do not fit; `what` names the weights in the sentence.
    """
    try:
        missing, unexpected = module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise InputError(
            f"The weights {what} must fit the network {type(module).__name__}, got other shapes "
            f"({_last_line(error)}); use the file that belongs to this network."
        ) from error
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise InputError(
            f"The weights {what} must fit the network {type(module).__name__}, got "
            f"{len(missing)} missing names {missing[:2]} and {len(unexpected)} unknown names "
            f"{list(unexpected)[:2]}; use the file that belongs to this network."
        )


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()[:200]
