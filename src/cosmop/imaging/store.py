"""The immutable store: image bytes lie once, under the SHA-256 of their content."""

import errno
import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cosmop.errors import InputError, is_no_room

_EXTENSIONS = ("jpg", "png", "webp")


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
        return image_id, self.add_as(image_id, content, extension)

    def add_as(self, image_id: str, content: bytes, extension: str) -> str:
        """Store `content`, whose SHA-256 is `image_id`, and return its path; see `add`.

        Raises:
            InputError: The disk is full.
        """
        path = _path(image_id, extension)
        target = self.root / path
        if not target.exists():
            self._write(target, content)
        return path

    def move_in(self, file: Path, image_id: str, extension: str) -> str:
        """Move a `file`, whose SHA-256 is `image_id`, into the store and return its path.

        On the store's file system the file is renamed; from another one its bytes are copied. It
        is gone from where it was, even if the store has had these bytes before.

        Raises:
            InputError: The disk is full; the file stays.
        """
        path = _path(image_id, extension)
        target = self.root / path
        try:
            with self._space_for(file.stat().st_size):
                _in_folder(target, lambda: file.replace(target))
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self.add_as(image_id, file.read_bytes(), extension)
            file.unlink()
        return path

    def thumbnail(self, image_id: str) -> Path:
        """Return where the thumbnail of an image lies, if it has one: beside the store."""
        folder = self.root.with_name("thumbnails")
        return folder / _path(image_id, "jpg")

    def add_thumbnail(self, image_id: str, content: bytes) -> None:
        """Keep the thumbnail of an image, the bytes of a JPEG file.

        Raises:
            InputError: The disk is full.
        """
        self._write(self.thumbnail(image_id), content)

    def find(self, image_id: str) -> str | None:
        """Return the path of an image, None if it is not here."""
        paths = (_path(image_id, extension) for extension in _EXTENSIONS)
        return next((path for path in paths if (self.root / path).exists()), None)

    def remove(self, image_id: str) -> None:
        """Delete an image and its thumbnail for good; what is not there is gone already."""
        for file in (*self.root.glob(_path(image_id, "*")), self.thumbnail(image_id)):
            file.unlink(missing_ok=True)

    def _write(self, target: Path, content: bytes) -> None:
        # Not mkstemp: its files are readable by their owner only, and a store may be shared.
        aside = target.with_name(f"{uuid.uuid4().hex}.part")
        with self._space_for(len(content)):
            try:
                _in_folder(aside, lambda: aside.write_bytes(content))
                aside.replace(target)
            except BaseException:
                aside.unlink(missing_ok=True)
                raise

    @contextmanager
    def _space_for(self, count: int) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not is_no_room(error):
                raise
            raise InputError(
                f"The image store at {self.root} needs {count} bytes for one more image, "
                "but the disk is full; free some space and run the same command again, nothing is "
                "lost."
            ) from error

    def read(self, path: str) -> bytes:
        """Return the bytes stored at a relative `path`."""
        return (self.root / path).read_bytes()


def _path(image_id: str, extension: str) -> str:
    return f"{image_id[:2]}/{image_id}.{extension}"


def _in_folder(file: Path, act: Callable[[], object]) -> None:
    """Do what makes `file`, and its folder first if that is missing."""
    try:
        act()
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
        act()
