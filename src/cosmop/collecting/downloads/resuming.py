"""What earlier downloads have left to do."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cosmop.collecting.downloads.arrivals import Arrivals
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.downloads.finishing import WITHDRAWN
from cosmop.collecting.downloads.receiving import Wanted
from cosmop.imaging.store import ImageStore

_JUDGED_BY_OPTIONS = (
    *("not_an_image", "truncated", "too_small", "too_many_pixels", "too_long_shape"),
    *("too_many_frames", "undecodable", "too_long"),
)
_COLUMNS = (
    *("candidate_id", "fingerprint", "problem_kind", "is_temporary", "final_url", "attempts"),
    *("fetched_at", "image_id", "path", "bytes", "original_sha256"),
)


def remaining(
    candidates: pd.DataFrame, arrivals: Arrivals, store: ImageStore, options: DownloadOptions
) -> list[Wanted]:
    """Return the candidates that need work, each once, in their order.

    What was stored is done if the store has it with the right size, and a file of a folder has
    not been written since. What other options have stored or refused is judged again, out of the
    store if that has the original, else fetched. Of the failures, ``options.retry_failed`` chooses.
    """
    table = arrivals.table(_COLUMNS)
    table = table[table["candidate_id"].isin(candidates["candidate_id"])]
    has_failed = table["problem_kind"] != ""
    failed, stored = table[has_failed], table[~has_failed]
    lasting = failed[~_is_tried_again(failed, options)]
    stored = stored[_is_present(stored, store) & ~_is_outdated(stored, candidates)]
    is_same = stored["fingerprint"] == options.fingerprint
    done = {*lasting["candidate_id"], *stored["candidate_id"][is_same]}
    refused = failed[_is_judged_otherwise(failed, options) & ~_is_outdated(failed, candidates)]
    judged = pd.concat([stored[~is_same], refused])
    again = {row.candidate_id: _from_store(row, store) for row in judged.itertuples()}
    unique = candidates.drop_duplicates("candidate_id")
    places = zip(unique["candidate_id"], unique["kind"], unique["location"], strict=True)
    return [
        again.get(name) or Wanted(name, location, location if kind == "file" else "")
        for name, kind, location in places
        if name not in done
    ]


def _is_tried_again(failed: pd.DataFrame, options: DownloadOptions) -> "pd.Series[bool]":
    wish = options.retry_failed
    if isinstance(wish, tuple):
        is_wished = failed["problem_kind"].isin(wish)
    else:
        is_wished = failed["is_temporary"] & (wish == "temporary") | (wish == "all")
    is_kept_away = failed["problem_kind"] == WITHDRAWN
    return (_is_judged_otherwise(failed, options) | is_wished) & ~is_kept_away


def _is_judged_otherwise(failed: pd.DataFrame, options: DownloadOptions) -> "pd.Series[bool]":
    is_of_other_options = failed["fingerprint"] != options.fingerprint
    return is_of_other_options & failed["problem_kind"].isin(_JUDGED_BY_OPTIONS)


def _is_present(stored: pd.DataFrame, store: ImageStore) -> "pd.Series[bool]":
    """Tell which images lie in the store with their right size."""
    root = str(store.root)
    sizes = [_size(f"{root}/{path}") for path in stored["path"]]
    return pd.Series(sizes, index=stored.index, dtype="int64") == stored["bytes"]


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116  a Path each for a million takes as long again
    except OSError:
        return -1


def _is_outdated(stored: pd.DataFrame, candidates: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which come from files that were written since, or at least in the same second."""
    files = candidates[candidates["kind"] == "file"]
    written = {
        name: _written(Path(location))
        for name, location in zip(files["candidate_id"], files["location"], strict=True)
    }
    times = [written.get(name, "") for name in stored["candidate_id"]]
    return pd.Series(times, index=stored.index, dtype="str") >= stored["fetched_at"]


def _written(file: Path) -> str:
    """Return when a file was last written, as the journal writes times; "" if it is gone."""
    if not file.is_file():
        return ""
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _from_store(row: Any, store: ImageStore) -> Wanted | None:
    path = store.find(row.original_sha256)
    if path is None:
        return None
    return Wanted(
        candidate_id=row.candidate_id,
        url=row.final_url,
        file=str(store.root / path),
        attempts=row.attempts,
        fetched_at=row.fetched_at,
    )
