"""The answers of the X API v2 about the photographs of the demo's gallery (docs.x.com/x-api)."""

from collections.abc import Mapping
from typing import Any

from cosmop.demo.gallery_photos import Photo, Photos, words_of

GALLERY_HOST = "gallery.test"
PROBLEMS = "https://api.twitter.com/2/problems/"

_FIRST_POST_ID = 1_800_000_000_000_000_000
_AUTHORS = ({"id": "7", "name": "Gallery", "username": "gallery"},)


def posts_page(
    photos: list[Photo], start: int, size: int, parameters: Mapping[str, str]
) -> dict[str, Any]:
    """Return one page of recent search as the API words it (docs.x.com, Posts search recent)."""
    shown = photos[start : start + size]
    if not shown:
        return {"meta": {"result_count": 0}}
    expansions = parameters.get("expansions", "").split(",")
    meta: dict[str, Any] = {
        "newest_id": max(map(_post_id, shown)),
        "oldest_id": min(map(_post_id, shown)),
        "result_count": len(shown),
    }
    if len(photos) > start + size:
        meta["next_token"] = f"b{start + size}"
    wanted = {
        *parameters.get("tweet.fields", "").split(","),
        *(e.split(".")[0] for e in expansions),
    }
    page: dict[str, Any] = {"data": [_post(photo, wanted) for photo in shown], "meta": meta}
    includes: dict[str, Any] = {}
    if "attachments.media_keys" in expansions:
        fields = set(parameters.get("media.fields", "").split(","))
        includes["media"] = [_media(photo, fields) for photo in shown]
    if "author_id" in expansions:
        includes["users"] = list(_AUTHORS)
    return {**page, "includes": includes} if includes else page


def posts_between(photos: list[Photo], parameters: Mapping[str, str]) -> list[Photo]:
    """Return the photos whose posts lie between ``since_id`` and ``until_id``, both left out."""
    low, high = parameters.get("since_id", "0"), parameters.get("until_id", "9" * 19)
    bounds = int(low) if low.isdecimal() else 0, int(high) if high.isdecimal() else 0
    return [photo for photo in photos if bounds[0] < int(_post_id(photo)) < bounds[1]]


def posts_looked_up(photos: Photos, ids: list[str]) -> dict[str, Any]:
    """Return the posts that are there, and one error for each that is not."""
    known = {_post_id(photo): photo for photo in photos.by_file.values()}
    answer: dict[str, Any] = {
        "data": [_post(known[post_id], set()) for post_id in ids if post_id in known],
        "errors": [
            {
                "value": post_id,
                "resource_id": post_id,
                "resource_type": "tweet",
                "parameter": "ids",
                "title": "Not Found Error",
                "detail": f"Could not find tweet with ids: [{post_id}].",
                "type": f"{PROBLEMS}resource-not-found",
            }
            for post_id in ids
            if post_id not in known
        ],
    }
    return {name: items for name, items in answer.items() if items}


def _post_id(photo: Photo) -> str:
    return str(_FIRST_POST_ID + photo.number)


def _post(photo: Photo, wanted: set[str]) -> dict[str, Any]:
    hashtags = " ".join(f"#{word}" for word in words_of(photo.keywords))
    optional = {
        "created_at": photo.taken_at,
        "lang": "en",
        "possibly_sensitive": False,
        "author_id": _AUTHORS[0]["id"],
        "attachments": {"media_keys": [f"3_{_post_id(photo)}"]},
    }
    fixed = {
        "id": _post_id(photo),
        "edit_history_tweet_ids": [_post_id(photo)],
        "text": f"{photo.title} {hashtags}".strip(),
    }
    return fixed | {name: value for name, value in optional.items() if name in wanted}


def _media(photo: Photo, fields: set[str]) -> dict[str, Any]:
    width, height = photo.size
    optional = {
        "url": f"http://{GALLERY_HOST}{photo.address}",
        "width": width,
        "height": height,
        "alt_text": photo.title,
    }
    fixed = {"media_key": f"3_{_post_id(photo)}", "type": "photo"}
    return fixed | {name: value for name, value in optional.items() if name in fields}
