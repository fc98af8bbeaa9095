"""The split of the last run, kept so that a changed test set is noticed."""

import json
from pathlib import Path
from typing import Any

from cosmop.labels.splits import SplitManifest, compare_split_manifests

_LAST = "last_split.json"


def note_split(folder: Path, manifest: SplitManifest) -> dict[str, Any]:
    """Return what changed in the test split since the last run, and keep `manifest` for the next.

    Raises:
        InputError: The kept manifest was edited.
    """
    path = folder / _LAST
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else manifest
    change = dict(compare_split_manifests(before, manifest))
    if before is manifest:
        change["sentence"] = "There was no earlier run to compare the test split with."
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(manifest), encoding="utf-8")
    aside.replace(path)
    return change
