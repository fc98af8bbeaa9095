"""What only a person can say of the images, for their data cards."""

from typing import Annotated

from pydantic import Field

from cosmop.config import Options


class DataCardOptions(Options):
    """Sentences of the data cards; what is missing is said from the study's own figures."""

    subject: str = Field(
        default="A scarce subject", min_length=1, description="What the study collects images of."
    )
    images: str | None = Field(
        default=None, description="What the synthetic images show, and are for."
    )
    made_by: str | None = Field(default=None, description="Who made them, and how.")
    licence: str | None = Field(
        default=None, description="Under which terms they may be used; null says it is not settled."
    )
    contact: str | None = Field(
        default=None, description="Whom to ask, and who takes an image out on request."
    )
    known_failures: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="What was seen to be wrong with them, one sentence each."
    )
