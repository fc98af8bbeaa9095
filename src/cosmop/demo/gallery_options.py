"""Options of the demo's gallery and of the scenes that train its person filter."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from cosmop.config import Options, Pixels

_SMALLEST_SIDE_PX, _LARGEST_SIDE_PX = 48, 2048


def _check_size(size: tuple[int, int]) -> tuple[int, int]:
    if not all(_SMALLEST_SIDE_PX <= side <= _LARGEST_SIDE_PX for side in size):
        raise ValueError(
            f"a scene's height and width must be {_SMALLEST_SIDE_PX} to {_LARGEST_SIDE_PX} px, "
            f"got {size}"
        )
    return size


SceneSize = Annotated[Pixels, AfterValidator(_check_size)]


class KindShares(Options):
    """How often each kind of scene is drawn; relative weights."""

    carrying_bags: float = Field(default=0.15, ge=0)
    with_children: float = Field(default=0.12, ge=0)
    crowd_at_border: float = Field(default=0.12, ge=0)
    border_patrol: float = Field(default=0.11, ge=0)
    other_people: float = Field(default=0.26, ge=0)
    no_people: float = Field(default=0.24, ge=0)

    @model_validator(mode="after")
    def _has_weight(self) -> Self:
        if sum(self.model_dump().values()) <= 0:
            raise ValueError("the shares of the kinds must not all be 0; give one of them weight")
        return self


class GalleryOptions(Options):
    """What the demo's gallery holds."""

    images: int = Field(default=900, ge=12, description="Published files, faults included.")
    size: SceneSize = Field(default=(240, 320), description="Height and width in pixels.")
    seed: int = Field(default=0, ge=0)
    kinds: KindShares = Field(default_factory=KindShares)
    duplicate_share: float = Field(
        default=0.12, ge=0, le=0.4, description="Copies among all files."
    )
    broken_share: float = Field(default=0.02, ge=0, le=0.4, description="Unusable files among all.")
    exif_orientation_share: float = Field(
        default=0.005, ge=0, le=0.2, description="Originals that lie on their side, with EXIF tag."
    )


class PersonFilterSceneOptions(Options):
    """Scenes with and without people that stand in for CrowdHuman and PASS."""

    images: int = Field(default=700, ge=2, description="Files; half of them show people.")
    size: SceneSize = Field(default=(240, 320), description="Height and width in pixels.")
    seed: int = Field(default=0, ge=0)
