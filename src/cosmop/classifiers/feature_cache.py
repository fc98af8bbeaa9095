"""Features kept on disk, one per image and recipe, so that no network sees an image twice.

A cache is a folder with one shelf per recipe, ``<digest of the recipe>/``: ``recipe.json`` says how
the features were made, each ``*.safetensors`` is a shard: some keys and their vectors. Shards are
written aside and renamed, and never change. So a killed run keeps what it had finished, several
processes may write at once, and caches of several machines are merged by copying their folders
together.
"""

import hashlib
import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cosmop.errors import InputError, is_no_room

__all__ = ["FeatureCache", "FeatureShelf"]

_LOG = logging.getLogger(__name__)
_DIGEST_LENGTH = 32
_BYTES_PER_SHARD = 2**25


class FeatureCache:
    """A folder of features.

    Args:
        folder: Where the shelves lie; made when the first feature is kept.
        rows_per_shard: After so many new features (or 32 MiB) a shard is written.
    """

    def __init__(self, folder: Path, rows_per_shard: int = 256) -> None:
        self.folder = Path(folder)
        self._rows_per_shard = rows_per_shard

    def shelf(self, recipe: Mapping[str, Any]) -> "FeatureShelf":
        """Open the features of one recipe, a JSON mapping with ``dimensions``.

        Raises:
            InputError: What lies there was made by another recipe.
        """
        row_bytes = 4 * int(recipe["dimensions"])
        rows = max(1, min(self._rows_per_shard, _BYTES_PER_SHARD // row_bytes))
        return FeatureShelf(self.folder / _digest(_as_json(recipe)), recipe, rows)


class FeatureShelf:
    """The features of one recipe; a context that writes what is left when it ends."""

    def __init__(self, folder: Path, recipe: Mapping[str, Any], rows_per_shard: int) -> None:
        self.folder = folder
        self._recipe = recipe
        self._dimensions = int(recipe["dimensions"])
        self._rows_per_shard = rows_per_shard
        self._waiting: dict[str, NDArray[np.float32]] = {}
        self._check_recipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.flush()

    def read(self, keys: Sequence[str], features_ND: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Put the known features of `keys` into the rows of `features_ND`; return which, bool [N].

        A damaged shard is said in one warning and removed; its keys count as unknown.

        Raises:
            InputError: A shard of another recipe, type or dimension lies among the shards.
        """
        wanted = {key: row for row, key in enumerate(keys)}
        known = np.zeros(len(keys), dtype=bool)
        for path in sorted(self.folder.glob("*.safetensors")):
            found = {key: row for row, key in enumerate(self._keys_of(path)) if key in wanted}
            targets = [wanted.pop(key) for key in found]
            vectors = self._vectors_of(path) if found else None
            if vectors is None:
                wanted |= {keys[row]: row for row in targets}
                continue
            features_ND[targets] = vectors[list(found.values())]
            known[targets] = True
        return known

    def add(self, keys: Sequence[str], features_ND: NDArray[np.float32]) -> None:
        """Keep the features [N, D] of `keys`; full shards are written at once."""
        self._waiting |= dict(zip(keys, features_ND, strict=True))
        while len(self._waiting) >= self._rows_per_shard:
            self._write_shard(list(self._waiting)[: self._rows_per_shard])

    def flush(self) -> None:
        """Write what waits for a full shard."""
        if self._waiting:
            self._write_shard(list(self._waiting))

    def _check_recipe(self) -> None:
        path = self.folder / "recipe.json"
        if not path.exists() and not any(self.folder.glob("*.safetensors")):
            return
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            found = f"nothing readable ({type(error).__name__})"
        if _as_json(found) != _as_json(self._recipe):
            raise InputError(
                f"The feature cache at {self.folder} must have been made by {dict(self._recipe)}, "
                f"got a recipe.json that says {found}; delete this folder or point to another "
                "cache."
            )

    def _keys_of(self, path: Path) -> list[str]:
        try:
            with safe_open(path, framework="numpy") as shard:
                facts, vectors = shard.metadata(), shard.get_slice("vectors")
                keys: list[str] = json.loads(facts["keys"])
                found = (facts["recipe"], vectors.get_dtype(), vectors.get_shape())
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            self._remove_damaged(path, str(error) or type(error).__name__)
            return []
        wanted = (self.folder.name, "F32", [len(keys), self._dimensions])
        if found != wanted:
            raise InputError(
                f"The feature cache at {self.folder} holds vectors of recipe, type and shape "
                f"{wanted}, got {found} in {path.name}; move that file back to the cache it came "
                "from or delete it."
            )
        return keys

    def _vectors_of(self, path: Path) -> NDArray[np.float32] | None:
        with safe_open(path, framework="numpy") as shard:
            facts = shard.metadata()
            vectors: NDArray[np.float32] = shard.get_tensor("vectors")
        if _checksum(facts["keys"], vectors) != facts.get("sha256"):
            self._remove_damaged(path, "its checksum is another")
            return None
        return vectors

    def _remove_damaged(self, path: Path, reason: str) -> None:
        _LOG.warning(
            "The feature shard %s is damaged (%s) and was removed; its features are computed "
            "again.",
            path,
            reason.splitlines()[0],
        )
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def _write_shard(self, keys: list[str]) -> None:
        vectors = np.stack([self._waiting.pop(key) for key in keys]).astype(np.float32, copy=False)
        text = json.dumps(keys)
        facts = {
            "recipe": self.folder.name,
            "keys": text,
            "sha256": _checksum(text, vectors),
        }
        content = save({"vectors": vectors}, metadata=facts)
        if not (self.folder / "recipe.json").exists():
            recipe = json.dumps(dict(self._recipe), indent=1).encode()
            self._publish("recipe.json", recipe)
        self._publish(f"{_digest(text)}.safetensors", content)

    def _publish(self, name: str, content: bytes) -> None:
        aside = self.folder / f"{uuid.uuid4().hex}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                aside.write_bytes(content)
                aside.replace(self.folder / name)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            if not is_no_room(error):
                raise
            raise InputError(
                f"The feature cache at {self.folder} needs {len(content)} bytes more, but the disk "
                "is full; free some space and run the same command again, what is kept stays."
            ) from error


def _as_json(recipe: Any) -> str:
    return json.dumps(recipe, sort_keys=True, allow_nan=False, default=dict)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def _checksum(keys: str, vectors: NDArray[np.float32]) -> str:
    digest = hashlib.sha256(keys.encode())
    digest.update(np.ascontiguousarray(vectors).data)
    return digest.hexdigest()
