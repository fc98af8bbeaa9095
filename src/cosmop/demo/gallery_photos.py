"""The photographs of the demo's gallery: files, their captions, and what a search finds."""

import csv
import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from cosmop.errors import InputError

_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_CHANNELS = {"search", "posts", "both"}
_STOP_WORDS = {"a", "an", "and", "at", "by", "in", "of", "on", "or", "the", "to", "with"}
_FIRST_PHOTO_AT = datetime(2024, 1, 1, tzinfo=UTC)
_THUMBNAIL_PX = (320, 240)


@dataclass(frozen=True)
class Photo:
    """One image file of the gallery and its caption."""

    number: int
    path: Path
    title: str
    keywords: str
    licence: str
    channel: str
    taken_at: str

    @property
    def file(self) -> str:
        """The file name, unique in a gallery."""
        return self.path.name

    @cached_property
    def words(self) -> frozenset[str]:
        """What a query is compared with."""
        return frozenset(words_of(f"{self.title} {self.keywords}"))

    @cached_property
    def address(self) -> str:
        """Path and query, another one for other content: an address stands for one picture."""
        version = hashlib.sha256(self.path.read_bytes()).hexdigest()[:8]
        return f"/images/{quote(self.file)}?v={version}"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as the file claims them; zeros where it claims nothing."""
        return _claimed_size(self.path)


def words_of(text: str) -> list[str]:
    """Return the words that a search compares, in lower case."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return [word for word in words if word not in _STOP_WORDS]


def query_words(query: str) -> set[str]:
    """Return the words of an X query; ``has:images``, ``-is:retweet``, ``OR`` are operators."""
    terms = [term.strip("()\"'") for term in query.split()]
    plain = [t for t in terms if ":" not in t and not t.startswith("-") and t not in ("OR", "AND")]
    return set(words_of(" ".join(plain)))


@lru_cache(maxsize=100_000)
def _claimed_size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return (0, 0)


class Photos:
    """The photos of a folder: ``images/`` below it if there is one, else its own image files.

    ``captions.csv`` (columns file, title, keywords, licence, channel, taken_at; all but file may be
    missing) describes them; channel is ``search``, ``posts`` or ``both``. Without captions, the
    title is the file name and the channel is ``both``.

    Raises:
        InputError: No image in the folder, or a channel of another name.
    """

    def __init__(self, folder: Path) -> None:
        images = folder / "images"
        source = images if images.is_dir() else folder
        files = sorted(source.iterdir()) if source.is_dir() else []
        files = [file for file in files if file.suffix.lower() in _IMAGE_SUFFIXES]
        if not files:
            raise InputError(
                f"The gallery server wants a folder with JPEG, PNG or WebP files, but {folder} has "
                "none; draw the demo scenes first or name another folder."
            )
        captions = _read_captions(folder / "captions.csv")
        photos = [_photo(i, file, captions.get(file.name, {})) for i, file in enumerate(files)]
        self.by_file = {photo.file: photo for photo in photos}

    def search(self, words: set[str], channel: str) -> list[Photo]:
        """Return the photos of `channel` that share a word, most shared words first."""
        shared = [
            (len(words & photo.words), photo)
            for photo in self.by_file.values()
            if photo.channel in (channel, "both")
        ]
        ranked = sorted(shared, key=lambda item: (-item[0], item[1].file))
        return [photo for overlap, photo in ranked if overlap]


def _read_captions(file: Path) -> dict[str, dict[str, str]]:
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        return {row["file"]: row for row in csv.DictReader(lines)}


def _photo(number: int, path: Path, caption: Mapping[str, str]) -> Photo:
    channel = caption.get("channel") or "both"
    if channel not in _CHANNELS:
        raise InputError(
            f"The gallery server wants the channel search, posts or both in captions.csv, got "
            f"{channel!r} for {path.name}; correct that line."
        )
    return Photo(
        number,
        path,
        caption.get("title") or path.stem.replace("_", " "),
        caption.get("keywords") or "",
        caption.get("licence") or "",
        channel,
        _timestamp(caption.get("taken_at") or "", number),
    )


def _timestamp(text: str, number: int) -> str:
    """Return an API timestamp; without a readable one, a stable time of its own per photo."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _FIRST_PHOTO_AT + timedelta(minutes=number)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@lru_cache(maxsize=2_000)
def thumbnail_of(path: Path) -> bytes:
    """Return a small JPEG of a file; a grey tile where the file is no image."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", _THUMBNAIL_PX)
            small = image.convert("RGB")
            small.thumbnail(_THUMBNAIL_PX)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        small = Image.new("RGB", _THUMBNAIL_PX, (200, 200, 200))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
