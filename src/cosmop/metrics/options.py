"""Options of the distances, free of heavy imports so that a registry can read them quickly."""

from pydantic import Field

from cosmop.config import Options


class ResamplingOptions(Options):
    """How distances between image sets and their intervals are worked out."""

    neighbours: int = Field(
        default=5, ge=1, description="k of precision, recall, density, coverage (Naeem et al.: 5)."
    )
    resamples: int = Field(
        default=200,
        ge=10,
        description="Random subsets behind each interval and floor, see `metrics.subsets`.",
    )
    seed: int = Field(default=0, ge=0, description="Of subsets and directions.")


class DistanceOptions(ResamplingOptions):
    """How the synthetic images are compared with the real ones in the end."""

    directions: int = Field(
        default=1000, ge=1, description="Random directions of MIND (Berthet et al. 2026: 1,000)."
    )


class JudgingOptions(ResamplingOptions):
    """How a snapshot is judged during training."""

    images: int = Field(
        default=10_000, ge=8, description="Generated per snapshot, always from the same seeds."
    )
    resamples: int = Field(default=50, ge=10, description="Fewer than in the final evaluation.")
