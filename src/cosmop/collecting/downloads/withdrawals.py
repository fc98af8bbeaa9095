"""Images that have to go: their posts were withdrawn, or somebody asked for it.

They are deleted and remembered by their hash alone, so that no later download brings them back. An
address without an image here is remembered by the hash of the address: it is never asked.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cosmop.collecting.candidates import candidate_id, canonical_url
from cosmop.collecting.downloads.arrivals import Arrival, Arrivals
from cosmop.collecting.downloads.finishing import WITHDRAWN
from cosmop.collecting.json_lines import JsonLines
from cosmop.errors import InputError
from cosmop.imaging.store import ImageStore

logger = logging.getLogger(__name__)

REQUEST_COLUMNS = ("image", "reason")

_FILE = "withdrawn.jsonl"
_ARRIVAL_COLUMNS = (
    *("candidate_id", "image_id", "original_sha256", "fingerprint", "final_url", "problem_kind"),
)
_PLACES = ("image_id", "location", "final_url", "page_url")
_IMAGE_ID = re.compile(r"[0-9a-fA-F]{64}")
_POST = re.compile(
    r"https?://(?:\w+\.)?(?:x|twitter)\.com/[^/]+/status/(\d+)|(\d{15,20})$", re.IGNORECASE
)


def find_withdrawn_images(
    withdrawn_posts: pd.DataFrame,
    requests: pd.DataFrame,
    candidates: pd.DataFrame,
    download_log: pd.DataFrame,
) -> pd.DataFrame:
    """Return what has to go and why: ``image_id``, ``candidate_id`` and ``reason``, each once.

    One of the ids is empty: an image goes with all that names it, a candidate is kept from coming.

    Args:
        withdrawn_posts: Column ``post_id``; an image goes if nothing else named it.
        requests: Columns ``image`` (its id, its address, its page, or its post by
            address or id) and ``reason``; may
            be empty. An id or an address counts even if no image has it: it may come.
        candidates: See `cosmop.collecting.candidates.CANDIDATE_COLUMNS`.
        download_log: See `cosmop.collecting.downloads.download_tables.LOG_COLUMNS`.

    Raises:
        InputError: The requests lack a column.
    """
    gone = images_of_withdrawn(candidates, download_log, withdrawn_posts["post_id"])
    found = [(image_id, "", "its post was withdrawn") for image_id in gone]
    found += _requested(requests, candidates, download_log)
    table = pd.DataFrame(found, columns=["image_id", "candidate_id", "reason"], dtype="str")
    return table.drop_duplicates(["image_id", "candidate_id"], ignore_index=True)


def images_of_withdrawn(
    candidates: pd.DataFrame, download_log: pd.DataFrame, post_ids: Iterable[str]
) -> list[str]:
    """Return the images that only withdrawn posts named, so that nothing else keeps them.

    An image stays if any other candidate gave the same bytes: another post, a search site, a file.
    Of several posts with one address a candidate names the first only.

    Args:
        candidates: Columns ``candidate_id``, ``post_id``; of all runs whose images are stored.
        download_log: Columns ``candidate_id``, ``image_id``, empty where nothing was stored.
        post_ids: Those withdrawn; see `cosmop.collecting.posts.post_compliance`.

    Returns:
        Image ids, sorted.
    """
    stored = download_log[["candidate_id", "image_id"]].dropna()
    stored = stored[stored["image_id"] != ""].merge(
        candidates[["candidate_id", "post_id"]].drop_duplicates(), on="candidate_id", how="left"
    )
    is_withdrawn = stored["post_id"].isin(set(post_ids))
    kept = set(stored.loc[~is_withdrawn, "image_id"])
    return sorted(set(stored.loc[is_withdrawn, "image_id"]) - kept)


def _requested(
    requests: pd.DataFrame, candidates: pd.DataFrame, download_log: pd.DataFrame
) -> list[tuple[str, str, str]]:
    if requests.columns.empty:
        return []
    if not set(REQUEST_COLUMNS) <= set(requests.columns):
        raise InputError(
            f"Requests to remove images want the columns {list(REQUEST_COLUMNS)}, got "
            f"{list(requests.columns)}; name them so in the first line of the file."
        )
    known = _ids_by_place(candidates, download_log)
    found = []
    for line, wanted, reason in requests[list(REQUEST_COLUMNS)].itertuples():
        place = _place(wanted)
        ids = {(place, "")} if _IMAGE_ID.fullmatch(place) else known.get(place, set())
        if not ids:
            logger.warning(
                "Line %s of the removal requests names %r, but no image is or comes from that%s",
                *(line, wanted, "; as an address it is never fetched" * _is_address(place)),
            )
            ids = {("", candidate_id(place, "url"))} if _is_address(place) else set()
        found += [(*pair, reason or "asked for") for pair in sorted(ids)]
    return found


def _ids_by_place(
    candidates: pd.DataFrame, download_log: pd.DataFrame
) -> dict[str, set[tuple[str, str]]]:
    """Return what came of all addresses and files: an image, else the candidate."""
    log = download_log.merge(candidates[["candidate_id", "page_url"]], on="candidate_id")
    only_named = log["candidate_id"].where(log["image_id"] == "", "")
    pairs = list(zip(log["image_id"], only_named, strict=True))
    ids: dict[str, set[tuple[str, str]]] = {}
    for name in _PLACES:
        for place, pair in zip(log[name].map(_place), pairs, strict=True):
            ids.setdefault(place, set()).add(pair)
    ids.pop("", None)  # most images of a list come from no page
    return ids


def _place(text: str) -> str:
    """Return the one form of an id, an address or a file; a post's id and addresses are one."""
    if _IMAGE_ID.fullmatch(text):
        return text.lower()
    if post := _POST.match(text):
        return f"https://x.com/i/status/{post[1] or post[2]}"
    return canonical_url(text) if _is_address(text) else text


def _is_address(text: str) -> bool:
    return text[:4].lower() == "http"


def withdraw_images(gone: pd.DataFrame, store: ImageStore, work: Path) -> None:
    """Delete images and their thumbnails for good, and note it in the journal of downloads.

    Written down first: killed in between, the next call ends what this one began, whatever it is
    given. A second call with the same images changes nothing.

    Args:
        gone: See `find_withdrawn_images`; a candidate of it is never fetched.
        store: Where the images lie.
        work: The downloads' work folder.

    Raises:
        InputError: A download is running in `work`.
    """
    with Arrivals(work) as arrivals, JsonLines(work / _FILE) as lines:
        table = arrivals.table(_ARRIVAL_COLUMNS)
        _keep_away(_reasons(gone, "candidate_id"), table, arrivals)
        originals = dict(zip(table["image_id"], table["original_sha256"], strict=True))
        new = _remember(_reasons(gone, "image_id"), originals, lines)
        known = {str(row.get("image_id")): str(row.get("reason")) for row in lines.rows}
        for row in table[table["image_id"].isin(known)].itertuples():
            arrivals.append(_withdrawal(row, known[str(row.image_id)]))
        arrivals.sync()
        for name in _names(lines):
            store.remove(name)
    logger.info("%d images were withdrawn for good, %d of them now", len(known), new)


def _reasons(gone: pd.DataFrame, name: str) -> dict[str, str]:
    named = gone[gone[name] != ""]
    return dict(zip(named[name], named["reason"], strict=True))


def _keep_away(reasons: Mapping[str, str], table: pd.DataFrame, arrivals: Arrivals) -> None:
    known = set(table.loc[table["problem_kind"] == WITHDRAWN, "candidate_id"])
    for name in sorted(reasons.keys() - known):
        arrivals.append(
            Arrival(
                candidate_id=name,
                fingerprint="",
                problem_kind=WITHDRAWN,
                reason=f"withdrawn: {reasons[name]}",
            )
        )


def withdrawn_ids(work: Path) -> frozenset[str]:
    """Return what never comes back into downloads into `work`.

    These are the ids of images that were withdrawn, and the SHA-256 of the bytes that they were
    made of.
    """
    with JsonLines(work / _FILE) as lines:
        return _names(lines)


def _withdrawal(row: Any, reason: str) -> Arrival:
    return Arrival(
        candidate_id=row.candidate_id,
        fingerprint=row.fingerprint,
        problem_kind=WITHDRAWN,
        reason=f"withdrawn: {reason}",
        final_url=row.final_url,
    )


def _remember(reasons: Mapping[str, str], originals: Mapping[str, str], lines: JsonLines) -> int:
    """Write down what is new, and the hash of what came: other options make another image of it."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    known = {row.get("image_id") for row in lines.rows}
    new = sorted(reasons.keys() - known)
    for image_id in new:
        row = {"image_id": image_id, "original_sha256": originals.get(image_id, "")}
        lines.append(row | {"reason": reasons[image_id], "withdrawn_at": at})
    return len(new)


def _names(lines: JsonLines) -> frozenset[str]:
    names = (row.get(name) for row in lines.rows for name in ("image_id", "original_sha256"))
    return frozenset(str(name) for name in names if _IMAGE_ID.fullmatch(str(name)))
