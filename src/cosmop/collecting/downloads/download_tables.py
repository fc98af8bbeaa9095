"""The tables of a download: what became of each candidate, which images there are, their hashes."""

from collections.abc import Mapping

import pandas as pd

from cosmop.collecting.downloads.arrivals import Arrival
from cosmop.collecting.web.fetch_errors import FetchError
from cosmop.imaging.hash_rows import HASH_COLUMNS

LOG_COLUMNS = (
    *("candidate_id", "location", "final_url", "status", "image_id", "problem_kind", "reason"),
    *("attempts", "path", "width", "height", "bytes", "original_sha256", "fetched_at"),
)
_PROVENANCE = (
    *("source", "query", "rank", "title", "alt_text", "author", "licence", "licence_url"),
    *("page_url", "location", "thumbnail_url", "post_id", "author_id", "posted_at"),
    *("possibly_sensitive", "claimed_width", "claimed_height", "source_path"),
)
MANIFEST_COLUMNS = (
    *("image_id", "path", "width", "height", "bytes"),
    *_PROVENANCE,
    *("final_url", "original_sha256", "fetched_at", "copies"),
)
_MEASURES = ("low_information", "information", "sharpness", "brightness", "contrast", "decoder")
_DIGITS = 16  # of a hash in hex


def with_untried(arrived: pd.DataFrame, untried: Mapping[str, FetchError]) -> pd.DataFrame:
    """Return `arrived` with a row for each candidate that was not tried, in place of an older one.

    Args:
        arrived: One row per candidate, with the fields of `Arrival`.
        untried: Candidate ids and why.
    """
    if not untried:
        return arrived
    rows = [
        Arrival(name, "", problem_kind=error.kind, reason=str(error))
        for name, error in untried.items()
    ]
    tried = arrived[~arrived["candidate_id"].isin(untried)]
    added = pd.DataFrame(rows, columns=list(Arrival._fields)).astype(arrived.dtypes)
    return pd.concat([tried, added], ignore_index=True)


def log_table(candidates: pd.DataFrame, arrived: pd.DataFrame) -> pd.DataFrame:
    """Return one row per candidate in their order, see `LOG_COLUMNS`.

    ``status`` is stored, identical (the same image as an earlier candidate) or failed.

    Raises:
        KeyError: A candidate has no row in `arrived`.
    """
    log = arrived.set_index("candidate_id").loc[candidates["candidate_id"]].reset_index()
    log["location"] = candidates["location"].to_numpy()
    has_image = log["image_id"] != ""
    is_repeated = log["image_id"].duplicated() & has_image
    log["status"] = "failed"
    log.loc[has_image, "status"] = "stored"
    log.loc[is_repeated, "status"] = "identical"
    return log[list(LOG_COLUMNS)]


def manifest_table(candidates: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    """Return one row per different image in order of the candidates, see `MANIFEST_COLUMNS`.

    The provenance is that of the first candidate with this content, ``copies`` counts them all.
    """
    copies = log["image_id"].value_counts()
    provenance = candidates[list(_PROVENANCE)].reset_index(drop=True)
    images = pd.concat([log.drop(columns="location"), provenance], axis=1)
    images = images[log["status"] == "stored"]
    images = images.assign(copies=images["image_id"].map(copies).astype("int64"))
    return images[list(MANIFEST_COLUMNS)].reset_index(drop=True)


def hash_table(image_ids: pd.Series, arrived: pd.DataFrame) -> pd.DataFrame:
    """Return the hashes of the images, in their order.

    As ``known`` of `cosmop.imaging.phash.hash_image_set` wants them.
    """
    known = arrived.drop_duplicates("image_id").set_index("image_id").loc[image_ids]
    digits = known["phashes"].str
    hashes = {
        name: digits[at * _DIGITS : (at + 1) * _DIGITS] for at, name in enumerate(HASH_COLUMNS)
    }
    table = pd.DataFrame(hashes).join(known[[*_MEASURES, "hashing"]])
    return table.assign(problem="").reset_index()
