"""Options of the distances, free of heavy imports so that a registry can read them quickly."""

from pydantic import Field

from cosmop.config import Options


class DistanceOptions(Options):
    """How distances between image sets and their intervals are worked out."""

    neighbours: int = Field(
        default=5, ge=1, description="k of precision, recall, density, coverage (Naeem et al.: 5)."
    )
    resamples: int = Field(
        default=200,
        ge=10,
        description="Half samples behind each interval, see `metrics.intervals`.",
    )
    seed: int = Field(default=0, ge=0)


class JudgingOptions(DistanceOptions):
    """How a snapshot is judged during training."""

    images: int = Field(
        default=10_000, ge=8, description="Generated per snapshot, always from the same seeds."
    )
    resamples: int = Field(default=50, ge=10, description="Fewer than in the final evaluation.")
