"""Options of the person filter, free of heavy imports so that a registry can read them quickly."""

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cosmop.config import Integers, Options, Pixels
from cosmop.people.detector_options import DetectorOptions

Fit = Literal["crop", "pad", "stretch"]
Precision = Literal["auto", "float32", "bfloat16"]


class NetworkDesign(Options):
    """What a binary image network looks like: enough to build it again before loading weights."""

    backbone: str = Field(description="Network without its last layer, by torchvision's name.")
    image_size: Pixels = Field(default=(224, 224), description="Height and width in pixels.")
    fit: Fit = Field(
        default="stretch",
        description="How a photograph is brought to `image_size`; stretching loses nobody at the "
        "edge and leaves no border that tells one source from another.",
    )
    pooling: Literal["average", "maximum"] = Field(
        default="average",
        description="Over positions; the maximum lets one small person decide.",
    )
    hidden_units: Integers = Field(
        default=(), description="Widths of the hidden layers between the features and the logit."
    )
    dropout_share: float = Field(default=0.5, ge=0, lt=1, description="Before each linear layer.")


class WeightsOptions(Options):
    """Where the weights of a backbone come from."""

    pretrained: Literal["none", "imagenet"] = Field(
        default="imagenet",
        description="`imagenet` takes torchvision's weights from torch's hub cache, or downloads.",
    )
    weights_path: str | None = Field(
        default=None, description="File in torchvision's layout (.pth or .safetensors) to use."
    )
    weights_sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="Checked before the file at `weights_path` is read; needed with it.",
    )


class PersonFilterOptions(NetworkDesign, WeightsOptions):
    """The person filter; the defaults are the study's ResNeXt-101 32x8d and three linear layers."""

    backbone: Literal["resnext101_32x8d", "resnext50_32x4d", "resnext_small"] = Field(
        default="resnext101_32x8d", description="`resnext_small` is meant for CPUs."
    )
    hidden_units: Integers = Field(
        default=(512, 128), min_length=2, max_length=2, description="Two: three linear layers."
    )


class AugmentationOptions(Options):
    """Random changes of a training image that do not change its label."""

    flip: bool = Field(default=True, description="Mirror half of the images.")
    rotation_degrees: float = Field(default=0.0, ge=0, le=180, description="Up to ± this angle.")
    shift_share: float = Field(default=0.0, ge=0, le=1, description="Up to ± this share of a side.")
    zoom_share: float = Field(default=0.0, ge=0, lt=1, description="Scale within 1 ± this share.")
    shear_degrees: float = Field(default=0.0, ge=0, lt=90, description="Up to ± this angle.")
    crop_side_min: float = Field(
        default=1.0, gt=0, le=1, description="Smallest side share of a random crop; 1 is no crop."
    )
    colour_share: float = Field(
        default=0.0, ge=0, lt=1, description="Brightness, contrast, saturation within 1 ± this."
    )
    jpeg_quality_min: int = Field(
        default=100,
        ge=1,
        le=100,
        description="Images are encoded again as JPEG at a quality from here to 100, so that the "
        "codec does not tell one source from another; 100 leaves them as they are.",
    )


class Stage(Options):
    """A part of a training in which some of the network learns, with a one-cycle rate of its own.

    What does not learn keeps its batch statistics, too.
    """

    steps_share: float = Field(gt=0, le=1, description="Share of all optimiser steps.")
    learning_blocks: int | None = Field(
        default=None,
        ge=0,
        description="How many of the last blocks learn beside the linear layers: 0 none, null all. "
        "The last block of a ResNet is `layer4`, of a VGG the layers after the fourth pooling.",
    )
    learning_rate: float | None = Field(
        default=None, gt=0, description="Peak of this stage; null takes that of the training."
    )


def _shares_of_all(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    total = math.fsum(stage.steps_share for stage in stages)
    if stages and not math.isclose(total, 1, abs_tol=1e-6):
        raise ValueError(f"stages whose `steps_share` sum to 1, not to {total:g}")
    return stages


Stages = Annotated[tuple[Stage, ...], Field(strict=False), AfterValidator(_shares_of_all)]


class LearningOptions(Options):
    """What learns when, how the classes count, and in which precision."""

    freeze_backbone: bool = Field(
        default=False, description="Only the linear layers learn: transfer learning."
    )
    stages: Stages = Field(
        default=(),
        description="Staged unfreezing: first the linear layers, then more and more of the trunk "
        "(Howard & Ruder 2018, 1801.06146, section 3.3); none trains in one stage.",
    )
    class_weights: Literal["none", "balanced"] = Field(
        default="none",
        description="`balanced` gives both classes the same weight in the loss, whatever their "
        "numbers: n / (2 n of the class).",
    )
    mixed_precision: bool = Field(default=False, description="16 bits where it is safe.")
    mixed_precision_type: Literal["bfloat16", "float16"] = Field(
        default="bfloat16",
        description="`float16` scales the loss and needs CUDA (Micikevicius et al. 2018, "
        "1710.03740); it serves devices without fast bfloat16.",
    )

    @model_validator(mode="after")
    def _is_one_wish(self) -> Self:
        if self.freeze_backbone and any(stage.learning_blocks != 0 for stage in self.stages):
            raise ValueError(
                "either `freeze_backbone` or `stages` in which the backbone learns, not both"
            )
        return self


class TrainingOptions(LearningOptions):
    """How the person filter is trained and measured."""

    epochs: int = Field(default=20, ge=1, description="Times every training image is seen.")
    batch_size: int = Field(default=32, ge=2, description="Images per optimiser step.")
    learning_rate: float = Field(default=1e-3, gt=0, description="Peak of the one-cycle schedule.")
    weight_decay: float = Field(default=1e-2, ge=0, description="Of AdamW.")
    patience_epochs: int = Field(
        default=0,
        ge=0,
        description="End a stage after so many epochs without a lower loss on the stopping part, "
        "and deliver the weights of the lowest; 0 runs all epochs and trains on that part, too.",
    )
    stopping_share: float = Field(
        default=0.15,
        gt=0,
        le=0.5,
        description="Share of the training images that only decides when to stop. Reported figures "
        "come from other images.",
    )
    calibrate: bool = Field(
        default=True,
        description="Fit a temperature on images held out, so that a score of 0.7 is right in 7 of "
        "10 cases (Guo et al. 2017, 1706.04599); no verdict at 0.5 changes.",
    )
    recall: float = Field(
        default=0.95,
        gt=0,
        lt=1,
        description="Of images with people, the share that the model's own threshold is to keep.",
    )
    augmentation: AugmentationOptions = Field(
        default=AugmentationOptions(crop_side_min=0.8, colour_share=0.3, jpeg_quality_min=50),
        description="Also fights learning the source instead of the person.",
    )
    validation_share: float = Field(
        default=0.2, gt=0, le=0.5, description="Held out for the accuracy when `folds` is 0."
    )
    folds: int = Field(
        default=0,
        ge=0,
        le=20,
        description="Cross-validation: 0 holds one part out; K ≥ 2 fits K networks to measure on "
        "every image, then the delivered one on all images.",
    )
    group_column: str | None = Field(
        default=None, description="Images with the same value are never on both sides of a split."
    )
    memory_limit_mb: int = Field(
        default=2048, ge=0, description="More pixels than this are read from disk batch by batch."
    )
    device: str = Field(default="auto", description="`auto` takes CUDA where there is one.")
    seed: int = Field(default=0, ge=0)


class ScoringOptions(Options):
    """How images are scored."""

    scorer: Literal["person_filter", "detector"] = Field(
        default="person_filter",
        description="`person_filter` is the trained classifier; `detector` finds boxes of people.",
    )
    batch_size: int = Field(default=64, ge=1, description="Images the classifier sees at once.")
    device: str = Field(default="auto", description="`auto` takes CUDA where there is one.")
    precision: Precision = Field(
        default="auto",
        description="What the classifier's trunk computes in; `auto` is bfloat16 where the device "
        "multiplies it in hardware, which moves a score by less than 0.02.",
    )
    detector: DetectorOptions = Field(
        default=DetectorOptions(), description="Which detector, when that is the scorer."
    )


class KeepOptions(Options):
    """Which images count as showing people."""

    threshold: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] = Field(
        default=0.5,
        description="Kept from this score on; `auto` is the threshold that came with the scores: "
        "the person filter's calibrated one, or the detector's.",
    )
    remove: bool = Field(
        default=True, description="False keeps every image and only records its score."
    )
