"""Candidate rows: where an image was found, before anything of it has been fetched."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pandas as pd

from cosmop.collecting.web.dot_segments import without_dot_segments

_TEXT_FACTS = (
    *("location", "thumbnail_url", "page_url", "title", "alt_text", "author", "licence"),
    *("licence_url", "post_id", "author_id", "posted_at", "source_path"),
)
_FACTS = (*_TEXT_FACTS, "claimed_width", "claimed_height", "possibly_sensitive")
CANDIDATE_COLUMNS = ("candidate_id", "source", "query", "rank", "kind", *_FACTS, "found_at")

Status = Literal["ok", "no_results", "consent", "blocked", "layout_changed", "timeout", "failed"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKING = {
    *("_ga", "dclid", "fbclid", "gclid", "igshid", "mc_cid", "mc_eid", "msclkid", "ref_src"),
    *("ref_url", "yclid"),
}
_PHOTO_HOST_OF_X = "pbs.twimg.com"

_WORD = r"[A-Za-z0-9._~-]"
_UNRESERVED = "%(?:2[DEde]|3\\d|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee])"
_PARAMETER = rf"(?!(?i:utm_|(?:{'|'.join(sorted(_TRACKING))})=)){_WORD}+={_WORD}*"
# Most addresses are canonical already; to see that is much quicker than to write them anew.
_ALREADY_CANONICAL = re.compile(
    rf"(?![^?]*(?:/\.|{_UNRESERVED}))"
    rf"https?://(?!{re.escape(_PHOTO_HOST_OF_X)})[a-z0-9-]+(?:\.[a-z0-9-]+)*"
    rf"/[!-\"$->@-~]*(?:\?{_PARAMETER}(?:&{_PARAMETER})*)?"
)
_UNRESERVED_ESCAPE = re.compile(_UNRESERVED)


@dataclass(frozen=True)
class FoundImage:
    """One image a source named, with what the source says about it.

    Attributes:
        location: A URL or, from a folder, an absolute path.
        thumbnail_url: A small version on the search site.
        page_url: The page that shows the image.
        title: Of the image or its page; of a post its text.
        alt_text: What a post's author wrote for those who cannot see it.
        author: A name.
        licence: As the source words it, such as ``"by-sa 4.0"``.
        licence_url: Its text.
        post_id: Of the X API.
        author_id: Of the X API.
        posted_at: ISO 8601, UTC.
        source_path: Relative to the folder; empty for the web.
        claimed_width: In pixels, 0 where nothing is claimed.
        claimed_height: In pixels, 0 where nothing is claimed.
        possibly_sensitive: What X thinks of a post.
    """

    location: str
    thumbnail_url: str = ""
    page_url: str = ""
    title: str = ""
    alt_text: str = ""
    author: str = ""
    licence: str = ""
    licence_url: str = ""
    post_id: str = ""
    author_id: str = ""
    posted_at: str = ""
    source_path: str = ""
    claimed_width: int = 0
    claimed_height: int = 0
    possibly_sensitive: bool = False


@dataclass(frozen=True)
class Outcome:
    """What one query gave: a status, the images in the order shown, and why there are not more.

    `evidence` names the file in which a page that was not understood is kept.
    """

    status: Status
    found: tuple[FoundImage, ...] = ()
    reason: str = ""
    evidence: str = ""


class Searcher(Protocol):
    """Something that answers a query with an `Outcome` and never raises for the web's sake."""

    how: str

    def find(self, query: str, limit: int) -> Outcome:
        """Return at most `limit` images for `query`."""
        ...


def canonical_url(url: str) -> str:
    """Return the form of `url` by which two candidates count as the same image.

    Scheme and host in lower case, no default port, no user, no fragment, no tracking parameters,
    no dot segments, no escapes of letters, digits and ``-._~`` (RFC 3986, section 6.2.2); of a
    photo of X (``pbs.twimg.com``) the size variant is dropped. An address that cannot be parsed is
    returned as it came.
    """
    return url if _ALREADY_CANONICAL.fullmatch(url) else _written_anew(url)


def _written_anew(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url.strip()
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    netloc = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS.get(scheme):
        netloc = f"{netloc}:{port}"
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name.lower() not in _TRACKING and not name.lower().startswith("utm_")
    ]
    path = without_dot_segments(_UNRESERVED_ESCAPE.sub(_plain, parts.path)) or "/"
    if host == _PHOTO_HOST_OF_X:
        path, query = _canonical_photo_of_x(path, query)
    return urlunsplit((scheme, netloc, path, urlencode(query), ""))


def _plain(escape: re.Match[str]) -> str:
    return chr(int(escape[0][1:], 16))


def _canonical_photo_of_x(
    path: str, query: list[tuple[str, str]]
) -> tuple[str, list[tuple[str, str]]]:
    """Write ``/media/A?format=jpg&name=small`` as ``/media/A.jpg``: one photo, one address."""
    extension = dict(query).get("format")
    has_extension = "." in path.rpartition("/")[2]
    path = f"{path}.{extension}" if extension and not has_extension else path
    return path, [item for item in query if item[0] not in ("format", "name")]


def candidate_id(location: str, kind: str) -> str:
    """Return a stable id (16 hex digits) of the canonical location."""
    canonical = canonical_url(location) if kind == "url" else location
    return hashlib.sha256(f"{kind} {canonical}".encode(errors="surrogatepass")).hexdigest()[:16]


def candidate_rows(
    found: Iterable[FoundImage], *, source: str, query: str, kind: Literal["url", "file"]
) -> list[dict[str, Any]]:
    """Return one row per found image, ranked from 1 in the order given."""
    facts = facts_of(list(found))
    frame = candidate_frame(facts, source=source, query=query, kind=kind)
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]


def facts_of(found: Sequence[FoundImage]) -> dict[str, list[Any]]:
    """Return the facts column by column; columns that say nothing are left out."""
    columns = {name: [getattr(image, name) for image in found] for name in _FACTS}
    return {name: values for name, values in columns.items() if name == "location" or any(values)}


def candidate_frame(
    facts: Mapping[str, Sequence[Any]],
    *,
    source: str,
    query: str,
    kind: Literal["url", "file"],
    first_rank: int = 1,
) -> pd.DataFrame:
    """Return one row per location, with all of `CANDIDATE_COLUMNS`.

    Args:
        facts: Name of a `FoundImage` attribute to its values; ``location`` is needed, all others
            are empty where they are missing.
        source: Becomes the column of that name, as do `query` and `kind`.
        query: Empty for lists and folders.
        kind: Whether the locations are URLs or files.
        first_rank: Of the first row.
    """
    locations = facts["location"]
    columns: dict[str, Any] = dict.fromkeys(_TEXT_FACTS, "") | {
        **{"claimed_width": 0, "claimed_height": 0, "possibly_sensitive": False},
        **facts,
        "candidate_id": [candidate_id(location, kind) for location in locations],
        **{"source": source, "query": query, "kind": kind},
        "rank": range(first_rank, first_rank + len(locations)),
        "found_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    frame = pd.DataFrame(columns, index=range(len(locations)))
    return _typed(frame[list(CANDIDATE_COLUMNS)])


def candidate_table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return the table of candidates, each canonical location once, the first one kept."""
    table = pd.DataFrame(list(rows), columns=list(CANDIDATE_COLUMNS))
    return _typed(table.drop_duplicates("candidate_id", ignore_index=True))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    numbers = dict.fromkeys(("rank", "claimed_width", "claimed_height"), "int64")
    texts = dict.fromkeys(set(CANDIDATE_COLUMNS) - {*numbers, "possibly_sensitive"}, "str")
    return table.astype({**numbers, **texts, "possibly_sensitive": "bool"})
