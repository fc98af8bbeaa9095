"""Options of the StyleGAN2 networks, their training and their augmentation."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from cosmop.config import Options, Strings

BLIT_TRANSFORMS = ("flip", "quarter_turn", "integer_translation")
GEOMETRY_TRANSFORMS = ("scale", "rotation", "anisotropy", "fractional_translation")
COLOUR_TRANSFORMS = ("brightness", "contrast", "luma_flip", "hue", "saturation")
BGC_TRANSFORMS = (*BLIT_TRANSFORMS, *GEOMETRY_TRANSFORMS, *COLOUR_TRANSFORMS)
DIFF_TRANSFORMS = ("color", "translation", "cutout")

_SHORTEST_BASE_SIDE = 4
_LONGEST_BASE_SIDE = 16


class NetworkOptions(Options):
    """Sizes of both networks (StyleGAN2, Karras et al. 2020a; its ADA version, 2020b)."""

    height: int = Field(
        default=256,
        ge=8,
        le=2048,
        description="Image height in pixels: a base side times a power of two.",
    )
    width: int = Field(
        default=256,
        ge=8,
        le=2048,
        description="Image width in pixels; may differ from the height (256 by 192: base 8 by 6).",
    )
    image_channels: Literal[1, 3] = Field(
        default=3,
        description="1 for greyscale, 3 for RGB.",
    )
    channel_base: int = Field(
        default=16384,
        ge=16,
        description="Feature maps times longest side; ADA: 16384 below 512 pixels, else 32768.",
    )
    channel_max: int = Field(
        default=512,
        ge=1,
        description="Most feature maps of any layer (paper: 512).",
    )
    z_dim: int = Field(
        default=512,
        ge=1,
        description="Size of the normal latent vector (paper: 512).",
    )
    w_dim: int = Field(
        default=512,
        ge=1,
        description="Size of the style vector (paper: 512).",
    )
    mapping_layers: int = Field(
        default=8,
        ge=1,
        le=16,
        description="Dense layers from z to w (paper: 8; StyleGAN2-ADA auto: 2).",
    )
    num_classes: int = Field(
        default=0,
        ge=0,
        description="Columns of the label rows, one-hot or several at once; 0 means without.",
    )
    class_names: Strings = Field(
        default=(),
        description="Criteria to train on, columns of the labels; sets num_classes.",
    )
    label_layers: int = Field(
        default=8,
        ge=1,
        le=16,
        description="Dense layers of the discriminator's label embedding (ADA: 8).",
    )
    minibatch_group: int = Field(
        default=4,
        ge=1,
        description="Images per group of the minibatch standard deviation (paper: 4).",
    )
    discriminator_skip: Literal["residual", "none"] = Field(
        default="residual",
        description="Residual blocks (paper), or plain ones (StyleGAN2-ADA's CIFAR).",
    )

    @model_validator(mode="before")
    @classmethod
    def _names_are_counted(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("class_names"):
            return {"num_classes": len(given["class_names"]), **given}
        return given

    @model_validator(mode="after")
    def _names_fit_the_count(self) -> "NetworkOptions":
        if self.class_names and len(self.class_names) != self.num_classes:
            raise ValueError(
                f"as many class_names as num_classes ({len(self.class_names)} for "
                f"{self.num_classes})"
            )
        return self

    @model_validator(mode="after")
    def _size_is_possible(self) -> "NetworkOptions":
        rows, columns = self.base_size
        shorter, longer = sorted((rows, columns))
        is_fitting = shorter < 2 * _SHORTEST_BASE_SIDE and longer <= _LONGEST_BASE_SIDE
        if self.num_levels < 2 or not is_fitting:
            raise ValueError(
                "sides that are the same power of two (at least 2) times a base of "
                f"{_SHORTEST_BASE_SIDE} to {2 * _SHORTEST_BASE_SIDE - 1} pixels (shorter side) "
                f"and at most {_LONGEST_BASE_SIDE} (longer side), such as 32 by 32 or 256 by 192 "
                f"({self.height} by {self.width} has the base {rows} by {columns})"
            )
        return self

    @property
    def base_size(self) -> tuple[int, int]:
        """Rows and columns of the learnt constant input: halved while even and at least 8."""
        rows, columns = self.height, self.width
        while rows % 2 == 0 and columns % 2 == 0 and min(rows, columns) >= 2 * _SHORTEST_BASE_SIDE:
            rows, columns = rows // 2, columns // 2
        return rows, columns

    @property
    def num_levels(self) -> int:
        """Resolutions from the base to the image, both included (32 by 32: 4)."""
        return (self.height // self.base_size[0]).bit_length()

    @property
    def num_ws(self) -> int:
        """Style inputs of the synthesis network: two a level (32 by 32: 8)."""
        return 2 * self.num_levels

    def level_size(self, level: int) -> tuple[int, int]:
        """Height and width in pixels at `level`, where 0 is the base."""
        rows, columns = self.base_size
        return rows << level, columns << level

    def level_channels(self, level: int) -> int:
        """Feature maps at `level`: channel base over longer side, at most the channel maximum."""
        return max(1, min(self.channel_base // max(self.level_size(level)), self.channel_max))


class AugmentationOptions(Options):
    """Adaptive augmentation, the "bgc" set (ADA, Karras et al. 2020b, appendix B)."""

    kind: Literal["adaptive"] = "adaptive"
    transforms: Strings = Field(
        default=BGC_TRANSFORMS,
        description="Parts in use; turns, luma flip and hue can leak into small sets: leave out.",
    )
    target: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="Wanted mean sign of the real logits, r_t (ADA: 0.6).",
    )
    strength_start: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Probability at the start (ADA: 0).",
    )
    strength_cap: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="Highest probability; above about 0.8 augmentations leak (ADA).",
    )
    ada_kimg: float = Field(
        default=500.0,
        gt=0,
        description="Thousand images in which the strength can go from 0 to 1 (ADA: 500).",
    )
    interval: int = Field(
        default=4,
        ge=1,
        description="Steps between adjustments (ADA: 4).",
    )
    integer_translation_max: float = Field(
        default=0.125,
        ge=0,
        le=1,
        description="Share of a side (ADA).",
    )
    scale_std: float = Field(
        default=0.2,
        ge=0,
        description="Of the log2 scale (ADA: 0.2).",
    )
    rotation_max: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of a full turn (ADA: 1).",
    )
    anisotropy_std: float = Field(
        default=0.2,
        ge=0,
        description="Of the log2 aspect (ADA: 0.2).",
    )
    fractional_translation_std: float = Field(
        default=0.125,
        ge=0,
        description="Share of a side (ADA).",
    )
    brightness_std: float = Field(
        default=0.2,
        ge=0,
        description="In units of half the range (ADA: 0.2).",
    )
    contrast_std: float = Field(
        default=0.5,
        ge=0,
        description="Of the log2 contrast (ADA: 0.5).",
    )
    hue_max: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of a full turn (ADA: 1).",
    )
    saturation_std: float = Field(
        default=1.0,
        ge=0,
        description="Of the log2 saturation (ADA: 1).",
    )

    @field_validator("transforms")
    @classmethod
    def _transforms_are_known(cls, transforms: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(transforms) - set(BGC_TRANSFORMS))
        if unknown:
            raise ValueError(f"among {', '.join(BGC_TRANSFORMS)} (not {', '.join(unknown)})")
        return transforms


class DiffAugmentOptions(Options):
    """Augmentation of constant strength (DiffAugment, Zhao et al. 2020)."""

    kind: Literal["diffaugment"] = "diffaugment"
    policy: Strings = Field(
        default=DIFF_TRANSFORMS,
        description="Parts in use, on every image (paper: all three for small sets).",
    )
    translation_share: float = Field(
        default=0.125,
        ge=0,
        le=1,
        description="Furthest shift as a share of a side (paper: 1/8).",
    )
    cutout_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Sides of the blanked rectangle as a share of the image's (paper: 1/2).",
    )

    @field_validator("policy")
    @classmethod
    def _parts_are_known(cls, policy: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(policy) - set(DIFF_TRANSFORMS))
        if unknown:
            raise ValueError(f"among {', '.join(DIFF_TRANSFORMS)} (not {', '.join(unknown)})")
        return policy


AnyAugmentation = Annotated[AugmentationOptions | DiffAugmentOptions, Field(discriminator="kind")]


class TrainingOptions(Options):
    """How the networks are trained; defaults are those of StyleGAN2-ADA for one device."""

    batch_size: int = Field(
        default=16,
        ge=2,
        description="Images per step (ADA at 256 pixels: 16).",
    )
    total_kimg: float = Field(
        default=5000.0,
        gt=0,
        description="Thousand real images to show; ADA suggests 5,000 to 25,000.",
    )
    snapshot_kimg: float = Field(
        default=200.0,
        gt=0,
        description="Thousand images between snapshots.",
    )
    learning_rate: float = Field(
        default=0.0025,
        gt=0,
        description="Of both Adams, before correction (ADA).",
    )
    r1_gamma: float | None = Field(
        default=None,
        ge=0,
        description="Weight of R1; else 0.0002 x pixels / batch_size (ADA auto).",
    )
    r1_interval: int = Field(
        default=16,
        ge=1,
        description="Steps between R1 penalties (StyleGAN2: 16).",
    )
    path_length_weight: float = Field(
        default=2.0,
        ge=0,
        description="0 turns it off (StyleGAN2: 2).",
    )
    path_length_interval: int = Field(
        default=4,
        ge=1,
        description="Steps between penalties (paper: 4).",
    )
    path_length_decay: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="Of the running mean (paper).",
    )
    style_mixing: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Share of mixed images (paper: 0.9).",
    )
    ema_kimg: float | None = Field(
        default=None,
        ge=0,
        description="Half-life of the averaged generator; else batch_size x 10 / 32 (ADA).",
    )
    ema_ramp: float | None = Field(
        default=0.05,
        gt=0,
        description="Half-life at most this share of the images so far (ADA: 0.05).",
    )
    augmentation: AnyAugmentation | None = Field(
        default=AugmentationOptions(),
        description="kind adaptive (ADA) or diffaugment, or null for none.",
    )
    mirror: bool = Field(
        default=False,
        description="Show each image mirrored, too.",
    )
    held_out_share: float = Field(
        default=0.05,
        ge=0,
        lt=0.5,
        description="Images never trained on, by which overfitting is measured (r_v of ADA).",
    )
    resume_from: str | None = Field(
        default=None,
        description="Official .pkl snapshot to start from, a local path; null: new weights.",
    )
    freeze_blocks: int = Field(
        default=0,
        ge=0,
        le=9,
        description="Discriminator blocks that keep their weights, finest first (FreezeD).",
    )
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = Field(
        default="auto",
        description="auto takes CUDA where there is one, else the CPU.",
    )
    processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that share each batch, one per GPU (torchrun starts them).",
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto",
        description="Of the finest levels (ADA: float16); auto: bfloat16 where hardware has it.",
    )
    half_levels: int = Field(
        default=4,
        ge=0,
        description="Finest levels in half precision, never the coarsest (ADA: 4).",
    )
    acceleration: Literal["auto", "eager", "compile", "cuda_graphs"] = Field(
        default="auto",
        description="auto: torch.compile on CUDA, eager on the CPU, where it is as fast.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="Of weights, data order, latents and augmentation.",
    )

    @model_validator(mode="after")
    def _processes_share_evenly(self) -> "TrainingOptions":
        if self.processes > 1 and self.batch_size % (2 * self.processes):
            raise ValueError(
                f"a batch_size that is a multiple of {2 * self.processes}, so that "
                f"{self.processes} processes share it and its half (not {self.batch_size})"
            )
        return self

    @property
    def effective_ema_kimg(self) -> float:
        """Half-life of the averaged generator in thousand images."""
        return self.batch_size * 10 / 32 if self.ema_kimg is None else self.ema_kimg

    def effective_r1_gamma(self, height: int, width: int) -> float:
        """Weight of R1 for images of `height` by `width` pixels."""
        return 0.0002 * height * width / self.batch_size if self.r1_gamma is None else self.r1_gamma


class SamplingOptions(Options):
    """The delivered set: which seeds, how far from the average."""

    images: int = Field(
        default=2276,
        ge=1,
        description="The original study generated 2,276.",
    )
    first_seed: int = Field(
        default=0,
        ge=0,
        description="Image i has the seed first_seed + i.",
    )
    truncation: float = Field(
        default=1.0,
        ge=0,
        le=2,
        description="1 keeps the whole variety; below, nearer to the mean (psi).",
    )
    criteria: Strings = Field(
        default=(),
        description="What every image shall show; empty: as often as in the training images.",
    )
    batch_size: int = Field(default=32, ge=1)
    device: str = Field(
        default="auto",
        description="auto takes CUDA where there is one, else the CPU.",
    )
