"""Options of the person detector, free of heavy imports."""

from pydantic import Field

from cosmop.config import Options


class DetectorOptions(Options):
    """A detector of people, and which of its boxes count."""

    name: str = Field(
        default="fastestdet",
        description="`fastestdet` (0.25 M parameters, needs the extra `onnx`), or a detector of "
        "torchvision by its name, such as `fasterrcnn_mobilenet_v3_large_320_fpn`.",
    )
    weights_path: str | None = Field(
        default=None,
        description="File of the weights; without it they are looked for in torch's hub cache, "
        "and torchvision's are downloaded.",
    )
    weights_sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="Checked before the file at `weights_path` is read; needed with it, except for "
        "the published file of FastestDet.",
    )
    min_score: float = Field(default=0.05, ge=0, le=1, description="Boxes below are not kept.")
    max_overlap: float = Field(
        default=0.45,
        gt=0,
        le=1,
        description="Of two boxes of FastestDet that overlap by a larger share of their union, the "
        "better one is kept; torchvision's detectors have their own figure.",
    )
    min_area_share: float = Field(
        default=0.005,
        ge=0,
        lt=1,
        description="Smallest box that counts for an image's score, as a share of the image (0.005 "
        "in Visual Wake Words, Chowdhery et al. 2019, 1906.05721).",
    )
    threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Goes with the scores and is used by `people.threshold: auto`.",
    )
    device: str = Field(
        default="auto",
        description="Of torchvision's detectors; `auto` takes CUDA where there is one.",
    )
