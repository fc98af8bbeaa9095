"""The base of every options class: frozen, strict, and closed to unknown names."""

from difflib import get_close_matches
from typing import Annotated, Any, Self

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
        name = ".".join(str(part) for part in error["loc"]) or "the whole"
        if error["type"] == "extra_forbidden":
            near = get_close_matches(str(error["loc"][-1]), cls.model_fields, n=1)
            known = (
                f"did you mean {near[0]!r}?" if near else f"known are {sorted(cls.model_fields)}"
            )
            return f"{name!r} is not an option, {known}"
        wanted = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        return f"{name!r} must be {wanted}, got {error['input']!r}"
