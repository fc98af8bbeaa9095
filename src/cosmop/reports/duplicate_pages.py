"""Pages on which a person reviews the groups of duplicates: what is kept, what is not, and why."""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.decoding import ACCEPTED_FORMATS, upright_rgb
from cosmop.imaging.image_set import ImageSet
from cosmop.reports.duplicate_page_options import DuplicatePageOptions
from cosmop.reports.page_templates import page_template
from cosmop.reports.thumbnails import data_uri

__all__ = ["DuplicatePageOptions", "DuplicatePages", "duplicate_pages"]

logger = logging.getLogger(__name__)

INDEX = "index.html"


@dataclass(frozen=True)
class Copy:
    """One picture of a group, and what is known of it."""

    image_id: str
    uri: str
    is_kept: bool
    bits: int
    size: str
    source: str
    page_url: str
    notes: Sequence[str]


@dataclass(frozen=True)
class Group:
    """One group: its number and size, the bits to the farthest copy, and the pictures shown."""

    number: int
    count: int
    farthest: int
    copies: Sequence[Copy]


@dataclass(frozen=True)
class PageFacts:
    """What is said of a page before it is made."""

    name: str
    numbers: Sequence[int]
    pictures: int
    farthest: int
    nearest: int


@dataclass(frozen=True, eq=False)
class DuplicatePages:
    """The pages as pairs of a file name and its HTML, made one at a time while iterated over.

    Attributes:
        pages: What lies on each page.
        summary: Label and value of the headline figures.
    """

    images: ImageSet
    rows: pd.DataFrame = field(repr=False)
    pages: Sequence[PageFacts]
    summary: Sequence[tuple[str, str]]
    options: DuplicatePageOptions

    def __len__(self) -> int:
        return max(1, len(self.pages)) + (len(self.pages) > 1)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        if len(self.pages) != 1:
            yield INDEX, _render(self, None, [])
        for page in self.pages:
            yield page.name, _render(self, page, self._groups(page))

    def _groups(self, page: PageFacts) -> Iterator[Group]:
        here = self.rows[self.rows["group_id"].isin(page.numbers)]
        members = dict(iter(here.groupby("group_id", sort=False)))
        for number in page.numbers:
            group = members[number]
            shown = group.head(self.options.pictures_per_group)
            copies = [_copy(row, self.images, self.options) for row in shown.to_dict("records")]
            yield Group(number, len(group), int(group["distance_to_kept"].max()), copies)


def duplicate_pages(
    images: ImageSet,
    groups: pd.DataFrame,
    hashes: pd.DataFrame | None = None,
    options: DuplicatePageOptions | None = None,
) -> DuplicatePages:
    """Lay out all groups of more than one image on self-contained pages, the widest first.

    Args:
        images: The set that was grouped.
        groups: From `cosmop.imaging.duplicates.group_duplicates`.
        hashes: From `cosmop.imaging.phash.hash_image_set`, to say which hashes tell little.
        options: How many groups a page holds, and how large the pictures are.

    Returns:
        The pages, ``index.html`` first; pictures are read while iterating, one page at a time. Text
        from the tables is escaped.

    Raises:
        InputError: A grouped image is not in `images`.
    """
    options = options or DuplicatePageOptions()
    rows = _rows(images, groups, hashes)
    pages = _paginate(rows, options)
    copies = len(rows) - rows["group_id"].nunique()
    farthest = int(rows["distance_to_kept"].max()) if len(rows) else 0
    summary = [
        ("images", f"{len(groups):,}"),
        ("groups of copies", f"{rows['group_id'].nunique():,}"),
        ("set aside as copies", f"{copies:,}"),
        ("farthest copy", f"{farthest} bits" if len(rows) else "none"),
    ]
    return DuplicatePages(images, rows, pages, summary, options)


def _rows(images: ImageSet, groups: pd.DataFrame, hashes: pd.DataFrame | None) -> pd.DataFrame:
    """Return the members of groups with copies, each group's kept image first, then the farthest.

    Columns of `groups`, then those of the manifest, and ``low_information`` where it is known.
    """
    sizes = groups["group_id"].map(groups["group_id"].value_counts())
    rows = groups[sizes > 1].sort_values(
        ["group_id", "is_kept", "distance_to_kept"], ascending=[True, False, False], kind="stable"
    )
    known = images.manifest
    known = known[["image_id", *(name for name in known if name not in rows)]]
    rows = rows.merge(known, on="image_id", how="left")
    missing = rows["path"].isna()
    if missing.any():
        raise InputError(
            f"The duplicate review wants the image set that was grouped, but {int(missing.sum())} "
            f"grouped images are not in it, first {rows['image_id'][missing].iloc[0]!r}; group the "
            "images of this set again."
        )
    if hashes is None:
        return rows
    told = hashes[["image_id", "low_information"]].drop_duplicates("image_id")
    return rows.merge(told, on="image_id", how="left")


def _paginate(rows: pd.DataFrame, options: DuplicatePageOptions) -> list[PageFacts]:
    """Fill pages with groups, those with the farthest copies first, then the largest."""
    groups = rows.groupby("group_id").agg(
        farthest=("distance_to_kept", "max"), count=("image_id", "size")
    )
    groups = groups.reset_index().sort_values(
        ["farthest", "count", "group_id"], ascending=[False, False, True]
    )
    shown = groups["count"].clip(upper=options.pictures_per_group)
    groups = groups.assign(page=_page_numbers(shown.tolist(), options), shown=shown)
    several = groups["page"].nunique() > 1
    return [
        PageFacts(
            f"page-{int(str(page)) + 1:04d}.html" if several else INDEX,
            part["group_id"].tolist(),
            int(part["shown"].sum()),
            int(part["farthest"].max()),
            int(part["farthest"].min()),
        )
        for page, part in groups.groupby("page")
    ]


def _page_numbers(shown: Sequence[int], options: DuplicatePageOptions) -> list[int]:
    """Return the page of each group, by how many pictures it shows; pages are filled in turn."""
    page, page_of, on_page, pictures = 0, [], 0, 0
    for count in shown:
        is_full = on_page == options.groups_per_page
        if on_page and (is_full or pictures + count > options.pictures_per_page):
            page, on_page, pictures = page + 1, 0, 0
        page_of.append(page)
        on_page, pictures = on_page + 1, pictures + count
    return page_of


def _copy(row: dict[Any, Any], images: ImageSet, options: DuplicatePageOptions) -> Copy:
    return Copy(
        image_id=row["image_id"],
        uri=_thumbnail(images.store.root / row["path"], options),
        is_kept=bool(row["is_kept"]),
        bits=int(row["distance_to_kept"]),
        size=_size(row),
        source=" · ".join(_words(row, name) for name in ("source", "query") if _words(row, name)),
        page_url=_link(row),
        notes=_notes(row),
    )


def _thumbnail(file: Path, options: DuplicatePageOptions) -> str:
    """Return the picture as a data URI, empty when it cannot be read."""
    try:
        with Image.open(file, formats=ACCEPTED_FORMATS) as image:
            image.draft(None, (2 * options.thumbnail_px, 2 * options.thumbnail_px))
            upright = upright_rgb(image)
        return data_uri(upright, options.thumbnail_px, options.jpeg_quality)[0]
    except (OSError, SyntaxError, ValueError) as error:
        logger.warning("The duplicate review leaves out image %s: %s", file.name, error)
        return ""


def _size(row: dict[Any, Any]) -> str:
    pixels = f"{int(row['width'])} × {int(row['height'])}"
    number = row.get("bytes")
    if number is None or math.isnan(number):
        return pixels
    return f"{pixels} · {number / 1000:,.0f} kB"


def _words(row: dict[Any, Any], name: str) -> str:
    value = row.get(name)
    return " ".join(value.split()) if isinstance(value, str) else ""


def _link(row: dict[Any, Any]) -> str:
    address = _words(row, "page_url")
    return address if address.startswith(("https://", "http://")) else ""


def _notes(row: dict[Any, Any]) -> list[str]:
    notes = [row["reason"]]
    if row.get("low_information") is True:
        notes.append("too plain to hash: matches exact copies only")
    return notes


def _render(pages: DuplicatePages, page: PageFacts | None, groups: Any) -> str:
    names = [INDEX if len(pages.pages) < 2 else other.name for other in pages.pages]
    at = None if page is None else names.index(page.name)
    return page_template("duplicates.html").render(
        pages=pages.pages,
        page=page,
        number=None if at is None else at + 1,
        before=names[at - 1] if at else None,
        after=None if at is None or at + 1 == len(names) else names[at + 1],
        groups=groups,
        summary=pages.summary,
        several=len(pages.pages) > 1,
    )
