"""Nested documents as the flat names and numbers that MLflow keeps."""

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested mappings and Pydantic models into one mapping with dotted names."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        if isinstance(plain, Mapping):
            flat |= flatten(plain, f"{name}.")
        else:
            flat[name] = plain
    return flat


def numbers(tree: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers of a document by dotted name (``value`` itself is left out)."""
    return {
        name.removesuffix(".value"): float(value)
        for name, value in flatten(tree).items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def find(documents: Mapping[str, Any], place: str) -> Any:
    """Return what lies at a dotted `place` of nested mappings, None if nothing does."""
    found: Any = documents
    for key in place.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
