"""Weights to begin with, instead of random ones."""

from dataclasses import dataclass
from pathlib import Path

from cosmop.errors import InputError
from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions
from cosmop.stylegan2.pretrained import load_official_state, read_official_pickle

_OF_DISCRIMINATOR = ("label_layers", "discriminator_skip")


@dataclass(frozen=True)
class StartingWeights:
    """The networks of an earlier training and the average of its generator."""

    generator: Generator
    discriminator: Discriminator
    average: Generator

    @classmethod
    def from_official_pickle(cls, path: Path) -> "StartingWeights":
        """Read an official ``.pkl`` snapshot; nothing in the file is run.

        Raises:
            InputError: the file is no such snapshot, or holds anything else.
        """
        found = read_official_pickle(path)
        generator, discriminator, average = (
            load_official_state(found[name]) for name in ("G", "D", "G_ema")
        )
        if (
            isinstance(generator, Generator)
            and isinstance(discriminator, Discriminator)
            and isinstance(average, Generator)
        ):
            return cls(generator, discriminator, average)
        raise InputError(
            f"Transfer learning wants generators under G and G_ema and a discriminator under D in "
            f"{path}, got other networks there; give an unchanged training snapshot."
        )

    @property
    def checksum(self) -> str:
        """What the start depends on: SHA-256 of all three networks."""
        return " ".join(
            network.checksum() for network in (self.generator, self.discriminator, self.average)
        )

    def check_sizes(self, wanted: NetworkOptions) -> None:
        """Refuse networks of other sizes than those to be trained.

        Raises:
            InputError: naming each size that differs.
        """
        ours = _sizes(wanted)
        theirs = _sizes(self.generator.options) | {
            name: _sizes(self.discriminator.options)[name] for name in _OF_DISCRIMINATOR
        }
        differences = [
            f"{name} is {theirs[name]!r} and not {value!r}"
            for name, value in ours.items()
            if theirs[name] != value
        ]
        if differences:
            raise InputError(
                "Transfer learning wants weights of the network's own sizes, got a snapshot where "
                f"{'; '.join(differences)}; set generation.network to these sizes."
            )


def _sizes(options: NetworkOptions) -> dict[str, object]:
    """Return what can be told from weights; different limits may give the same channels."""
    values = options.model_dump(
        exclude={"minibatch_group", "class_names", "channel_base", "channel_max"}
    )
    channels = [options.level_channels(level) for level in range(options.num_levels)]
    return {**values, "channels by level": channels}
