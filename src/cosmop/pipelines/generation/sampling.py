"""Generated images brought into the store, each with what makes it again."""

import io
from typing import Any

import pandas as pd
from PIL import Image

from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.progress import track
from cosmop.stylegan2.options import SamplingOptions
from cosmop.stylegan2.sampling import sample_images


def generate_image_set(generator: Any, store: ImageStore, options: SamplingOptions) -> ImageSet:
    """Sample ``options.images`` images as PNG, with seed, truncation and the generator's checksum.

    Two seeds that give the same image to the last bit count once.
    """
    seeds = list(range(options.first_seed, options.first_seed + options.images))
    batches = sample_images(
        generator,
        seeds,
        truncation=options.truncation,
        batch_size=options.batch_size,
        device=options.device,
    )
    checksum = generator.checksum()
    rows: list[dict[str, Any]] = []
    bar = track(seeds, "generating images", unit="image")
    for batch_NHWC in batches:
        for image_HWC in batch_NHWC:
            seed = options.first_seed + len(rows)
            image_id, path = store.add(_png(image_HWC), "png")
            height, width = image_HWC.shape[:2]
            rows.append(
                {
                    "image_id": image_id,
                    "path": path,
                    "width": width,
                    "height": height,
                    "seed": seed,
                    "truncation": options.truncation,
                    "generator": checksum,
                }
            )
        bar.update(len(batch_NHWC))
    bar.close()
    return ImageSet(pd.DataFrame(rows).drop_duplicates("image_id"), store)


def _png(image_HWC: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image_HWC.squeeze()).save(buffer, "PNG")
    return buffer.getvalue()
