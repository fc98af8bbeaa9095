"""What exploring a generator leaves: pictures, videos, tensors, and files for other programs."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from kedro.io.core import Version
from kedro_datasets._typing import ImagePreview, JSONPreview
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from cosmop.datasets.images import image_preview
from cosmop.datasets.versioned_path import VersionedPathDataset

_WIDEST_PREVIEW_PX = 1200


class PictureDataset(VersionedPathDataset[Image.Image]):
    """A picture as PNG, without loss."""

    def _read(self, path: Path) -> Image.Image:
        with Image.open(path) as image:
            image.load()
            return image

    def _write(self, path: Path, data: Image.Image) -> None:
        data.save(path, "PNG")

    def preview(self) -> ImagePreview:
        """Return the picture, made smaller where it is large."""
        picture = self._read(self._existing_path())
        picture.thumbnail((_WIDEST_PREVIEW_PX, _WIDEST_PREVIEW_PX))
        return image_preview(picture)


@dataclass(frozen=True, eq=False)
class Video:
    """Frames uint8 [H, W, 3] of one size, each shown for `frame_ms` milliseconds.

    Saving takes the frames once; loading gives a list.
    """

    frames: Iterable[NDArray[np.uint8]]
    frame_ms: int


class VideoDataset(VersionedPathDataset[Video]):
    """A video without end as animated WebP: every browser plays it, and Pillow alone writes it.

    MP4 would need an encoder under the GPL. All frames are held in memory while Pillow encodes. The
    encoder joins equal frames in a row, so loading may give fewer, with the time of the shortest.

    Args:
        filepath: The file.
        quality: 0 to 100 of WebP's lossy coding.
        version: Given by Kedro.
        metadata: For kedro-viz.
    """

    def __init__(
        self,
        *,
        filepath: str,
        quality: int = 90,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        self._quality = quality

    def _read(self, path: Path) -> Video:
        with Image.open(path) as file:
            frames, times_ms = [], []
            for frame in ImageSequence.Iterator(file):
                frames.append(np.array(frame.convert("RGB")))
                times_ms.append(round(file.info.get("duration", 0)))
            return Video(frames, min(times_ms))

    def _write(self, path: Path, data: Video) -> None:
        first, *others = (Image.fromarray(frame) for frame in data.frames)
        first.save(
            path,
            "WEBP",
            save_all=True,
            append_images=others,
            duration=data.frame_ms,
            loop=0,
            quality=self._quality,
        )

    def _describe(self) -> dict[str, Any]:
        return super()._describe() | {"quality": self._quality}

    def preview(self) -> ImagePreview:
        """Return the first frame."""
        with Image.open(self._existing_path()) as file:
            return image_preview(file)


class TensorsDataset(VersionedPathDataset[dict[str, NDArray[Any]]]):
    """Named arrays as safetensors."""

    def _read(self, path: Path) -> dict[str, NDArray[Any]]:
        from safetensors.numpy import load_file  # noqa: PLC0415

        arrays: dict[str, NDArray[Any]] = load_file(path)
        return arrays

    def _write(self, path: Path, data: dict[str, NDArray[Any]]) -> None:
        from safetensors.numpy import save_file  # noqa: PLC0415

        save_file({name: np.ascontiguousarray(array) for name, array in data.items()}, path)

    def preview(self) -> JSONPreview:
        """Return names and shapes."""
        arrays = self._read(self._existing_path())
        return JSONPreview(json.dumps({name: list(array.shape) for name, array in arrays.items()}))


class ExportDataset(VersionedPathDataset[Any]):
    """Generated images as files for other programs; see `cosmop.stylegan2.export`.

    Saving takes records with PNGs, loading gives the path of what lies there.

    Args:
        filepath: A file, or a folder.
        layout: ``"folder"``, ``"zip"`` (StyleGAN) or ``"webdataset"`` (tar).
        version: Given by Kedro.
        metadata: For kedro-viz.
    """

    def __init__(
        self,
        *,
        filepath: str,
        layout: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        self._layout = layout

    def _read(self, path: Path) -> Path:
        return path

    def _write(self, path: Path, data: Any) -> None:
        from cosmop.stylegan2.export import export_images  # noqa: PLC0415  torch takes seconds

        export_images(data, path, self._layout)

    def _describe(self) -> dict[str, Any]:
        return super()._describe() | {"layout": self._layout}

    def preview(self) -> JSONPreview:
        """Return layout and size."""
        path = self._existing_path()
        files = [path, *path.rglob("*")] if path.is_dir() else [path]
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        return JSONPreview(json.dumps({"layout": self._layout, "megabytes": round(megabytes, 2)}))
