"""Everything a training run needs to go on as if it had never stopped."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from cosmop.errors import InputError


@dataclass(frozen=True)
class TrainingState:
    """Weights, averages, both Adams, random state (tensors, on the CPU); counters and settings.

    `state_dict` gives tensors for safetensors and scalars for JSON; `from_parts` takes them back.
    """

    tensors: dict[str, Tensor]
    scalars: dict[str, object]

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, object]]:
        """Return the tensors (contiguous, on the CPU, none shared) and the JSON-ready scalars."""
        return dict(self.tensors), dict(self.scalars)

    @classmethod
    def from_parts(
        cls, tensors: Mapping[str, Tensor], scalars: Mapping[str, object]
    ) -> "TrainingState":
        """Put together what `state_dict` took apart."""
        return cls(dict(tensors), dict(scalars))

    @property
    def kimg(self) -> float:
        """Thousand images shown so far."""
        return self.number("images") / 1000

    def softened(self) -> "TrainingState":
        """Return this state to go on from with half the learning rates and twice the R1 weight."""
        changed = {
            "rate_factor": self.number("rate_factor") / 2,
            "gamma_factor": self.number("gamma_factor") * 2,
        }
        return TrainingState(self.tensors, {**self.scalars, **changed})

    def number(self, name: str) -> float:
        """Return the number called `name`.

        Raises:
            InputError: there is none.
        """
        value = self.scalars.get(name)
        if not isinstance(value, int | float):
            raise InputError(
                f"A StyleGAN2 training state wants a number {name!r}, got {value!r}; "
                "the state is incomplete, so use an earlier snapshot."
            )
        return value

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin with `prefix` and a dot, without it.

        Raises:
            InputError: there are none.
        """
        found = {
            name.removeprefix(f"{prefix}."): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(f"{prefix}.")
        }
        if not found:
            raise InputError(
                f"A StyleGAN2 training state wants tensors of the {prefix}, got none; "
                "the state is incomplete, so use an earlier snapshot."
            )
        return found


def copied(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return contiguous CPU copies of `tensors`, named with `prefix` and a dot."""
    return {
        f"{prefix}.{name}": torch.empty(value.shape, dtype=value.dtype).copy_(value.detach())
        for name, value in tensors.items()
    }


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's state as tensors called ``<parameter number>.<name>``."""
    return {
        f"{number}.{name}": value
        for number, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
    }


def restore_optimiser(optimiser: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser back what `optimiser_tensors` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for full_name, value in tensors.items():
        number, _, name = full_name.partition(".")
        state.setdefault(int(number), {})[name] = value.clone()
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def check_same_settings(came: Mapping[str, object], wanted: Mapping[str, object]) -> None:
    """Refuse to go on from a state that was made with other settings.

    Raises:
        InputError: naming each setting that differs, with both values.
    """
    differences = [
        f"{name} is {wanted.get(name)!r} and was {came.get(name)!r}"
        for name in sorted(wanted.keys() | came.keys())
        if wanted.get(name) != came.get(name)
    ]
    if differences:
        raise InputError(
            "StyleGAN2 training can only go on with the settings and images it began with, got a "
            f"state where {'; '.join(differences)}; restore these or start anew."
        )
