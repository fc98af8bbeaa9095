"""What earlier downloads have left to do."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cosmop.collecting.arrivals import Arrivals
from cosmop.collecting.download_options import DownloadOptions
from cosmop.collecting.receiving import Wanted
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
    not been written since. Stored under other options, it is taken in again, out of the store if
    that has the original, else fetched. Of the failures, ``options.retry_failed`` chooses, and
    those that other options decided are tried again in any case.
    """
    table = arrivals.table(_COLUMNS)
    table = table[table["candidate_id"].isin(candidates["candidate_id"])]
    has_failed = table["problem_kind"] != ""
    failed, stored = table[has_failed], table[~has_failed]
    lasting = failed[~_is_tried_again(failed, options)]
    done = set(lasting["candidate_id"])
    again: dict[str, Wanted] = {}
    written = _times_of_files(candidates)
    for row in _present(stored, store):
        if written.get(row.candidate_id, "") >= row.fetched_at:
            continue
        if row.fingerprint == options.fingerprint:
            done.add(row.candidate_id)
        elif row.image_id == row.original_sha256:
            again[row.candidate_id] = _from_store(row, store)
    unique = candidates.drop_duplicates("candidate_id")
    places = zip(unique["candidate_id"], unique["kind"], unique["location"], strict=True)
    return [
        again.get(name) or Wanted(name, location, location if kind == "file" else "")
        for name, kind, location in places
        if name not in done
    ]


def _is_tried_again(failed: pd.DataFrame, options: DownloadOptions) -> "pd.Series[bool]":
    is_of_other_options = (failed["fingerprint"] != options.fingerprint) & failed[
        "problem_kind"
    ].isin(_JUDGED_BY_OPTIONS)
    wish = options.retry_failed
    if isinstance(wish, tuple):
        is_wished = failed["problem_kind"].isin(wish)
    else:
        is_wished = failed["is_temporary"] & (wish == "temporary") | (wish == "all")
    return is_of_other_options | is_wished


def _present(stored: pd.DataFrame, store: ImageStore) -> Iterator[Any]:
    """Yield the rows whose image lies in the store with its right size."""
    row: Any
    for row in stored.itertuples(index=False):
        try:
            size = (store.root / row.path).stat().st_size
        except OSError:
            continue
        if size == row.bytes:
            yield row


def _times_of_files(candidates: pd.DataFrame) -> dict[str, str]:
    """Return when the files among the candidates were last written, as the journal writes times."""
    files = candidates[candidates["kind"] == "file"]
    times = {}
    for name, location in zip(files["candidate_id"], files["location"], strict=True):
        file = Path(location)
        if file.is_file():
            written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            times[name] = written.isoformat(timespec="seconds")
    return times


def _from_store(row: Any, store: ImageStore) -> Wanted:
    return Wanted(
        candidate_id=row.candidate_id,
        url=row.final_url,
        file=str(store.root / row.path),
        attempts=row.attempts,
        fetched_at=row.fetched_at,
    )
