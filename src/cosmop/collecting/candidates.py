"""Candidate rows: where an image was found, before anything of it has been fetched."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pandas as pd

CANDIDATE_COLUMNS = (
    "candidate_id",
    "source",
    "query",
    "rank",
    "kind",
    "location",
    "page_url",
    "title",
    "author",
    "licence",
    "source_path",
    "found_at",
)

Status = Literal["ok", "no_results", "blocked", "layout_changed", "timeout", "failed"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKING = {
    *("_ga", "dclid", "fbclid", "gclid", "igshid", "mc_cid", "mc_eid", "msclkid", "ref_src"),
    *("ref_url", "yclid"),
}
_PHOTO_HOST_OF_X = "pbs.twimg.com"


@dataclass(frozen=True)
class FoundImage:
    """One image a source named; `location` is a URL or, from a folder, an absolute path.

    `source_path` is the path relative to the folder; empty for the web.
    """

    location: str
    page_url: str = ""
    title: str = ""
    author: str = ""
    licence: str = ""
    source_path: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one query gave: a status, the images in the order shown, and why there are not more."""

    status: Status
    found: tuple[FoundImage, ...] = ()
    reason: str = ""


class Searcher(Protocol):
    """Something that answers a query with an `Outcome` and never raises for the web's sake."""

    how: str

    def find(self, query: str, limit: int) -> Outcome:
        """Return at most `limit` images for `query`."""
        ...


def canonical_url(url: str) -> str:
    """Return the form of `url` by which two candidates count as the same image.

    Scheme and host in lower case, no default port, no user, no fragment, no tracking parameters;
    of a photo of X (``pbs.twimg.com``) the size variant is dropped. An address that cannot be
    parsed is returned as it came.
    """
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
    path = parts.path or "/"
    if host == _PHOTO_HOST_OF_X:
        path, query = _canonical_photo_of_x(path, query)
    return urlunsplit((scheme, netloc, path, urlencode(query), ""))


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
    found_at = datetime.now(UTC).isoformat(timespec="seconds")
    return [
        {
            "candidate_id": candidate_id(image.location, kind),
            "source": source,
            "query": query,
            "rank": rank,
            "kind": kind,
            "location": image.location,
            "page_url": image.page_url,
            "title": image.title,
            "author": image.author,
            "licence": image.licence,
            "source_path": image.source_path,
            "found_at": found_at,
        }
        for rank, image in enumerate(found, start=1)
    ]


def candidate_table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return the table of candidates, each canonical location once, the first one kept."""
    table = pd.DataFrame(list(rows), columns=list(CANDIDATE_COLUMNS))
    table = table.drop_duplicates("candidate_id", ignore_index=True)
    return table.astype({"rank": "int64"})
