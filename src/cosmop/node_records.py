"""What each node was when it last ran: its code, its parameters, and what it read and wrote."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Node
from pydantic import BaseModel

from cosmop.code_versions import code_of

_RECORDS = "node_records"  # the folder they lie in, a data set of the catalog
_SHOWN = 3


@dataclass(frozen=True)
class NodeRecord:
    """A node as it ran, or as it would run now.

    Attributes:
        code: Checksum by piece of code, see `cosmop.code_versions.code_of`.
        parameters: Text of the value by dotted name.
        read: State by input: version, or checksum of what has none.
        written: Version by output; only those that have versions.
    """

    code: Mapping[str, str]
    parameters: Mapping[str, str]
    read: Mapping[str, str]
    written: Mapping[str, str]


def record_now(node: Node, catalog: DataCatalog) -> NodeRecord:
    """Describe a node with the inputs and outputs that are in force now."""
    parameters = [name for name in node.inputs if name.startswith(("params:", "parameters"))]
    data = [name for name in node.inputs if name not in parameters]
    values = {name.removeprefix("params:"): catalog.load(name) for name in parameters}
    return NodeRecord(
        code=code_of(node.func),
        parameters=dict(_flat(values)),
        read={name: state_of(catalog, name) for name in data},
        written={name: version_of(catalog, name) for name in node.outputs},
    )


def keep_record(node: Node, catalog: DataCatalog) -> None:
    """Write down that `node` has just run."""
    path = _path(catalog, node.name)
    if path is None:
        return
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(asdict(record_now(node, catalog)), indent=1), encoding="utf-8")
    aside.replace(path)


def last_record(node: Node, catalog: DataCatalog) -> NodeRecord | None:
    """Return what was written down when `node` last ran; None if it never did, or is unreadable."""
    path = _path(catalog, node.name)
    if path is None or not path.exists():
        return None
    try:
        return NodeRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):  # half a file, or one of another version: it ran, who knows how
        return None


def changes(before: NodeRecord, now: NodeRecord) -> list[str]:
    """Say in a few words each what differs in code, parameters and inputs."""
    return [
        *_changed_code(before.code, now.code),
        *_changed(before.parameters, now.parameters, "parameter"),
        *_changed(before.read, now.read, "input"),
    ]


def version_of(catalog: DataCatalog, name: str) -> str:
    """Return the version that a data set would be loaded at; nothing if it has none."""
    dataset = _dataset(catalog, name)
    resolve = getattr(dataset, "resolve_load_version", None)
    return (resolve() or "") if resolve is not None and dataset.exists() else ""


def state_of(catalog: DataCatalog, name: str) -> str:
    """Return what tells whether an input is still the same: its version, or its own checksum.

    A cache, a store or a work folder has neither, but for the files that the catalog calls
    decisive: what else lies in it makes no node run. Nor does one whose ``metadata.incremental`` is
    ``ignored``.
    """
    dataset = _dataset(catalog, name)
    if (getattr(dataset, "metadata", None) or {}).get("incremental") == "ignored":
        return ""
    fingerprint = getattr(dataset, "fingerprint", None)
    return version_of(catalog, name) or (fingerprint() if fingerprint is not None else "")


def is_pinned(catalog: DataCatalog, name: str) -> bool:
    """Tell whether somebody asked for one version of a data set (``--load-versions``)."""
    version = getattr(_dataset(catalog, name), "_version", None)
    return version is not None and version.load is not None


def is_kept(catalog: DataCatalog, name: str) -> bool:
    """Tell whether a data set outlives a run."""
    return not getattr(_dataset(catalog, name), "_EPHEMERAL", False)


def _dataset(catalog: DataCatalog, name: str) -> Any:
    return catalog.get(name, fallback_to_runtime_pattern=True)


def _path(catalog: DataCatalog, node: str) -> Path | None:
    if _RECORDS not in catalog:
        return None
    return Path(catalog.load(_RECORDS).path) / f"{node}.json"


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        if isinstance(plain, Mapping) and plain:
            yield from _flat(plain, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(plain, default=str, sort_keys=True)


def _changed(before: Mapping[str, str], now: Mapping[str, str], what: str) -> Iterator[str]:
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old != new:
            yield f"{what} {name} {_say(old, new)}"


def _say(old: str | None, new: str | None) -> str:
    if old is None:
        return f"is new: {_short(new)}"
    if new is None:
        return "is gone"
    return f"changed {_short(old)} → {_short(new)}"


def _short(text: str | None, most: int = 40) -> str:
    text = text or "nothing"
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _changed_code(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if names:
        yield f"code changed: {_some(names)}"


def _some(names: Iterable[str]) -> str:
    known = [name.removeprefix("cosmop.") for name in names]
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more
