"""Image sets: a versioned manifest over the immutable store."""

import base64
import io
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io.core import Version
from kedro_datasets._typing import ImagePreview
from PIL import Image

from cosmop.datasets.versioned_path import VersionedPathDataset
from cosmop.imaging.contact_sheet import contact_sheet
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore


def image_preview(image: Image.Image) -> ImagePreview:
    """Encode `image` as kedro-viz shows it: a base64 picture, here a JPEG well below 1 MB."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=85)
    return ImagePreview(base64.b64encode(buffer.getvalue()).decode())


class ImageSetDataset(VersionedPathDataset[ImageSet]):
    """A Parquet manifest, one row per image; the bytes lie once in the `store` folder.

    Args:
        filepath: The manifest.
        store: ``path`` of the image store's folder (Kedro makes keys of that name absolute).
        version: Given by Kedro.
        metadata: For kedro-viz.
    """

    def __init__(
        self,
        *,
        filepath: str,
        store: dict[str, str],
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        self._store = ImageStore(Path(store["path"]))

    def _read(self, path: Path) -> ImageSet:
        return ImageSet(pd.read_parquet(path), self._store)

    def _write(self, path: Path, data: ImageSet) -> None:
        if data.store.root.resolve() != self._store.root.resolve():
            raise ValueError(
                f"The image set must lie in the store {self._store.root}, got {data.store.root}."
            )
        data.manifest.to_parquet(path, index=False)

    def _describe(self) -> dict[str, Any]:
        return super()._describe() | {"store": str(self._store.root)}

    def preview(self, columns: int = 8, rows: int = 5) -> ImagePreview:
        """Return a contact sheet."""
        images = self._read(self._existing_path())
        return image_preview(contact_sheet(images, columns=columns, rows=rows))
