"""Pages of posts as they came, so that nothing is paid twice and what was withdrawn stays away."""

import csv
import io
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pandas as pd

from cosmop.collecting.json_lines import FolderLock, JsonLines
from cosmop.errors import InputError, first_line

logger = logging.getLogger(__name__)

WITHDRAWN_COLUMNS = ("post_id", "reason", "found_at")
_POST_ID = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True)
class Page:
    """One answer of a search.

    Attributes:
        search: Which search it belongs to: archive, times and query.
        sweep: A sweep goes from the newest post to the oldest, page by page; the first is 0.
        since_id: The sweep's lower end, a post that was known before; may be empty.
        until_id: Its upper end, where it began anew below a known post; may be empty.
        body: ``data``, ``includes``, ``errors`` and ``meta`` as the API words them.
        read_at: ISO 8601, UTC.
    """

    search: str
    sweep: int
    since_id: str
    until_id: str
    body: dict[str, Any]
    read_at: str

    @property
    def next_token(self) -> str:
        """What asks for the page after this one; empty on the last page."""
        return str(dict_at(self.body, "meta").get("next_token") or "")

    @property
    def post_ids(self) -> list[str]:
        """The ids in the order shown."""
        ids = [str(post.get("id")) for post in objects(self.body, "data")]
        return [text for text in ids if is_post_id(text)]

    @property
    def extremes(self) -> list[int]:
        """Its newest and oldest id as the API told them, posts withdrawn since included."""
        meta = dict_at(self.body, "meta")
        told = [str(meta.get(name, "")) for name in ("newest_id", "oldest_id")]
        return [int(text) for text in [*told, *self.post_ids] if is_post_id(text)]


def objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects in the list `name` of an answer; whatever else is there is left out."""
    items = body.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def dict_at(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object `name` of an answer; an empty one if there is none."""
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def is_post_id(text: str) -> bool:
    """Tell whether X can have given this id: a positive number of 64 bits, in plain digits."""
    return bool(_POST_ID.fullmatch(text)) and 0 < int(text) < 2**63


def texts(row: Mapping[str, Any], name: str) -> list[str]:
    """Return the list `name` as texts; an empty one if there is none."""
    items = row.get(name)
    return [str(item) for item in items] if isinstance(items, list) else []


class PostArchive:
    """The pages in ``folder/pages.jsonl``, and in ``folder/withdrawn.csv`` the ids to keep out.

    One process at a time. A line is on disk before the next page is asked for; all pages are held
    in memory (about 1 KB per post).

    Args:
        folder: Where both files are.
        shows_old: Whether searches see pages that were there before this object.

    Raises:
        InputError: Another process works in `folder`, or its ``withdrawn.csv`` is broken.
    """

    def __init__(self, folder: Path, *, shows_old: bool = True) -> None:
        self._lock = FolderLock(folder)
        self._withdrawn_file = folder / "withdrawn.csv"
        try:
            self._withdrawn = _read_withdrawn(self._withdrawn_file)
        except InputError:
            self._lock.close()
            raise
        self._file = JsonLines(folder / "pages.jsonl")
        self._pages = [Page(**row) for row in self._file.rows if _is_page(row)]
        self._first = 0 if shows_old else len(self._pages)
        if any(self._withdrawn.keys() & set(page.post_ids) for page in self._pages):
            self._rewrite()  # a pass was killed between its two files

    def pages(self, search: str) -> list[Page]:
        """Return the pages of one search in the order they came."""
        return [page for page in self._pages[self._first :] if page.search == search]

    def unfinished(self, search: str) -> list[Page]:
        """Return the last page of each sweep that has a next one, the newest sweep first."""
        last = {page.sweep: page for page in self.pages(search)}
        return [last[sweep] for sweep in sorted(last, reverse=True) if last[sweep].next_token]

    def append(self, page: Page) -> None:
        """Keep `page` without the posts that were withdrawn."""
        kept = Page(**vars(page) | {"body": _without(page.body, self._withdrawn.keys())})
        self._file.append(vars(kept))
        self._pages.append(kept)

    @property
    def post_ids(self) -> list[str]:
        """All archived posts, each once, the oldest first."""
        ids = {post_id for page in self._pages for post_id in page.post_ids}
        return sorted(ids, key=lambda text: (len(text), text))

    @property
    def withdrawn(self) -> pd.DataFrame:
        """All posts ever withdrawn: post_id, reason, found_at."""
        return pd.DataFrame(self._withdrawn.values(), columns=list(WITHDRAWN_COLUMNS), dtype=str)

    def withdraw(self, reasons: Mapping[str, str]) -> None:
        """Forget posts but for their ids; a kill in between is made up for at the next opening."""
        new = {key: reason for key, reason in reasons.items() if key not in self._withdrawn}
        if not new:
            return
        found_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._withdrawn |= {key: (key, reason, found_at) for key, reason in new.items()}
        _write_withdrawn(self._withdrawn_file, self._withdrawn.values())
        self._rewrite()

    def _rewrite(self) -> None:
        gone = self._withdrawn.keys()
        self._pages = [Page(**vars(p) | {"body": _without(p.body, gone)}) for p in self._pages]
        self._file.replace([vars(page) for page in self._pages])

    def close(self) -> None:
        """Close the files and let other processes in."""
        self._file.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_TYPES = {"search": str, "sweep": int, "since_id": str, "until_id": str, "body": dict}
_TYPES |= {"read_at": str}


def _is_page(row: Mapping[str, Any]) -> bool:
    return {name: type(value) for name, value in row.items()} == _TYPES


def _without(body: dict[str, Any], gone: Iterable[str]) -> dict[str, Any]:
    """Return an answer without some posts, their media, their authors and their errors."""
    gone = set(gone)
    posts = [post for post in objects(body, "data") if str(post.get("id")) not in gone]
    if len(posts) == len(objects(body, "data")):
        return body
    keys = {key for post in posts for key in media_keys(post)}
    authors = {str(post.get("author_id")) for post in posts}
    includes = {
        "media": [m for m in objects(dict_at(body, "includes"), "media") if _key(m) in keys],
        "users": [
            u for u in objects(dict_at(body, "includes"), "users") if str(u.get("id")) in authors
        ],
    }
    kept = {name: body[name] for name in ("meta",) if name in body}
    return kept | {"data": posts, "includes": includes}


def media_keys(post: Mapping[str, Any]) -> list[str]:
    """Return the keys of what is attached to a post, in the order shown."""
    return texts(dict_at(post, "attachments"), "media_keys")


def _key(media: Mapping[str, Any]) -> str:
    return str(media.get("media_key", ""))


def _read_withdrawn(file: Path) -> dict[str, tuple[str, str, str]]:
    if not file.exists():
        return {}
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = [tuple(row[name] for name in WITHDRAWN_COLUMNS) for row in csv.DictReader(lines)]
    except (KeyError, ValueError, csv.Error) as error:
        raise InputError(
            f"The list of withdrawn posts {file} wants the columns {', '.join(WITHDRAWN_COLUMNS)} "
            f"in UTF-8, but cannot be read ({type(error).__name__}: {first_line(error)}); bring "
            "back a copy, for it keeps those posts away."
        ) from error
    return {post_id: (post_id, reason, found_at) for post_id, reason, found_at in rows}


def _write_withdrawn(file: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([WITHDRAWN_COLUMNS, *rows])
    aside = file.with_name(f"{file.name}.part")
    aside.write_text(text.getvalue(), encoding="utf-8")
    aside.replace(file)
