"""The person filter's network: a ResNeXt and three linear layers (Xie et al. 2017, 1611.05431)."""

from typing import Any

from cosmop.people.binary_network import BinaryNetwork, seeded
from cosmop.people.options import PersonFilterOptions

__all__ = ["PersonFilter", "PersonFilterOptions", "build_person_filter", "create_person_filter"]


class PersonFilter(BinaryNetwork):
    """Says whether an image shows people; ``forward`` maps normalised NCHW to logits [N].

    ``preprocess`` makes its input from uint8 NHWC; ``features`` [N, D] and ``feature_map``
    [N, D, h, w] serve as a feature extractor; ``describe`` and ``checksum`` identify it.
    """


def create_person_filter(options: PersonFilterOptions, seed: int = 0) -> PersonFilter:
    """Create a person filter to be trained: backbone as `options` say, linear layers from `seed`.

    Raises:
        InputError: Weights that are absent, altered, or of another network.
    """
    return seeded(PersonFilter, options, seed)


def build_person_filter(config: dict[str, Any]) -> PersonFilter:
    """Build the person filter that ``describe()`` described; load its weights afterwards.

    Raises:
        pydantic.ValidationError: `config` is not a description.
    """
    return PersonFilter.from_config(config)
