"""The split of the last run, kept so that a changed test set is noticed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cosmop.errors import InputError
from cosmop.labels.splits import SplitManifest, compare_split_manifests

_LAST = "last_split.json"


def note_split(folder: Path, manifest: SplitManifest) -> dict[str, Any]:
    """Return what changed in the test split since the last run, and keep `manifest` for the next.

    A change is told again in later runs, with its date: the run that met it may never have ended.

    Raises:
        InputError: The kept manifest was edited or is damaged.
    """
    path = folder / _LAST
    first: dict[str, Any] = {"manifest": manifest, "last_change": None}
    kept = _read(path) if path.exists() else first
    change: dict[str, Any] = dict(compare_split_manifests(kept["manifest"], manifest))
    last_change = kept["last_change"] if change["is_same"] else f"{_today()}: {change['sentence']}"
    aside = path.with_suffix(".part")
    document = {"manifest": manifest, "last_change": last_change}
    aside.write_text(json.dumps(document), encoding="utf-8")
    if not path.exists():
        change["sentence"] = "There was no earlier run to compare the test split with."
    elif change["is_same"] and last_change:
        change["sentence"] += f" It last changed on {last_change}"
    aside.replace(path)
    return change


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {name: document[name] for name in ("manifest", "last_change")}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"The split of the last run must be a manifest in {path}, got {error!r} "
            "while reading it; "
            "delete the file, and note that whether the test split changed is then not known."
        ) from error


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
