"""The base of every options class: frozen, strict, and closed to unknown names."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cosmop.errors import InputError

Strings = Annotated[tuple[str, ...], Field(strict=False)]
Integers = Annotated[tuple[int, ...], Field(strict=False)]
Pixels = Annotated[tuple[int, int], Field(strict=False)]


class Options(BaseModel):
    """Options of one stage, read from ``conf/<env>/parameters`` and checked before any node runs.

    Units are in the names, ranges in the fields, the paper's value and its source in the
    descriptions. YAML lists become tuples through `Strings`, `Integers` and `Pixels`.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", protected_namespaces=())

    @classmethod
    def model_validate(cls, obj: Any, **settings: Any) -> Self:
        """Build the options from a mapping.

        Raises:
            InputError: One sentence that names every wrong option, what it must be and what came.
        """
        try:
            return super().model_validate(obj, **settings)
        except ValidationError as error:
            complaints = "; ".join(cls._complaint(item) for item in error.errors())
            raise InputError(
                f"{cls.__name__} cannot use what it got: {complaints}; correct it in "
                "conf/<env>/parameters or in --params."
            ) from error

    @classmethod
    def _complaint(cls, error: Any) -> str:
        # parts with brackets are kinds that a value may be of, not names
        name = ".".join(part for part in map(str, error["loc"]) if "[" not in part) or "the whole"
        if error["type"] == "extra_forbidden":
            options = _options_at(cls, error["loc"])
            near = get_close_matches(str(error["loc"][-1]), options, n=1)
            known = f"did you mean {near[0]!r}?" if near else f"known are {sorted(options)}"
            return f"{name!r} is not an option, {known}"
        if error["type"] == "missing":
            return f"{name!r} must be given"
        wanted = _PYDANTICS.sub("", error["msg"])
        for pydantics, ours in _WORDS.items():
            wanted = wanted.replace(pydantics, ours, 1)
        return f"{name!r} must {wanted}, got {error['input']!r}"


_PYDANTICS = re.compile(r"^\w+ should | or instance of \w+")
_WORDS = {"Value error, ": "be ", "valid tuple": "list", "valid dictionary": "mapping"}


def _options_at(kind: type[BaseModel], place: Sequence[str | int]) -> Mapping[str, Any]:
    """Return the fields among which the last name of `place` was looked for."""
    for name in place[:-1]:
        field = kind.model_fields.get(str(name))
        kind = (_options_in(field.annotation) if field else None) or kind
    return kind.model_fields


def _options_in(annotation: Any) -> type[BaseModel] | None:
    """Return the options that an annotation names, on its own or in a list, a union or the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_options_in, get_args(annotation))), None)
