"""What only a person can say of the synthetic images, for their data card."""

from typing import Annotated

from pydantic import Field

from cosmop.config import Options


class DataCardOptions(Options):
    """Sentences of the data card; what is missing is said from the study's own figures."""

    images: str | None = Field(default=None, description="What the images show, and are for.")
    made_by: str | None = Field(default=None, description="Who made them, and how.")
    licence: str | None = Field(
        default=None, description="Under which terms they may be used; null says it is not settled."
    )
    known_failures: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="What was seen to be wrong with them, one sentence each."
    )
