"""A list of image addresses as a source, in the formats and columns that people have.

TXT has one address per line; blank lines and lines that begin with ``#`` are skipped. CSV, TSV,
JSON lines and Parquet have columns; those that are not named in the options are recognised by
their usual names. See `cosmop.collecting.lists.list_files` for where files may lie.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import Field

from cosmop.collecting.lists.list_files import Batch, ListFiles
from cosmop.config import Options
from cosmop.errors import InputError

logger = logging.getLogger(__name__)

_USER = re.compile(r"^(https?://)[^/?#\\]*@", re.IGNORECASE)
_NO_ADDRESS = "without an http(s) address"
_LONGEST_TEXT = 4_000
_LARGEST_SIDE_PX = 1_000_000
_USUAL_NAMES = {
    "location": (
        *("url", "image_url", "imageurl", "img_url", "image_link", "image", "img", "src"),
        *("link", "uri", "contenturl", "content_url", "murl"),
    ),
    "title": ("title", "caption", "text", "description", "top_caption"),
    "alt_text": ("alt_text", "alt"),
    "licence": ("licence", "license", "license_name"),
    "licence_url": ("licence_url", "license_url"),
    "author": ("author", "creator", "artist", "photographer"),
    "page_url": ("page_url", "foreign_landing_url", "landing_url", "page", "source_url"),
    "thumbnail_url": ("thumbnail_url", "thumbnail"),
    "claimed_width": ("width", "original_width", "image_width"),
    "claimed_height": ("height", "original_height", "image_height"),
}
_NUMBERS = ("claimed_width", "claimed_height")


class UrlListOptions(Options):
    """Where a list of addresses lies and what its columns are called."""

    path: str = Field(
        min_length=1,
        description="File, or folder of files; local, s3://, gs:// or https://. Ends in .txt, "
        ".csv, .tsv, .jsonl or .parquet; text also with .gz, .bz2, .xz or .zst.",
    )
    url_column: str = Field(default="", description="Empty: url, or another usual name.")
    caption_column: str = Field(default="", description="Becomes the title; empty: guessed.")
    licence_column: str = Field(default="", description="Empty: guessed, like all below.")
    author_column: str = ""
    page_url_column: str = ""
    width_column: str = Field(default="", description="Of pixels, as the list claims.")
    height_column: str = Field(default="", description="Of pixels, as the list claims.")
    encoding: str = Field(default="utf-8", description="Of text without a byte order mark.")
    max_rows: int | None = Field(default=None, ge=1, description="Addresses taken, at most.")
    storage: dict[str, Any] = Field(
        default={},
        description="Passed to fsspec, such as {anon: true} or {endpoint_url: …}; no secrets, for "
        "parameters are logged: those come from the storage's own environment or files.",
    )

    @property
    def named_columns(self) -> dict[str, str]:
        """Our names to the columns that a person named."""
        named = {
            "location": self.url_column,
            "title": self.caption_column,
            "licence": self.licence_column,
            "author": self.author_column,
            "page_url": self.page_url_column,
            "claimed_width": self.width_column,
            "claimed_height": self.height_column,
        }
        return {ours: theirs for ours, theirs in named.items() if theirs}


class UrlList:
    """Iterates over the facts of a list, batch by batch, in its order.

    A batch maps names of `cosmop.collecting.candidates.FoundImage` to values, see
    `cosmop.collecting.candidates.candidate_frame`. Rows that cannot be used are left out and
    counted.

    Attributes:
        left_out: What is wrong with rows to how many there were.

    Raises:
        InputError: No such list, no such column, or not one address in it.
    """

    def __init__(self, options: UrlListOptions) -> None:
        self._options = options
        self._files = ListFiles(options.path, options.encoding, options.storage)
        self._told: set[tuple[str, ...]] = set()
        self.left_out: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Batch]:
        taken = 0
        most = self._options.max_rows
        for batch in self._files.batches(self._choose, self.left_out):
            facts = _usable(batch, None if most is None else most - taken, self.left_out)
            taken += len(facts["location"])
            if facts["location"]:
                yield facts
            if taken == most:
                return
        if not taken:
            raise InputError(
                f"The URL list source wants at least one address, but {self._options.path} has "
                f"none{self.reason and f' ({self.reason})'}; add one."
            )

    @property
    def reason(self) -> str:
        """Why there are not more rows; empty when all could be used."""
        parts = [f"{count} rows {wrong}" for wrong, count in self.left_out.items()]
        return f"left out: {', '.join(parts)}" if parts else ""

    def _choose(self, columns: Sequence[str]) -> dict[str, str]:
        """Return our names to columns: those that are named, else those with a usual name."""
        named = self._options.named_columns
        for ours, theirs in named.items():
            if theirs not in columns:
                raise InputError(_no_column(self._options.path, ours, theirs, columns))
        lower = {column.lower(): column for column in reversed(columns)}
        usual = {
            ours: lower[known]
            for ours, names in _USUAL_NAMES.items()
            if (known := next((name for name in names if name in lower), None)) is not None
        }
        chosen = {**usual, **named}
        if "location" not in chosen:
            raise InputError(
                f"The URL list source wants a column with addresses in {self._options.path}, "
                f"usually called url, got {list(columns)[:20]}; name it as url_column."
            )
        self._tell(chosen)
        return chosen

    def _tell(self, chosen: Mapping[str, str]) -> None:
        if tuple(chosen.values()) not in self._told:
            self._told.add(tuple(chosen.values()))
            taken = ", ".join(f"{theirs} as {ours}" for ours, theirs in chosen.items())
            logger.info("The list %s is read by its columns: %s", self._options.path, taken)


def _no_column(path: str, ours: str, theirs: str, columns: Sequence[str]) -> str:
    near = get_close_matches(theirs, columns, n=1)
    hint = f", did you mean {near[0]!r}?" if near else "; name one that it has."
    return (
        f"The URL list source wants the column {theirs!r} ({ours}) in {path}, got "
        f"{list(columns)[:20]}{hint}"
    )


def _usable(batch: Batch, most: int | None, left_out: Counter[str]) -> Batch:
    """Return the rows that have an address, their values as text or numbers that can be kept."""
    locations = [_address(value) for value in batch["location"]]
    kept = [row for row, location in enumerate(locations) if location]
    left_out[_NO_ADDRESS] += len(locations) - len(kept)
    left_out += Counter()  # drops what is zero
    kept = kept[:most]
    facts: Batch = {"location": [locations[row] for row in kept]}
    for name, values in batch.items():
        if name != "location":
            clean = _pixels if name in _NUMBERS else _text
            facts[name] = [clean(values[row]) for row in kept]
    return {name: _storable(values) for name, values in facts.items()}


def _address(value: object) -> str:
    """Return an http(s) address without a user and password, which nobody is sent or told."""
    text = _USER.sub(r"\1", value.strip()) if isinstance(value, str) else ""
    is_web = text[:8].lower().startswith(("http://", "https://")) and "\ufffd" not in text
    return text if is_web and len(text) <= _LONGEST_TEXT else ""


def _text(value: object) -> str:
    return str(value).strip()[:_LONGEST_TEXT] if isinstance(value, str | int) else ""


def _pixels(value: object) -> int:
    """Return a size in pixels given as a number or its digits; 0 where it is neither."""
    try:
        number = int(float(value)) if isinstance(value, str | int | float) else 0
    except (ValueError, OverflowError):
        return 0
    return number if 0 < number <= _LARGEST_SIDE_PX else 0


def _storable(values: Sequence[Any]) -> Sequence[Any]:
    """Replace lone surrogates, which JSON can name and no file can hold."""
    try:
        "".join(value for value in values if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return [
            value.encode(errors="replace").decode() if isinstance(value, str) else value
            for value in values
        ]
    return values
