"""From pages of posts to photos: joining media to their posts, and asking for originals."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from cosmop.collecting.candidates import FoundImage
from cosmop.collecting.posts.post_archive import Page, dict_at, is_post_id, media_keys, objects

_PHOTO_HOST = "pbs.twimg.com"
_LARGEST_SIDE_PX = 1_000_000


def photos_of(pages: Iterable[Page], *, with_sensitive: bool) -> list[FoundImage]:
    """Return the photos of all pages, the newest post first, each post as it was read last.

    Videos, and media without an address (deleted, withheld), are left out.
    """
    by_post: dict[str, list[FoundImage]] = {}
    for page in pages:
        for post in objects(page.body, "data"):
            post_id = str(post.get("id", ""))
            if is_post_id(post_id) and (
                with_sensitive or post.get("possibly_sensitive") is not True
            ):
                by_post[post_id] = _photos(post, dict_at(page.body, "includes"))
    return [photo for key in sorted(by_post, key=int, reverse=True) for photo in by_post[key]]


def _photos(post: Mapping[str, Any], includes: Mapping[str, Any]) -> list[FoundImage]:
    media = {str(item.get("media_key")): item for item in objects(includes, "media")}
    names = {str(user.get("id")): _text(user, "username") for user in objects(includes, "users")}
    attached = [media[key] for key in media_keys(post) if key in media]
    return [
        FoundImage(
            location=original_url(_text(item, "url")),
            page_url=f"https://x.com/i/status/{post['id']}",
            title=_text(post, "text"),
            alt_text=_text(item, "alt_text"),
            author=names.get(str(post.get("author_id")), ""),
            post_id=str(post["id"]),
            author_id=_text(post, "author_id"),
            posted_at=_moment(_text(post, "created_at")),
            claimed_width=_pixels(item, "width"),
            claimed_height=_pixels(item, "height"),
            possibly_sensitive=post.get("possibly_sensitive") is True,
        )
        for item in attached
        if item.get("type") == "photo" and _text(item, "url")
    ]


def original_url(url: str) -> str:
    """Return the address of the photo as it was uploaded; without ``name`` X serves 1200 pixels.

    What `cosmop.collecting.candidates.canonical_url` makes of it stays the same.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if parts.hostname != _PHOTO_HOST:
        return url
    query = dict(parse_qsl(parts.query)) | {"name": "orig"}
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))


def partial_errors(pages: Iterable[Page]) -> str:
    """Count the errors that came with answers, such as media that are gone, by their titles."""
    titles = Counter(
        _text(e, "title") or "no title" for p in pages for e in objects(p.body, "errors")
    )
    if not titles:
        return ""
    kinds = ", ".join(f"{title} {count}" for title, count in sorted(titles.items()))
    return f"{titles.total()} partial errors ({kinds})"


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _pixels(item: Mapping[str, Any], name: str) -> int:
    value = item.get(name)
    return value if type(value) is int and 0 < value <= _LARGEST_SIDE_PX else 0


def _moment(text: str) -> str:
    """Return an API timestamp as ISO 8601 in UTC; empty where it is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="seconds")
    except ValueError:
        return ""
