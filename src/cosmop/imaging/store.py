"""The immutable store: image bytes lie once, under the SHA-256 of their content."""

import errno
import hashlib
import uuid
from pathlib import Path

from cosmop.errors import InputError

_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)


class ImageStore:
    """A folder of image files named by content, ``ab/abcd….jpg`` below `root`.

    Adding is idempotent and atomic: bytes are written aside and renamed, so a crash leaves either
    the whole image or nothing under its name.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def add(self, content: bytes, extension: str) -> tuple[str, str]:
        """Store `content` and return its ``(image_id, path)``, the path relative to the root.

        Args:
            content: The bytes of an image file.
            extension: ``"jpg"``, ``"png"`` or ``"webp"``, taken from the content, never from a URL.

        Raises:
            InputError: The disk is full.
        """
        image_id = hashlib.sha256(content).hexdigest()
        path = f"{image_id[:2]}/{image_id}.{extension}"
        target = self.root / path
        if not target.exists():
            self._write(target, content)
        return image_id, path

    def _write(self, target: Path, content: bytes) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # Not mkstemp: its files are readable by their owner only, and a store may be shared.
            aside = target.with_name(f"{uuid.uuid4().hex}.part")
            try:
                aside.write_bytes(content)
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)
        except OSError as error:
            if error.errno not in _DISK_IS_FULL:
                raise
            raise InputError(
                f"The image store at {self.root} needs {len(content)} bytes for one more image, "
                "but the disk is full; free some space and run the same command again, nothing is "
                "lost."
            ) from error

    def read(self, path: str) -> bytes:
        """Return the bytes stored at a relative `path`."""
        return (self.root / path).read_bytes()
