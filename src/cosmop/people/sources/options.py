"""Options for the photographs that the person filter learns from, and for the test of sources."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cosmop.config import Options


def _ascending(ends: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= ends[0] <= ends[1] <= 100:
        raise ValueError(f"two qualities from 1 to 100, the lower one first, not {ends}")
    return ends


Qualities = Annotated[tuple[int, int], Field(strict=False), AfterValidator(_ascending)]


class SideOptions(Options):
    """The photographs of one side, with people or without."""

    layout: str = Field(default="folder", description="How the source lies on the disk.")
    max_images: int | None = Field(
        default=None,
        ge=1,
        description="Photographs taken, chosen by `seed` and their names; null takes all.",
    )
    whole_photos: bool = Field(default=True, description="Take each photograph as a whole.")
    person_crops: int = Field(
        default=0,
        ge=0,
        le=20,
        description="Single people cut out of each photograph, at most: a filter that has only "
        "seen crowds knows crowds.",
    )
    person_free_crops: int = Field(
        default=0,
        ge=0,
        le=20,
        description="Regions without people cut out of each photograph, at most; they count as "
        "images without people, whichever side they come from.",
    )
    margin_share: float = Field(
        default=0.15, ge=0, le=2, description="Room around a person, as a share of the box's sides."
    )

    @property
    def cuts(self) -> bool:
        """Whether images are cut out of photographs."""
        return bool(self.person_crops or self.person_free_crops) or not self.whole_photos


class PeopleSourceOptions(SideOptions):
    """Photographs with people."""

    layout: Literal["folder", "crowdhuman"] = Field(
        default="folder",
        description="`folder` takes any images; `crowdhuman` its zips (or unpacked images) and "
        "annotation_*.odgt (Shao et al. 2018, 1805.00123).",
    )

    @model_validator(mode="after")
    def _knows_its_people(self) -> Self:
        if self.cuts and self.layout == "folder":
            raise ValueError(
                "photographs whose people are known (layout: crowdhuman) when images are cut out "
                "of them; a folder has no boxes"
            )
        return self


class NoPeopleSourceOptions(SideOptions):
    """Photographs without people."""

    layout: Literal["folder", "pass"] = Field(
        default="folder",
        description="`folder` takes any images; `pass` PASS.0..9.tar (or unpacked images) and, "
        "where it lies beside them, pass_metadata.csv (Asano et al. 2021, 2109.13228).",
    )
    person_crops: Literal[0] = Field(default=0, description="There is nobody to cut out.")


class ReencodingOptions(Options):
    """One encoding for all sources, so that neither size nor codec tells them apart."""

    longest_side_px: int = Field(
        default=320, ge=16, description="Longer side of every image, in pixels."
    )
    aspect: float | None = Field(
        default=None,
        ge=0.25,
        le=4,
        description="Width over height of every image, cut around the tallest person where there "
        "is one; null keeps the shape of each photograph, which may tell its source.",
    )
    max_enlargement: float = Field(
        default=2.0,
        ge=1,
        description="What would have to be enlarged more is left out: blur tells sources apart.",
    )
    jpeg_quality: Qualities = Field(
        default=(60, 95), description="Drawn for each image, lowest and highest."
    )


class SourcesOptions(Options):
    """Where images with and without people come from, and what is made of them."""

    people: PeopleSourceOptions = PeopleSourceOptions()
    no_people: NoPeopleSourceOptions = NoPeopleSourceOptions()
    reencoding: ReencodingOptions | None = Field(
        default=None, description="Null keeps the bytes as they came."
    )
    max_file_mb: int = Field(
        default=64, ge=1, le=1024, description="Larger files are not opened, in megabytes."
    )
    seed: int = Field(default=0, ge=0, description="Of the choice, the crops and the qualities.")

    @model_validator(mode="after")
    def _loses_nobody(self) -> Self:
        has_aspect = self.reencoding is not None and self.reencoding.aspect is not None
        if has_aspect and self.people.layout == "folder":
            raise ValueError(
                "`reencoding.aspect` null when nobody knows where the people are (layout: folder): "
                "what is cut off might be them"
            )
        return self

    @model_validator(mode="after")
    def _encodes_what_it_cuts(self) -> Self:
        if self.reencoding is None and (self.people.cuts or self.no_people.cuts):
            raise ValueError("`reencoding` when images are cut out of photographs, not null")
        return self


class SourceLeakOptions(Options):
    """The test whether size, codec or a thumbnail already tell images with people from others."""

    images_per_class: int = Field(
        default=2000, ge=10, description="At most, drawn by `seed`; both classes get as many."
    )
    folds: int = Field(default=5, ge=2, le=20, description="Of the cross-validation, by photo.")
    trees: int = Field(default=200, ge=10, description="Of the forest (Geurts et al. 2006).")
    seed: int = Field(default=0, ge=0)
