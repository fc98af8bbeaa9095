"""A data set as its own class knows it."""

from typing import Any

from kedro.io import DataCatalog


def as_any(catalog: DataCatalog, name: str) -> Any:
    """Return a data set for what only its own class can do."""
    return catalog[name]
