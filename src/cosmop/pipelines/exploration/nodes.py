"""Nodes of the exploration pipeline."""

from typing import Any

import pandas as pd
from PIL import Image

from cosmop.datasets.pictures import Video
from cosmop.imaging.image_set import ImageSet
from cosmop.stylegan2.exploring_options import (
    InterpolationOptions,
    PhotographOptions,
    ProjectionOptions,
    StyleMixingOptions,
    TruncationOptions,
)


def draw_style_mixing(generator: Any, options: StyleMixingOptions) -> Image.Image:
    """Draw rows by columns of seeds, the chosen layers styled by the column."""
    from cosmop.pipelines.exploration.sheets import style_mixing_sheet

    return style_mixing_sheet(generator, options)


def draw_truncation(generator: Any, options: TruncationOptions) -> Image.Image:
    """Draw one row per seed, psi along the columns."""
    from cosmop.pipelines.exploration.sheets import truncation_sheet

    return truncation_sheet(generator, options)


def film_interpolation(generator: Any, options: InterpolationOptions) -> Video:
    """Film a closed walk through the images of some seeds."""
    from cosmop.pipelines.exploration.sheets import interpolation_video

    return interpolation_video(generator, options)


def project_photograph(
    generator: Any,
    training_images: ImageSet,
    photograph: PhotographOptions,
    projection: ProjectionOptions,
) -> tuple[Image.Image, dict[str, Any], pd.DataFrame]:
    """Find the latents of a photograph, of the first training image if none is named."""
    from cosmop.pipelines.exploration.photograph import find_latents

    return find_latents(generator, training_images, photograph, projection)


def export_synthetic_images(generator: Any, synthetic_images: ImageSet) -> Any:
    """Hand on the delivered set, each image with what makes it again."""
    from cosmop.pipelines.exploration.handing_on import RecordedImages

    return RecordedImages(synthetic_images, generator.options.class_names)
