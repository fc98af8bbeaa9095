"""Taking an image file in: checked, measured and stored with one decode.

Only a complete decode proves an image. The one that JPEG's decoder does at an eighth of the size
reads all of the file, and costs little more than reading it; the hash, the measures and the
thumbnail come from what it leaves. Of a progressive JPEG it needs no scans of details: the decoder
would refuse nothing that they hold.
"""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Self

from PIL import Image

from cosmop.imaging.decoding import (
    DecodingLimits,
    ImageFacts,
    UnreadableImageError,
    image_facts,
    opened_image,
    turn_upright,
)
from cosmop.imaging.foreign_files import name_of
from cosmop.imaging.grey_decoding import DecodedPicture, decode_picture
from cosmop.imaging.hash_rows import (
    GreyThumbnails,
    HashRow,
    bad_row,
    measure_thumbnails,
    shrink_decoded,
)
from cosmop.imaging.intake_options import IntakeOptions
from cosmop.imaging.rewriting import write_anew
from cosmop.imaging.store import ImageStore

_THUMBNAIL_QUALITY = 85
_NOT_HASHED = bad_row("")
_NO_LIMITS = DecodingLimits(min_side_px=1, max_pixels=1 << 40, max_aspect=1e6)


class IntakeRow(NamedTuple):
    """What became of one file; JSON holds it as a list, see `from_json`.

    Attributes:
        image_id: SHA-256 of what is stored, in hex; empty where there is a problem.
        path: Where it lies, relative to the store; empty where there is a problem.
        width: Pixels, upright; 0 where there is a problem.
        height: Pixels, upright; 0 where there is a problem.
        bytes: Size of what is stored; where there is a problem, of what came.
        original_sha256: Of the bytes that came; empty where they could not be read.
        problem_kind: Empty, or one word to count by: not_an_image, truncated, too_small,
            too_many_pixels, too_long_shape, too_many_frames, undecodable, unreadable_file, or of
            `IntakeProcesses`: decoder_died, decoder_hung.
        problem: Empty, or the reason in a few words.
        hashed: As of `cosmop.imaging.hash_rows.hash_files`.
    """

    image_id: str
    path: str
    width: int
    height: int
    bytes: int
    original_sha256: str
    problem_kind: str
    problem: str
    hashed: HashRow

    @classmethod
    def from_json(cls, values: list[Any]) -> Self:
        """Return the row that ``json.loads(json.dumps(row))`` left of a row."""
        return cls(*values)._replace(hashed=HashRow(*values[-1]))


def refused(kind: str, reason: str, length: int = 0, original_sha256: str = "") -> IntakeRow:
    """Return the row of a file that is not taken in."""
    return IntakeRow("", "", 0, 0, length, original_sha256, kind, reason, bad_row(reason))


def take_in(file: Path, store: ImageStore, options: IntakeOptions, *, owned: bool) -> IntakeRow:
    """Check, measure and store an image file.

    Args:
        file: JPEG, PNG or WebP by its content; its name means nothing.
        store: Where the image goes, under its SHA-256, and its thumbnail.
        options: What is checked, and what is stored.
        owned: The file is ours: it is moved into the store, and deleted if it is refused.

    Returns:
        A row; a file that cannot be taken in is a row with a reason. The hashes of the row are
        those of what is stored.

    Raises:
        InputError: The disk is full; the file stays.
        OSError: The store cannot be written; the file stays.
    """
    (examined,) = examine([file], options)
    return keep(examined, store, owned=owned)


class Examined(NamedTuple):
    """What is stored of a file, and what was found in it; `keep` stores it.

    Attributes:
        file: As it came.
        content: What is stored; empty where there is a problem.
        row: As it is once that is stored.
        extension: Of what is stored.
        thumbnail: A JPEG file; empty where none is needed.
    """

    file: Path
    content: bytes
    row: IntakeRow
    extension: str = ""
    thumbnail: bytes = b""


def examine(files: Iterable[Path], options: IntakeOptions) -> list[Examined]:
    """Check and measure image files, and leave them as they are.

    Args:
        files: A few: what is stored of them is in memory together, so that the arithmetic of their
            hashes costs next to nothing beside the decoding.
        options: See `take_in`.
    """
    found = [_examine(file, options) for file in files]
    greys = [grey for _, grey in found if grey]
    rows = iter(measure_thumbnails(greys, options.hashing))
    return [
        item._replace(row=item.row._replace(hashed=next(rows))) if grey else item
        for item, grey in found
    ]


def keep(examined: Examined, store: ImageStore, *, owned: bool) -> IntakeRow:
    """Store what was examined and return its row; for arguments and errors see `take_in`."""
    row = examined.row
    if not row.problem_kind:
        row = row._replace(path=_store(examined, store, owned=owned))
    if owned:
        examined.file.unlink(missing_ok=True)
    return row


def _examine(file: Path, options: IntakeOptions) -> tuple[Examined, GreyThumbnails | None]:
    """Examine a file; the measures of its thumbnails are still to be taken."""
    try:
        content = file.read_bytes()
    except OSError as error:
        row = refused("unreadable_file", error.strerror or type(error).__name__)
        return Examined(file, b"", row), None
    original = hashlib.sha256(content).hexdigest()
    try:
        return _examine_content(file, content, original, options)
    except UnreadableImageError as error:
        row = refused(error.kind, _reason(error, content), len(content), original)
        return Examined(file, b"", row), None


def _reason(error: UnreadableImageError, content: bytes) -> str:
    name = name_of(content) if error.kind == "not_an_image" else ""
    return f"{error} but {name}" if name else str(error)


def _examine_content(
    file: Path, content: bytes, original_sha256: str, options: IntakeOptions
) -> tuple[Examined, GreyThumbnails]:
    limits, sha256 = options.limits, original_sha256
    if options.resize is not None or options.reencode:
        with opened_image(content, limits) as image:
            content = write_anew(image, options.resize)
        limits, sha256 = _NO_LIMITS, hashlib.sha256(content).hexdigest()
    facts, grey, thumbnail = _measure(content, limits, options)
    row = IntakeRow(
        image_id=sha256,
        path="",
        width=facts.width,
        height=facts.height,
        bytes=len(content),
        original_sha256=original_sha256,
        problem_kind="",
        problem="",
        hashed=_NOT_HASHED,
    )
    return Examined(file, content, row, facts.extension, thumbnail), grey


def _measure(
    content: bytes, limits: DecodingLimits, options: IntakeOptions
) -> tuple[ImageFacts, GreyThumbnails, bytes]:
    with opened_image(content, limits) as image:
        size = image.size
        decoded = decode_picture(image, content, options.hashing.least_side_px)
        facts = image_facts(size, image)
    grey = shrink_decoded(decoded.grey, options.hashing)
    is_large = max(size) > 2 * options.thumbnail_side_px > 0
    return facts, grey, _thumbnail(decoded, options.thumbnail_side_px) if is_large else b""


def _thumbnail(decoded: DecodedPicture, side_px: int) -> bytes:
    """Return a small upright JPEG without metadata; the picture is used up."""
    small = decoded.picture
    small.thumbnail((side_px, side_px), Image.Resampling.HAMMING)
    if small.mode == "CMYK":
        small = small.convert("RGB")
    small = turn_upright(small, decoded.grey.orientation)
    small.info = {}  # Pillow would write a comment again
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_THUMBNAIL_QUALITY)
    return buffer.getvalue()


def _store(examined: Examined, store: ImageStore, *, owned: bool) -> str:
    """Store a thumbnail, then its image: what has an image's name has all that belongs to it."""
    row, extension = examined.row, examined.extension
    if examined.thumbnail:
        store.add_thumbnail(row.image_id, examined.thumbnail)
    if owned and row.image_id == row.original_sha256:
        return store.move_in(examined.file, row.image_id, extension)
    return store.add_as(row.image_id, examined.content, extension)
