"""Images as the labelling page shows them: upright, no larger than a screen, and nothing else."""

import io

from PIL import Image

from cosmop.imaging.decoding import ACCEPTED_FORMATS, UnreadableImageError, upright_rgb
from cosmop.imaging.image_set import ImageSet

LONGEST_SIDE_PX = 1600
_QUALITY = 90


class ShownImages:
    """The images of a set by id; no other file can be reached."""

    def __init__(self, images: ImageSet) -> None:
        self._store = images.store
        paths = images.manifest["path"].astype(str)
        self._paths = dict(zip(images.manifest["image_id"].astype(str), paths, strict=True))

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all images."""
        return frozenset(self._paths)

    def jpeg(self, image_id: str) -> bytes:
        """Return an image as JPEG, at most `LONGEST_SIDE_PX` long, without its metadata.

        Raises:
            KeyError: No such image in the set.
            UnreadableImageError: Its file is missing or cannot be decoded.
        """
        path = self._paths[image_id]
        try:
            return _shown(self._store.read(path))
        except Exception as error:  # damaged bytes make decoders raise anything
            raise UnreadableImageError(f"The image {path} cannot be read: {error}") from error


def _shown(content: bytes) -> bytes:
    side = (LONGEST_SIDE_PX, LONGEST_SIDE_PX)
    with Image.open(io.BytesIO(content), formats=ACCEPTED_FORMATS) as image:
        image.draft("RGB", side)  # a JPEG is decoded near the size in which it is shown
        shown = upright_rgb(image)
    shown.thumbnail(side, Image.Resampling.LANCZOS)
    jpeg = io.BytesIO()
    shown.save(jpeg, "JPEG", quality=_QUALITY, subsampling=0)
    return jpeg.getvalue()
