"""How exported files are laid out."""

from typing import Literal

from pydantic import Field

from cosmop.config import Options

Layout = Literal["imagefolder", "huggingface", "webdataset"]


class ExportOptions(Options):
    """The form of an export."""

    layout: Layout = Field(
        default="imagefolder",
        description="'imagefolder': a folder for each split and class with metadata.jsonl, which "
        "torchvision's ImageFolder and Hugging Face's datasets both read ('huggingface' says the "
        "same); 'webdataset': tar files.",
    )
    shard_megabytes: float = Field(
        default=500.0,
        gt=0,
        description="Size (10^6 bytes) after which a tar file ends; one image may go over it.",
    )
