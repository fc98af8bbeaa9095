"""A photograph, brought to the generator's size and looked for in its latent space."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.decoding import decode_rgb, fit_image
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.labelled_grid import labelled_grid
from cosmop.stylegan2.exploring import label_of
from cosmop.stylegan2.exploring_options import PhotographOptions, ProjectionOptions
from cosmop.stylegan2.projection import project

_TILE_PX = 256


def find_latents(
    generator: Any,
    training_images: ImageSet,
    photograph: PhotographOptions,
    projection: ProjectionOptions,
) -> tuple[Image.Image, dict[str, Any], pd.DataFrame]:
    """Return photograph beside reconstruction, ``ws`` and ``noise_00`` …, and the loss curve."""
    picture = _open(photograph.path) if photograph.path else training_images.open(0)
    sizes = generator.options
    fitted = fit_image(picture, (sizes.height, sizes.width), photograph.fit)
    wanted_HWC = np.asarray(fitted.convert("L" if sizes.image_channels == 1 else "RGB"))
    wanted_HWC = wanted_HWC.reshape(sizes.height, sizes.width, sizes.image_channels)
    label = label_of(generator, projection.criteria)
    found = project(generator, wanted_HWC, projection, label=label)
    pair, names = [wanted_HWC, found.image], ["photograph", "projection"]
    sheet = labelled_grid([pair], [""], names, tile_px=_TILE_PX)
    noises = {f"noise_{number:02d}": noise for number, noise in enumerate(found.noises)}
    latents = {name: tensor.cpu().numpy() for name, tensor in {"ws": found.ws, **noises}.items()}
    curve = pd.DataFrame({"step": np.arange(len(found.losses)), "distance": found.losses})
    return sheet, latents, curve


def _open(path: str) -> Image.Image:
    try:
        return decode_rgb(Path(path).read_bytes())
    except Exception as error:  # decoders raise anything
        raise InputError(
            f"Projection wants a JPEG, PNG or WebP file at {path!r}, got {error}; correct "
            "exploration.photograph.path."
        ) from error
