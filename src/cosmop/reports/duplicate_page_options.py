"""How the pages for reviewing duplicates look."""

from pydantic import Field

from cosmop.config import Options


class DuplicatePageOptions(Options):
    """How many groups and pictures the review pages hold, and how large they are."""

    groups_per_page: int = Field(default=200, ge=1, description="Groups on one page, at most.")
    pictures_per_page: int = Field(
        default=1000, ge=1, description="Pictures on one page; a group is never cut for it."
    )
    pictures_per_group: int = Field(
        default=24,
        ge=2,
        description="Pictures of one group: the kept one, then those farthest from it.",
    )
    thumbnail_px: int = Field(default=176, ge=16, description="Longer side of a picture, pixels.")
    jpeg_quality: int = Field(default=78, ge=1, le=95, description="Quality of the JPEG pictures.")
