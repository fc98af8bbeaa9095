"""Options of the search for copies, free of heavy imports so that a registry can read them."""

from pydantic import Field

from cosmop.config import Options


class MemorisationOptions(Options):
    """When a synthetic image counts as suspiciously close to a training image."""

    neighbours: int = Field(
        default=50,
        ge=3,
        description="The distance to the nearest training image is divided by the mean distance "
        "to the 2nd … this nearest; fewer where there are fewer training images.",
    )
    quantile: float = Field(
        default=0.01,
        gt=0,
        le=0.2,
        description="Share of held-out real images that sets the threshold.",
    )
    held_out_parts: int = Field(
        default=10,
        ge=2,
        description="Held-out images are split into so many parts, and each part is judged by "
        "thresholds that the others set: the control beside the synthetic images.",
    )
    phash_radius_bits: int = Field(
        default=8,
        ge=0,
        le=16,
        description="Perceptual hashes at most this many of 64 bits apart are a hit.",
    )
    false_alarm_level: float = Field(
        default=0.01,
        gt=0,
        lt=0.5,
        description="How often a generator that copies nothing may be accused, over all tests.",
    )
    largest_unnoticed_share: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="If so large a share of close images would still pass for chance, there are "
        "too few images to tell.",
    )
    pairs: int = Field(default=20, ge=0, description="Closest synthetic images that are listed.")
    held_out_pairs: int = Field(
        default=5, ge=0, description="Closest held-out real images that are listed, as a control."
    )
    seed: int = Field(
        default=0, ge=0, description="Of the parts of the held-out images and of the cells of C_T."
    )
