"""Options of the classifiers, free of heavy imports so that a registry can read them quickly."""

from typing import Literal

from pydantic import Field

from cosmop.config import Options, Pixels
from cosmop.people.options import AugmentationOptions, Fit, NetworkDesign, WeightsOptions


class FeatureOptions(WeightsOptions):
    """Which network turns images into features."""

    kind: str = Field(
        default="resnet50",
        description="`person_filter`, `inception` (the 2015 network of FID), or a torchvision one.",
    )
    pooling: Literal["average", "none"] = Field(
        default="average",
        description="Over positions; `none` keeps the map flattened, 7×7×2048 for the study's "
        "ResNet50 at 224 px. Inception is always averaged.",
    )
    image_size: Pixels = Field(
        default=(224, 224),
        description="Height and width in pixels at which images are read; Inception resizes from "
        "there to 299 itself, the person filter keeps the size and fit it was trained at.",
    )
    fit: Fit = Field(default="stretch", description="How an image is brought to `image_size`.")
    batch_size: int = Field(default=32, ge=1)
    device: str = Field(default="auto", description="`auto` takes CUDA where there is one.")


class OneClassOptions(Options):
    """The one-class model: StandardScaler, PCA, one-class SVM."""

    standardise: bool = Field(default=True, description="Each feature to mean 0, deviation 1.")
    pca_components: int | None = Field(
        default=None, ge=1, description="The study kept 1024; null uses `pca_variance_share`."
    )
    pca_variance_share: float | None = Field(
        default=0.93,
        gt=0,
        lt=1,
        description="Components until this share of the variance is kept (the study: 0.93); null "
        "together with `pca_components: null` leaves PCA out.",
    )
    kernel: Literal["rbf", "linear", "poly", "sigmoid"] = Field(default="rbf")
    gamma: Literal["scale", "auto"] | float = Field(
        default="scale", description="Width of the kernel, scikit-learn's meaning."
    )
    nu: float = Field(
        default=0.1, gt=0, le=1, description="Upper bound on the share of training images refused."
    )


class ImageClassifierOptions(NetworkDesign, WeightsOptions):
    """The fine-tuned classifier; defaults follow the study's ResNet50."""

    backbone: Literal["resnet50", "resnet18", "resnet_small"] = Field(
        default="resnet50", description="`resnet_small` is meant for CPUs."
    )
    warm_start_from_person_filter: bool = Field(
        default=False,
        description="Begin with the trunk of the person filter instead of `backbone`.",
    )
    steps: int = Field(
        default=1000, ge=1, description="Optimiser steps, the same in every arm of a comparison."
    )
    batch_size: int = Field(default=32, ge=2, description="Images per optimiser step.")
    learning_rate: float = Field(default=1e-3, gt=0, description="Peak of the one-cycle schedule.")
    weight_decay: float = Field(default=1e-2, ge=0, description="Of AdamW.")
    freeze_backbone: bool = Field(default=False, description="Only the last layers learn.")
    mixed_precision: bool = Field(default=False, description="bfloat16 where it is safe.")
    augmentation: AugmentationOptions = Field(
        default=AugmentationOptions(
            rotation_degrees=15, shift_share=0.1, zoom_share=0.1, shear_degrees=10
        ),
        description="The study's: rotation, shift, zoom, shear, flip.",
    )
    evaluate_every_steps: int = Field(
        default=50, ge=1, description="Look at the validation part; the best look is delivered."
    )
    patience_evaluations: int = Field(
        default=0,
        ge=0,
        description="Stop after so many looks without a lower loss; 0 takes all steps.",
    )
    device: str = Field(default="auto", description="`auto` takes CUDA where there is one.")
    seed: int = Field(default=0, ge=0)
