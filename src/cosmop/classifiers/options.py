"""Options of the classifiers, free of heavy imports so that a registry can read them quickly."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from cosmop.config import Options, Pixels
from cosmop.people.options import (
    AugmentationOptions,
    Fit,
    LearningOptions,
    NetworkDesign,
    WeightsOptions,
)

DetectorName = Literal[
    "knn",
    "mahalanobis",
    "pca_residual",
    "isolation_forest",
    "nystroem_svm",
    "logistic_regression",
]
DETECTORS: tuple[DetectorName, ...] = get_args(DetectorName)


class FeatureOptions(WeightsOptions):
    """Which network turns images into features."""

    kind: str = Field(
        default="resnet50",
        description="`person_filter`, `inception` (the 2015 network of FID), `dinov2_vits14`, "
        "`dinov2_vitb14`, `dinov2_vitl14` (with `cosmop[dinov2]`), or a torchvision one.",
    )
    pooling: Literal["average", "none"] = Field(
        default="average",
        description="Over positions; `none` keeps the map flattened, 7×7×2048 for the study's "
        "ResNet50 at 224 px. Inception is always averaged, DINOv2 gives its class token.",
    )
    resize: Literal["tf1", "clean"] = Field(
        default="tf1",
        description="How Inception brings images to 299 px: as the published FID does, or `clean` "
        "(antialiased bicubic, Parmar et al. 2022), which goes by another name.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="What the network computes in; `bfloat16` is faster, differs by about 1 % and "
        "names itself in the result, so that the two are never mixed.",
    )
    image_size: Pixels | None = Field(
        default=None,
        description="Height and width in pixels at which images are read. Null: their own size for "
        "Inception and DINOv2, which resize by themselves, the size it was trained at for the "
        "person filter (always), 224×224 for others.",
    )
    fit: Fit = Field(default="stretch", description="How an image is brought to `image_size`.")
    batch_size: int = Field(default=32, ge=1, description="Images per pass through the network.")
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


class DetectorOptions(Options):
    """The detectors beside the study's one-class model, on the same pooled features."""

    detectors: Annotated[tuple[DetectorName, ...], Field(strict=False)] = Field(
        default=DETECTORS, min_length=1, description="Which to fit, in this order."
    )
    quantile: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="Share of true positives a detector may refuse; its threshold is this quantile "
        "of held-out positives (split conformal, Vovk et al. 2005). Not for logistic regression.",
    )
    neighbours: int = Field(default=5, ge=1, description="Of `knn`: it takes their mean distance.")
    metric: Literal["cosine", "euclidean"] = Field(
        default="cosine", description="Distance of `knn` between features of length 1."
    )
    residual_variance_share: float = Field(
        default=0.9,
        gt=0,
        lt=1,
        description="What the space outside which `pca_residual` measures "
        "keeps of the training variance.",
    )
    trees: int = Field(default=200, ge=1, description="Of `isolation_forest`.")
    nu: float = Field(
        default=0.1, gt=0, lt=1, description="Of `nystroem_svm`, as in the one-class model."
    )
    landmarks: int = Field(default=300, ge=1, description="Images that span `nystroem_svm`.")
    inverse_penalties: Annotated[tuple[float, ...], Field(strict=False)] = Field(
        default=(1e-4, 1e-3, 1e-2, 1e-1, 1.0),
        min_length=1,
        description="Values of C among which cross-validation on the training images chooses for "
        "`logistic_regression`.",
    )
    folds: int = Field(default=5, ge=2, description="Of that cross-validation.")
    seed: int = Field(default=0, ge=0)


class ImageClassifierOptions(NetworkDesign, WeightsOptions, LearningOptions):
    """The fine-tuned classifier; defaults follow the study's ResNet50."""

    backbone: str = Field(
        default="resnet50",
        description="`vgg16` or any of torchvision's classification networks that ends in a map of "
        "features; `resnet_small` is meant for CPUs.",
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
        description="End a stage after so many looks without a lower loss; 0 takes all steps.",
    )
    calibrate: bool = Field(
        default=True,
        description="Fit a temperature on the validation part, so that a probability of 0.7 is "
        "right in 7 of 10 cases (Guo et al. 2017, 1706.04599); no verdict at 0.5 changes.",
    )
    device: str = Field(default="auto", description="`auto` takes CUDA where there is one.")
    seed: int = Field(default=0, ge=0)
