"""Options of the suggestions, free of heavy imports so that a registry can read them quickly."""

from typing import Annotated

from pydantic import Field

from cosmop.config import Options


class SuggestionOptions(Options):
    """How suggestions are learnt from the labels so far: logistic regression per criterion."""

    min_per_class: int = Field(
        default=5,
        ge=2,
        description="Fewer groups of look-alikes than this for which a criterion holds, or for "
        "which it does not: no suggestions for it.",
    )
    folds: int = Field(
        default=5, ge=2, description="Of cross-validation; look-alikes are in one fold."
    )
    components: int = Field(
        default=128,
        ge=1,
        description="Principal components of the standardised features, of all images, that the "
        "regression sees.",
    )
    inverse_penalties: Annotated[tuple[float, ...], Field(strict=False)] = Field(
        default=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0),
        min_length=1,
        description="Values of C among which cross-validation chooses the one with the lowest log "
        "loss; one value is taken as it is.",
    )
    seed: int = Field(default=0, ge=0, description="Of the folds.")
