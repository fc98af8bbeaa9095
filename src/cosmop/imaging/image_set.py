"""An image set: a table with one row per image, over the immutable store."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from cosmop.errors import InputError, first_line
from cosmop.imaging.decoding import decode_rgb, fit_image
from cosmop.imaging.generated_form import MODES, GeneratedForm
from cosmop.imaging.store import ImageStore

REQUIRED_COLUMNS = ("image_id", "path", "width", "height")


@dataclass(frozen=True, eq=False)  # tables have no single truth value to compare by
class ImageSet:
    """A lazy handle on images: it costs a table, and opens a picture only when asked.

    Attributes:
        manifest: One row per image, unique by ``image_id`` (SHA-256 in hex), with ``path``
            (relative to the store), ``width`` and ``height`` in pixels, and whatever the stages
            have added: provenance, labels, split, seed.
        store: Where the bytes lie.
    """

    manifest: pd.DataFrame
    store: ImageStore

    def __post_init__(self) -> None:
        missing = [name for name in REQUIRED_COLUMNS if name not in self.manifest.columns]
        if missing:
            raise ValueError(
                f"An image set needs the columns {list(REQUIRED_COLUMNS)}, got "
                f"{list(self.manifest.columns)}; add {missing}."
            )
        repeated = self.manifest["image_id"].duplicated()
        if repeated.any():
            raise ValueError(
                f"An image set holds each image once, got {int(repeated.sum())} repeated ids, "
                f"first {self.manifest['image_id'][repeated].iloc[0]!r}."
            )
        object.__setattr__(self, "manifest", self.manifest.reset_index(drop=True))

    def __len__(self) -> int:
        return len(self.manifest)

    @property
    def ids(self) -> list[str]:
        """The image ids in manifest order."""
        return self.manifest["image_id"].tolist()

    @property
    def files(self) -> list[Path]:
        """The absolute paths in manifest order."""
        return [self.store.root / path for path in self.manifest["path"]]

    def where(self, mask: "pd.Series[bool] | np.ndarray[Any, Any]") -> "ImageSet":
        """Return the images for which the boolean `mask` [N] holds, in the same order."""
        return ImageSet(self.manifest[np.asarray(mask, dtype=bool)], self.store)

    def select(self, ids: Collection[str]) -> "ImageSet":
        """Return the images whose id is among `ids`, in manifest order."""
        return self.where(self.manifest["image_id"].isin(set(ids)))

    def with_columns(self, **columns: Any) -> "ImageSet":
        """Return the same images with columns added or replaced, by position.

        The index of a Series is ignored: aligning a filtered table would put nothing, silently,
        where it has no row.
        """
        by_position = {
            name: column.array if isinstance(column, pd.Series) else column
            for name, column in columns.items()
        }
        return ImageSet(self.manifest.assign(**by_position), self.store)

    def open(self, index: int, through: GeneratedForm | None = None) -> Image.Image:
        """Decode image number `index`: RGB, upright, in the form `through` if one is given.

        Raises:
            InputError: Its file is absent or damaged. It was whole when it came into the store.
        """
        path = self.manifest["path"].iloc[index]
        try:
            image = decode_rgb(self.store.read(path))
        except Exception as error:  # damaged bytes make decoders raise anything
            raise InputError(
                f"The image {self.store.root / path} must be as it was when it came into the "
                f"store, got: {first_line(error)}; put the file back or, if it was deleted "
                "on purpose, make the image set anew from the download on."
            ) from error
        return image if through is None else through.of(image)

    def batches(
        self,
        size: tuple[int, int],
        batch_size: int,
        *,
        fit: str = "crop",
        through: GeneratedForm | None = None,
    ) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
        """Yield decoded batches, uint8 NHWC 0..255, in manifest order.

        Args:
            size: Height and width in pixels.
            batch_size: Images per batch; the last one may be smaller.
            fit: ``"crop"`` (centre), ``"pad"`` or ``"stretch"``, see `fit_image`.
            through: Form that every image takes on before `size`, as the generator's training
                images did: photographs are then as sharp as generated ones, and as colourful.
        """
        for start in range(0, len(self), batch_size):
            stop = min(start + batch_size, len(self))
            images = (self._fitted(index, size, fit, through) for index in range(start, stop))
            yield np.stack([np.asarray(image) for image in images])

    def array(
        self,
        size: tuple[int, int],
        *,
        fit: str = "crop",
        channels: int = 3,
        through: GeneratedForm | None = None,
    ) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Decode the whole set into one uint8 array [N, H, W, C]; for sets that fit in memory.

        `channels` is 3 for RGB, 1 for greyscale; the rest is that of `batches`.
        """
        images_NHWC = np.zeros((len(self), *size, channels), dtype=np.uint8)
        for index in range(len(self)):
            image = self._fitted(index, size, fit, through)
            images_NHWC[index] = np.asarray(image.convert(MODES[channels])).reshape(*size, channels)
        return images_NHWC

    def _fitted(
        self, index: int, size: tuple[int, int], fit: str, through: GeneratedForm | None
    ) -> Image.Image:
        return fit_image(self.open(index, through), size, fit)
