"""Options of the augmentation study, free of heavy imports so that a registry reads them fast."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cosmop.config import Options

Numbers = Annotated[tuple[float, ...], Field(strict=False)]
Kind = Literal["real", "classical", "oversampled", "synthetic", "synthetic_only"]


class StudyArmsOptions(Options):
    """Which arms are trained, how often, and on how much of the real data."""

    arms: Annotated[tuple[Kind, ...], Field(strict=False)] = Field(
        default=("real", "classical", "oversampled", "synthetic", "synthetic_only"),
        description="`real` is always needed, all others are compared with it; `synthetic` is one "
        "arm per ratio, `synthetic_only` the classification accuracy score (Ravuri & Vinyals "
        "2019).",
    )
    ratios: Numbers = Field(
        default=(0.5, 1.0, 2.0),
        min_length=1,
        description="Synthetic images added per real positive image of the fraction.",
    )
    placebo_ratios: Numbers = Field(
        default=(1.0,),
        min_length=1,
        description="Repeated real positives per real positive in the placebo arms; a synthetic "
        "arm is held against the placebo nearest to its ratio, best against its own.",
    )
    fractions: Numbers = Field(
        default=(0.25, 0.5, 1.0),
        min_length=1,
        description="Shares of the real training data, whole groups, each within the next.",
    )
    seeds: int = Field(
        default=5, ge=2, description="Trainings per arm and fraction; fewer than 5 tell little."
    )
    alpha: float = Field(
        default=0.05, gt=0, lt=1, description="Level of all comparisons of a fraction together."
    )
    resamples: int = Field(
        default=1000, ge=100, description="Draws of test groups × seeds behind each interval."
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="Of which images are taken, and of the draws; trainings count up from it.",
    )

    @model_validator(mode="after")
    def _check_arms(self) -> Self:
        if "real" not in self.arms or len(set(self.arms)) != len(self.arms):
            raise ValueError(f"arms must name `real` and each arm once, got {list(self.arms)}")
        for name in ("ratios", "placebo_ratios", "fractions"):
            given = getattr(self, name)
            if min(given) <= 0 or len(set(given)) != len(given):
                raise ValueError(f"{name} must be above 0 and all different, got {list(given)}")
        if max(self.fractions) > 1:
            raise ValueError(f"fractions must be at most 1, got {list(self.fractions)}")
        return self
