"""Secrets: they enter through Kedro's credentials and never through parameters."""

import json
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview


class SecretsDataset(AbstractDataset[None, dict[str, str]]):
    """All secrets of one group of the credentials, by name, for example keys of providers.

    Args:
        credentials: Filled in by Kedro from ``credentials.yml``; those that are empty are left out.
        metadata: For kedro-viz.
    """

    def __init__(
        self,
        *,
        credentials: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._secrets = {name: str(value) for name, value in (credentials or {}).items() if value}
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """Return the secrets that somebody has given."""
        return dict(self._secrets)

    def save(self, data: None) -> None:
        """Refuse: secrets are not data."""
        raise DatasetError(f"Secrets cannot be saved, got {type(data).__name__}.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"given": sorted(self._secrets)}

    def preview(self) -> JSONPreview:
        """Return which secrets are there, and nothing of them."""
        return JSONPreview(json.dumps({"given": sorted(self._secrets)}))


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
