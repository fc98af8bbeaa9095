"""Secrets: they enter through Kedro's credentials and never through parameters."""

from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview


class SecretDataset(AbstractDataset[None, str | None]):
    """One secret out of the credentials, for example a bearer token; it may be absent.

    Args:
        name: Which of the credentials.
        credentials: Filled in by Kedro from ``credentials.yml``.
        metadata: For kedro-viz.
    """

    def __init__(
        self,
        *,
        name: str,
        credentials: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._name = name
        self._secret = (credentials or {}).get(name)
        self.metadata = metadata

    def load(self) -> str | None:
        """Return the secret, or None when nobody has given one."""
        return str(self._secret) if self._secret else None

    def save(self, data: None) -> None:
        """Refuse: secrets are not data."""
        raise DatasetError(f"The secret {self._name!r} cannot be saved, got {type(data).__name__}.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"name": self._name, "given": self._secret is not None}

    def preview(self) -> JSONPreview:
        """Return whether the secret is there, and nothing of it."""
        given = "true" if self._secret else "false"
        return JSONPreview(f'{{"name": "{self._name}", "given": {given}}}')
