"""Secrets: they enter through Kedro's credentials and never through parameters."""

import json
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import JSONPreview

from cosmop.errors import InputError


class Credential(str):
    """A text that looks like nothing in what is printed of a mapping or list that holds it.

    Kedro writes the arguments of every hook into its log at DEBUG, credentials among them.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "hidden"


class Secret(Credential):
    """A text that looks like nothing however it is printed, formatted or logged.

    What its methods make of it, such as ``secret.strip()``, is plain text.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return "hidden"


def hide(credentials: Any) -> Any:
    """Return credentials as they came, each of their texts a `Credential`."""
    if isinstance(credentials, dict):
        return {name: hide(value) for name, value in credentials.items()}
    if isinstance(credentials, list):
        return [hide(value) for value in credentials]
    return Credential(credentials) if isinstance(credentials, str) else credentials


def _mapping(credentials: Any) -> dict[str, Any]:
    """Return what stands below one name in the credentials; nothing of it is ever quoted."""
    if isinstance(credentials, dict | None):
        return credentials or {}
    raise InputError(
        "The credentials want a name for each secret below x_api and below provider_keys, such as "
        "x_api: {bearer_token: …}, got a value without one; name it in conf/local/credentials.yml."
    )


def _secret(name: str, value: Any) -> Secret:
    if isinstance(value, str | int):
        return Secret(value)
    raise InputError(
        f"The credentials want a text as {name}, got {type(value).__name__}; correct it in "
        "conf/local/credentials.yml."
    )


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
        given = _mapping(credentials)
        self._secrets = {name: _secret(name, value) for name, value in given.items() if value}
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """Return the secrets that somebody has given, each a `Secret`."""
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
        given = _mapping(credentials).get(name)
        self._secret = _secret(name, given) if given else None
        self.metadata = metadata

    def load(self) -> str | None:
        """Return the `Secret`, or None when nobody has given one."""
        return self._secret

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
