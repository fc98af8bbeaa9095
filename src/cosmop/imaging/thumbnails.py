"""Thumbnails that a store has of its images, for whoever shows them small."""

from PIL import Image

from cosmop.imaging.store import ImageStore


def open_thumbnail(store: ImageStore, image_id: str, *, shorter_px: int) -> Image.Image | None:
    """Return an image's thumbnail, RGB and upright, if there is one that is large enough.

    Args:
        store: Of the image.
        image_id: Its SHA-256 in hex.
        shorter_px: Least length of its shorter side.
    """
    try:
        with Image.open(store.thumbnail(image_id), formats=("JPEG",)) as thumbnail:
            return thumbnail.convert("RGB") if min(thumbnail.size) >= shorter_px else None
    except OSError:
        return None
