"""How configuration is read: as Kedro does, and search providers from a file each."""

from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from cosmop.datasets.secrets import hide
from cosmop.errors import InputError

PROVIDERS = "providers"


class StudyConfigLoader(OmegaConfigLoader):
    """Makes the files of ``conf/<env>/providers`` one parameter, ``params:providers``.

    Each file holds one provider under its name, so that adding a provider is adding a file; an
    environment says only what differs. Credentials come as texts that no log can show.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Return the configuration of one kind, see `OmegaConfigLoader`.

        Raises:
            InputError: Its files cannot be read.
        """
        found = self._read(key)
        if key != "parameters":
            return dict(hide(found)) if key == "credentials" else found
        given = found.get(PROVIDERS, {})
        if not isinstance(given, dict):
            raise InputError(
                f"Parameters of {PROVIDERS} want a provider's name and what differs from its file, "
                f"such as {PROVIDERS}.bing.max_results=50, got {given!r}; write them so."
            )
        merged = OmegaConf.merge(OmegaConf.create(self._read(PROVIDERS)), given)
        return {**found, PROVIDERS: OmegaConf.to_container(merged)}  # --params come last

    def _read(self, kind: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = super().__getitem__(kind)
        except (OmegaConfBaseException, YAMLError, ValueError) as error:
            said = " ".join(str(error).split())[:300]
            told = type(error).__name__ if kind == "credentials" else said  # it may quote a secret
            raise InputError(
                f"The {kind} in conf/ want YAML files that map names to values, each name in one "
                f"file of an environment, but they cannot be read ({told}); correct them, and for "
                "a ${ that is meant as it stands write \\${."
            ) from error
        return found
