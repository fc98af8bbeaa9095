"""Options of what people do with a trained generator."""

from typing import Annotated, Literal

from pydantic import Field

from cosmop.config import Integers, Options, Strings

Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False, min_length=1)]
Path = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False, min_length=2)]
Truncations = Annotated[
    tuple[Annotated[float, Field(ge=-2, le=2)], ...], Field(strict=False, min_length=1)
]


class _Exploring(Options):
    """What every way of looking at a generator shares."""

    criteria: Strings = Field(
        default=(),
        description="What every image shall show; empty for a generator without classes.",
    )
    device: str = Field(
        default="auto",
        description="auto takes CUDA where there is one, else the CPU.",
    )


class StyleMixingOptions(_Exploring):
    """Rows by columns of seeds, some layers styled by the column (StyleGAN, section 3.1)."""

    row_seeds: Seeds = Field(default=(0, 1, 2, 3), description="Give the image and its noise.")
    column_seeds: Seeds = Field(default=(4, 5, 6, 7, 8), description="Give the chosen layers.")
    layers: Integers = Field(
        default=(0, 1, 2, 3),
        description="Style inputs, two a level: 0 to 3 are the paper's coarse styles, 4 to 7 its "
        "middle ones, the rest its fine ones.",
    )
    truncation: float = Field(default=1.0, ge=-2, le=2, description="Psi; 1 leaves styles alone.")


class TruncationOptions(_Exploring):
    """One row per seed, psi along the columns (StyleGAN, appendix B)."""

    seeds: Seeds = Field(default=(0, 1, 2, 3, 4), description="One row each.")
    truncations: Truncations = Field(
        default=(0.0, 0.25, 0.5, 0.7, 1.0, 1.4),
        description="Psi; 0 is the mean image, 1 the image of the seed, below 0 its opposite.",
    )


class InterpolationOptions(_Exploring):
    """A closed walk through the images of some seeds."""

    seeds: Path = Field(default=(0, 1, 2, 3), description="Visited in this order, then the first.")
    frames_per_leg: int = Field(default=24, ge=1, description="Frames from a seed to the next.")
    space: Literal["z", "w"] = Field(
        default="z",
        description="z: along great circles (Shoemake 1985); w: along straight lines.",
    )
    truncation: float = Field(default=1.0, ge=-2, le=2, description="Psi; 1 leaves styles alone.")
    frames_per_second: float = Field(default=24.0, gt=0, le=100, description="Of the video.")


class ProjectionOptions(_Exploring):
    """Search for an image's latents (StyleGAN2, Karras et al. 2020a, appendix D)."""

    steps: int = Field(default=1000, ge=1, description="Of Adam (paper: 1000).")
    learning_rate: float = Field(default=0.1, gt=0, description="At its highest (paper: 0.1).")
    ramp_up_share: float = Field(
        default=0.05, ge=0, le=1, description="Of the steps, linear from 0 (paper: 0.05)."
    )
    ramp_down_share: float = Field(
        default=0.25, ge=0, le=1, description="Of the steps, cosine to 0 (paper: 0.25)."
    )
    latent_noise: float = Field(
        default=0.05, ge=0, description="Added to w at first, in spreads of w (paper: 0.05)."
    )
    latent_noise_share: float = Field(
        default=0.75, gt=0, le=1, description="Of the steps in which it fades to 0 (paper: 0.75)."
    )
    noise_weight: float = Field(
        default=1e5, ge=0, description="Of the noise maps' regulariser (paper: 100,000)."
    )
    samples: int = Field(
        default=10_000, ge=2, description="Latents to estimate w's mean and spread (paper: 10,000)."
    )
    has_style_per_layer: bool = Field(
        default=False, description="w+: closer to the photograph, farther from what was learnt."
    )
    seed: int = Field(default=0, ge=0, description="Of the samples and of all noise.")


class PhotographOptions(Options):
    """Which photograph to look for in latent space."""

    path: str | None = Field(
        default=None,
        description="A JPEG, PNG or WebP file, relative to the project; null takes the first "
        "training image.",
    )
    fit: Literal["stretch", "crop", "pad"] = Field(
        default="stretch",
        description="How it is brought to the generator's size; training images are stretched.",
    )
