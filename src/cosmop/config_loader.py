"""How configuration is read: as Kedro does, and search providers from a file each."""

from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

PROVIDERS = "providers"


class StudyConfigLoader(OmegaConfigLoader):
    """Makes the files of ``conf/<env>/providers`` one parameter, ``params:providers``.

    Each file holds one provider under its name, so that adding a provider is adding a file; an
    environment says only what differs.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Return the configuration of one kind, see `OmegaConfigLoader`."""
        found: dict[str, Any] = super().__getitem__(key)
        if key != "parameters":
            return found
        providers = OmegaConf.create(super().__getitem__(PROVIDERS))
        merged = OmegaConf.merge(providers, found.get(PROVIDERS, {}))  # --params come last
        return {**found, PROVIDERS: OmegaConf.to_container(merged)}
