"""Images that have to go: their posts were withdrawn, or somebody asked for it.

They are deleted and remembered by their hash alone, so that no later download brings them back.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from cosmop.collecting.arrivals import Arrival, Arrivals
from cosmop.collecting.candidates import canonical_url
from cosmop.collecting.finishing import WITHDRAWN
from cosmop.collecting.json_lines import JsonLines
from cosmop.errors import InputError
from cosmop.imaging.store import ImageStore

logger = logging.getLogger(__name__)

REQUEST_COLUMNS = ("image", "reason")

_FILE = "withdrawn.jsonl"
_PLACES = ("image_id", "location", "final_url", "page_url")


def find_withdrawn_images(
    withdrawn_posts: pd.DataFrame,
    requests: pd.DataFrame,
    candidates: pd.DataFrame,
    download_log: pd.DataFrame,
) -> pd.DataFrame:
    """Return which images have to go and why: ``image_id`` and ``reason``, each image once.

    Args:
        withdrawn_posts: Column ``post_id``; an image goes if nothing else named it.
        requests: Columns ``image`` (its id, its address or its page) and ``reason``; may be empty.
        candidates: See `cosmop.collecting.candidates.CANDIDATE_COLUMNS`.
        download_log: See `cosmop.collecting.download.LOG_COLUMNS`.

    Raises:
        InputError: The requests have other columns.
    """
    gone = images_of_withdrawn(candidates, download_log, withdrawn_posts["post_id"])
    found = [(image_id, "its post was withdrawn") for image_id in gone]
    found += _requested(requests, candidates, download_log)
    table = pd.DataFrame(found, columns=["image_id", "reason"], dtype="str")
    return table.drop_duplicates("image_id", ignore_index=True)


def images_of_withdrawn(
    candidates: pd.DataFrame, download_log: pd.DataFrame, withdrawn_ids: Iterable[str]
) -> list[str]:
    """Return the images that only withdrawn posts named, so that nothing else keeps them.

    An image stays if any other candidate gave the same bytes: another post, a search site, a file.
    Of several posts with one address a candidate names the first only.

    Args:
        candidates: Columns ``candidate_id``, ``post_id``; of all runs whose images are stored.
        download_log: Columns ``candidate_id``, ``image_id``, empty where nothing was stored.
        withdrawn_ids: Of posts; see `cosmop.collecting.post_compliance`.

    Returns:
        Image ids, sorted.
    """
    stored = download_log[["candidate_id", "image_id"]].dropna()
    stored = stored[stored["image_id"] != ""].merge(
        candidates[["candidate_id", "post_id"]].drop_duplicates(), on="candidate_id", how="left"
    )
    is_withdrawn = stored["post_id"].isin(set(withdrawn_ids))
    kept = set(stored.loc[~is_withdrawn, "image_id"])
    return sorted(set(stored.loc[is_withdrawn, "image_id"]) - kept)


def _requested(
    requests: pd.DataFrame, candidates: pd.DataFrame, download_log: pd.DataFrame
) -> list[tuple[str, str]]:
    if requests.empty:
        return []
    if tuple(requests.columns) != REQUEST_COLUMNS:
        raise InputError(
            f"Requests to remove images want the columns {list(REQUEST_COLUMNS)}, got "
            f"{list(requests.columns)}; name them so in the first line of the file."
        )
    stored = download_log[download_log["image_id"] != ""].merge(
        candidates[["candidate_id", "page_url"]], on="candidate_id"
    )
    places = pd.concat(
        [stored.set_index(_canonical(stored[place]))["image_id"] for place in _PLACES]
    )
    found = []
    for line, wanted, reason in requests.itertuples():
        known = places.index == canonical_url(wanted)
        found += [(image_id, reason or "asked for") for image_id in places[known].unique()]
        if not known.any():
            logger.warning("Request %s: nothing that was stored is, or came from, %s", line, wanted)
    return found


def _canonical(places: "pd.Series[str]") -> "pd.Series[str]":
    return places.map(canonical_url)


def withdraw_images(reasons: Mapping[str, str], store: ImageStore, work: Path) -> None:
    """Delete images and their thumbnails for good, and note it in the journal of downloads.

    Written down first: killed in between, the same call ends what it began. A second call with the
    same images changes nothing.

    Args:
        reasons: Image id to why it has to go.
        store: Where the images lie.
        work: The downloads' work folder.

    Raises:
        InputError: A download is running in `work`.
    """
    with Arrivals(work) as arrivals:
        _remember(reasons, work)
        table = arrivals.table(("candidate_id", "image_id", "fingerprint", "final_url"))
        rows = table[table["image_id"].isin(reasons)]
        for candidate, image_id, fingerprint, url in rows.itertuples(index=False):
            arrivals.append(
                Arrival(
                    candidate_id=candidate,
                    fingerprint=fingerprint,
                    problem_kind=WITHDRAWN,
                    reason=f"withdrawn: {reasons[image_id]}",
                    is_temporary=False,
                    final_url=url,
                )
            )
        arrivals.sync()
        for image_id in reasons:
            store.remove(image_id)


def _remember(reasons: Mapping[str, str], work: Path) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    with JsonLines(work / _FILE) as lines:
        known = {row["image_id"] for row in lines.rows}
        for image_id in reasons.keys() - known:
            reason = reasons[image_id]
            lines.append({"image_id": image_id, "reason": reason, "withdrawn_at": at})


def withdrawn_ids(work: Path) -> frozenset[str]:
    """Return the images that were withdrawn for good from downloads into `work`."""
    with JsonLines(work / _FILE) as lines:
        return frozenset(row["image_id"] for row in lines.rows)
